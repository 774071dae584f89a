"""The image, built and run. `make test-image` runs it; `make test` does not, since it needs root and podman."""

import re
from collections.abc import Iterator

import pytest

from exporter import __version__
from tests.conftest import or_skip
from tests.packaging import containers
from tests.packaging.containers import Container
from tests.processes import answer, wait_until

HARDENED = (
    "--read-only",
    "--read-only-tmpfs=false",  # podman would mount file systems that Docker does not
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--publish=127.0.0.1::10037",
)
MEGABYTES = 1_000_000


@pytest.fixture(scope="module")
def image() -> str:
    or_skip(containers.prepare)
    return containers.exporter("4")


@pytest.fixture(scope="module")
def demo(image: str) -> Iterator[Container]:
    """A hardened container with simulated chargers."""
    with Container(image, "demo", options=HARDENED) as container:
        container.wait_until_healthy()
        yield container


def test_it_serves_chargers_on_a_read_only_root_file_system(demo: Container) -> None:
    def every_charger_up() -> bool:
        page = answer(f"{demo.url()}/metrics")
        return page is not None and len(re.findall(r"^vecharge_charger_up{.*} 1", page.text, re.MULTILINE)) == 12

    wait_until(every_charger_up, "12 chargers up")
    refusal = demo.execute("sh", "-c", "! touch /tmp/new 2>&1")
    assert "Read-only file system" in refusal


def test_it_runs_without_privileges(demo: Container) -> None:
    assert demo.execute("id").split() == ["uid=10037(10037)", "gid=10037(10037)", "groups=10037(10037)"]
    capabilities = re.findall(r"^Cap(?:Eff|Prm|Bnd):\s*(\w+)", demo.execute("cat", "/proc/1/status"), re.MULTILINE)
    assert {int(mask, 16) for mask in capabilities} == {0}


def test_the_exporter_itself_is_process_1(demo: Container) -> None:
    assert "vecharge-exporter" in demo.execute("cat", "/proc/1/cmdline")


def test_it_is_unhealthy_while_the_exporter_does_not_answer(image: str) -> None:
    nowhere = "--env=VECHARGE_HEALTHCHECK_URL=http://127.0.0.1:1/-/healthy"
    with Container(image, "demo", options=(*HARDENED, nowhere)) as container:
        wait_until(lambda: (page := answer(container.url())) is not None and page.ok, "the page")
        assert not container.healthy()


@pytest.mark.parametrize("command", ["run", "demo", "simulate"])
def test_sigterm_stops_it_cleanly_within_5_seconds(image: str, command: str) -> None:
    unreachable = {"VECHARGE_URL": "http://127.0.0.1:1", "VECHARGE_TOKEN": "some-token", "VECHARGE_CHARGERS": "a,b"}
    variables = [f"--env={name}={value}" for name, value in unreachable.items()]
    with Container(image, command, options=(*HARDENED, *variables)) as container:
        wait_until(lambda: re.search(r"listening|Open http|To watch them", container.text()), f"{command} at work")
        assert container.stop(seconds=5) == 0


def test_its_state_is_in_the_volume_and_belongs_to_it(image: str) -> None:
    unreachable = ("--env=VECHARGE_URL=http://127.0.0.1:1", "--env=VECHARGE_TOKEN=x", "--env=VECHARGE_CHARGERS=a")
    with Container(image, options=(*HARDENED, *unreachable)) as container:
        container.wait_until_healthy()
        (path,) = containers.inspect(image)["Config"]["Volumes"]
        assert container.execute("stat", "--format=%u:%g", path).strip() == "10037:10037"
        listing = container.execute("find", path, "-type", "f", "-user", "10037")
        assert f"{path}/state.db\n" in listing


def test_it_has_the_standard_labels(image: str) -> None:
    labels = containers.inspect(image)["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == "vecharge-exporter"
    assert labels[f"{prefix}licenses"] == "Apache-2.0"
    assert (labels[f"{prefix}version"], labels[f"{prefix}revision"]) == ("1.2.3", "4f5e6d")


@pytest.mark.parametrize(("socketio", "version"), [("4", r"4\.6\.1"), ("5", r"5\..*")])
def test_the_build_argument_chooses_the_generation_of_socketio(socketio: str, version: str) -> None:
    or_skip(containers.prepare)
    with Container(containers.exporter(socketio), "demo", options=HARDENED) as container:
        container.wait_until_healthy()
        page = answer(f"{container.url()}/metrics")
        assert page is not None
        assert re.search(rf'^vecharge_exporter_build_info{{.*socketio_version="{version}"', page.text, re.MULTILINE)


def test_it_contains_the_exporter_and_its_licence_without_tests(demo: Container) -> None:
    assert demo.execute("vecharge-exporter", "--version").strip().endswith(__version__)
    installed = demo.execute("find", "/opt/vecharge-exporter")
    assert re.search(r"vecharge_exporter-.*\.dist-info/licenses/LICENSE$", installed, re.MULTILINE)
    assert "/exporter/web/templates/index.html\n" in installed
    assert not re.search(r"/site-packages/(tests|pip|hatchling)/", installed)


def test_it_adds_less_than_60_megabytes_to_its_base(image: str) -> None:
    size, base = (containers.inspect(name)["Size"] / MEGABYTES for name in (image, containers.BASE))
    print(f"image {size:.0f} MB, base alone {base:.0f} MB")
    assert size - base < 60
