"""Writes the rules as a PrometheusRule for the Prometheus operator: `python -m prometheus`."""

from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
SOURCES = ("alerts.yml", "recording.yml")
MANIFEST = FOLDER / "prometheusrule.yaml"
HEADER = f"# Generated from {' and '.join(SOURCES)}: change those, then `make rules`.\n"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and no anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def text() -> str:
    """The manifest as its file holds it."""
    groups = [group for name in SOURCES for group in yaml.safe_load((FOLDER / name).read_text())["groups"]]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "vecharge-exporter"},
        "spec": {"groups": groups},
    }
    return HEADER + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120)


if __name__ == "__main__":
    MANIFEST.write_text(text())
