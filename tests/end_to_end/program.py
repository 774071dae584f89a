"""The program as a user starts it."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import SECONDS, Process, wait_until

PROGRAM = Path(sys.executable).with_name("vecharge-exporter")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# A wrapper: root can read every file unless it drops the capability.
AS_ANYBODY = () if os.geteuid() else ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def changed_by(*statements: str) -> tuple[str, ...]:
    """A wrapper: these statements run before the program is imported."""
    code = ["import sys", *statements, "sys.argv.pop(0)", "from exporter.cli import main", "main.main()"]
    return (sys.executable, "-c", "; ".join(code))


# The program looks for changed files every 0.5 s instead of every 5 s.
CHECK_OFTEN = "from exporter.config import watch; watch.CHECK_SECONDS = 0.5"


class Exporter:
    """A running `vecharge-exporter run`, or `demo`; its files are in `folder`."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any] | None = None,
        *,
        command: Sequence[str] = ("run",),
        level: str = "info",
        env: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        port: int = 0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        arguments = [*command, f"--web.listen-address=127.0.0.1:{port}", f"--log.level={level}"]
        if config is not None:
            (folder / "config.yml").write_text(yaml.safe_dump(config))
            arguments += ["--config.file=config.yml"]
        self.folder = folder
        self.process = Process(*wrapper, PROGRAM, *arguments, output=folder / "exporter.log", cwd=folder, env=env)
        self.target = self.process.wait_for_line(r"msg=listening address=(\S+)")[1]
        self.url = f"http://{self.target}"

    def get(self, path: str, accept: str = "*/*") -> requests.Response:
        return requests.get(f"{self.url}{path}", headers={"Accept": accept}, timeout=SECONDS)

    def scrape(self, accept: str = "text/plain") -> str:
        """The metrics page."""
        response = self.get("/metrics", accept)
        assert response.status_code == requests.codes.ok
        return response.text

    def values(self, metric: str, label: str = "charger_id") -> dict[str, float]:
        """The samples of one name, by the value of one label."""
        families = text_string_to_metric_families(self.scrape())
        samples = [sample for family in families for sample in family.samples if sample.name == metric]
        return {sample.labels[label]: sample.value for sample in samples}

    def wait_until_up(self, chargers: int) -> None:
        """Wait until this number of chargers is up."""
        wait_until(lambda: sum(self.values("vecharge_charger_up").values()) == chargers, f"{chargers} chargers up")

    def problems(self) -> list[str]:
        """The lines of the log that are warnings, errors or not log lines."""
        lines = self.process.text().splitlines()
        return [line for line in lines if "level=info" not in line and "level=debug" not in line]


def account(url: str, token_file: Path, chargers: Sequence[str], name: str = "test") -> dict[str, Any]:
    """The configuration of one account."""
    return {"name": name, "url": url, "token_file": str(token_file), "chargers": list(chargers)}
