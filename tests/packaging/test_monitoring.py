"""Rules and dashboards for Kubernetes and jsonnet are generated from one source and valid."""

import json
from pathlib import Path
from typing import Any

import _jsonnet
import msgspec
import pytest
import yaml

from prometheus.__main__ import MANIFEST, text
from tests.conftest import or_skip
from tests.packaging.test_kubernetes import VERSIONS
from tests.packaging.tools import ROOT, run, tool

DASHBOARDS = sorted((ROOT / "grafana/dashboards").glob("*.json"))


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """A rule of a PrometheusRule, by the operator's definition of its resource."""

    expr: str
    alert: str = ""
    record: str = ""
    for_: str = msgspec.field(name="for", default="")
    keep_firing_for: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """A group of rules."""

    name: str
    rules: list[Rule]
    interval: str = ""


class Spec(msgspec.Struct, forbid_unknown_fields=True):
    """The content of a PrometheusRule."""

    groups: list[Group]


def built(tmp_path: Path) -> list[dict[str, Any]]:
    """The objects that kustomize builds from both components."""
    kubectl = or_skip(lambda: tool("kubectl"))
    folder = tmp_path / "deploy"
    folder.mkdir()
    for component in ("prometheus", "grafana"):
        (tmp_path / component).symlink_to(ROOT / component)
    components = [str(Path("..") / component) for component in ("prometheus", "grafana")]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"namespace": "monitoring", "components": components}))
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(run(kubectl, "kustomize", folder)))
    return documents


def source(name: str) -> Any:
    return yaml.safe_load((ROOT / "prometheus" / name).read_text())


def test_the_prometheus_rule_is_generated_from_the_rules() -> None:
    assert MANIFEST.read_text() == text(), "renew with: make rules"


def test_the_prometheus_rule_has_every_rule_and_only_known_fields(tmp_path: Path) -> None:
    (manifest,) = (document for document in built(tmp_path) if document["kind"] == "PrometheusRule")
    assert (manifest["apiVersion"], manifest["metadata"]["namespace"]) == ("monitoring.coreos.com/v1", "monitoring")
    spec = msgspec.convert(manifest["spec"], Spec)
    assert len({group.name for group in spec.groups}) == len(spec.groups)
    assert manifest["spec"]["groups"] == [*source("alerts.yml")["groups"], *source("recording.yml")["groups"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_dashboard_is_a_config_map_that_grafanas_sidecar_finds(version: str, tmp_path: Path) -> None:
    maps = [document for document in built(tmp_path) if document["kind"] == "ConfigMap"]
    assert {name: json.loads(content) for one in maps for name, content in one["data"].items()} == {
        file.name: json.loads(file.read_text()) for file in DASHBOARDS
    }
    assert all(one["metadata"]["labels"]["grafana_dashboard"] == "1" for one in maps)
    assert [one["metadata"]["name"] for one in maps] == [f"vecharge-dashboard-{file.stem}" for file in DASHBOARDS]
    files = []
    for one in maps:
        files.append(tmp_path / f"{one['metadata']['name']}.yaml")
        files[-1].write_text(yaml.safe_dump(one))
        assert files[-1].stat().st_size < 1_000_000, "Kubernetes takes a ConfigMap of at most 1 MiB"
    run(or_skip(lambda: tool("kubernetes-validate")), "--strict", "--kubernetes-version", version, *files)


def mixin(expression: str, config: str = "{}") -> Any:
    snippet = f"local mixin = (import '{ROOT}/mixin.libsonnet') + {{ _config+:: {config} }}; {expression}"
    return json.loads(_jsonnet.evaluate_snippet("test", snippet))


def test_the_mixin_has_the_same_alerts_recording_rules_and_dashboards() -> None:
    assert mixin("mixin.prometheusAlerts") == source("alerts.yml")
    assert mixin("mixin.prometheusRules") == source("recording.yml")
    assert mixin("mixin.grafanaDashboards") == {
        f"vecharge-{file.name}": json.loads(file.read_text()) for file in DASHBOARDS
    }


def test_the_mixin_accepts_the_address_of_grafana() -> None:
    (first, *_) = mixin("mixin.prometheusAlerts", "{ grafanaUrl: 'https://grafana.example.com' }")["groups"]
    urls = [rule["labels"]["url"] for rule in first["rules"] if rule["record"] == "vecharge:grafana:url"]
    assert urls == ["https://grafana.example.com"]
