"""The systemd unit is hardened, and its token is neither an argument nor a variable nor a setting."""

import re

import pytest

from tests.conftest import or_skip
from tests.packaging.tools import ROOT, run, tool

UNIT = ROOT / "deploy/systemd/vecharge-exporter.service"
SETTINGS = re.findall(r"^(\w+)=(.*)$", UNIT.read_text().replace("\\\n", " "), re.MULTILINE)
TUNABLES = "GLIBC_TUNABLES=glibc.malloc.tcache_count=0"


def test_its_exposure_is_below_2() -> None:
    said = run(or_skip(lambda: tool("systemd-analyze")), "security", "--offline=true", "--threshold=19", UNIT)
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert exposure
    assert float(exposure[1]) < 2.0


def test_every_setting_is_known_to_systemd() -> None:
    """`verify` also looks for the program itself, which is not installed here."""
    analyze = or_skip(lambda: tool("systemd-analyze"))
    complaints = run("sh", "-c", '"$0" verify "$1" 2>&1 || true', analyze, UNIT).splitlines()
    missing_program = "Command /opt/vecharge-exporter/bin/vecharge-exporter is not executable"
    assert [line for line in complaints if UNIT.name in line and missing_program not in line] == []


def test_the_token_comes_as_a_credential() -> None:
    assert ("LoadCredential", "token:/etc/vecharge-exporter/token") in SETTINGS
    others = [(name, value) for name, value in SETTINGS if name in ("Environment", "EnvironmentFile", "SetCredential")]
    assert others == [("Environment", TUNABLES)]


def test_the_image_and_the_unit_set_the_same_for_glibc() -> None:
    assert f"ENV {TUNABLES} \\\n" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("setting", ["DynamicUser=yes", "ProtectSystem=strict", "StateDirectory=vecharge-exporter"])
def test_it_writes_to_its_state_directory_only(setting: str) -> None:
    name, value = setting.split("=")
    assert (name, value) in SETTINGS


def test_a_reload_is_the_signal_that_the_exporter_reloads_on() -> None:
    assert ("ExecReload", "/bin/kill -HUP $MAINPID") in SETTINGS


def test_an_invalid_configuration_is_not_retried() -> None:
    assert ("Restart", "always") in SETTINGS
    assert ("RestartPreventExitStatus", "2") in SETTINGS
