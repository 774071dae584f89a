"""The sdist and the wheel built from it: their content; that the wheel installs and works in a clean environment."""

import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path, PurePosixPath

import pytest

from exporter import __version__
from tests.conftest import or_skip
from tests.packaging.tools import ROOT, run, tool
from tests.processes import Process

PACKAGE = {
    file.relative_to(ROOT).as_posix()
    for file in (ROOT / "exporter").rglob("*")
    if file.is_file() and "__pycache__" not in file.parts
}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist, and the wheel that is built from it. So the sdist builds wherever these tests pass."""
    folder = tmp_path_factory.mktemp("distributions")
    run(or_skip(lambda: tool("pyproject-build")), "--outdir", folder, ".")
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="module")
def environment(distributions: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of this Python with only the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    # Without compiling modules that no test imports.
    pip(folder, "install", "--quiet", "--no-compile", distributions["wheel"], seconds=600)
    return folder


def pip(environment: Path, *arguments: str | Path, seconds: float = 300.0) -> str:
    """Run this environment's pip on another one, which saves installing pip there."""
    command = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", environment / "bin/python")
    return run(*command, *arguments, seconds=seconds)


def test_the_package_index_can_render_the_description(distributions: dict[str, Path]) -> None:
    run(or_skip(lambda: tool("twine")), "check", "--strict", *distributions.values())


def test_the_wheel_has_the_whole_package_and_the_licence_only(distributions: dict[str, Path]) -> None:
    with zipfile.ZipFile(distributions["wheel"]) as wheel:
        names = {PurePosixPath(name) for name in wheel.namelist()}
    metadata = {name for name in names if name.parts[0].endswith(".dist-info")}
    assert {str(name) for name in names - metadata} == PACKAGE
    assert PurePosixPath(f"vecharge_exporter-{__version__}.dist-info/licenses/LICENSE") in metadata
    assert {"exporter/simulator/server.py", "exporter/web/templates/index.html", "exporter/py.typed"} <= PACKAGE


def test_pip_does_not_install_the_tests(environment: Path) -> None:
    (packages,) = environment.glob("lib/python3.*/site-packages")
    assert (packages / "exporter").is_dir()
    assert not (packages / "tests").exists()


def test_pip_installs_every_dependency(environment: Path) -> None:
    assert "No broken requirements found." in pip(environment, "check")
    (metadata,) = environment.glob("lib/python3.*/site-packages/vecharge_exporter-*.dist-info")
    assert PathDistribution(metadata).version == __version__


def test_its_demo_serves_pages_and_metrics(environment: Path, tmp_path: Path) -> None:
    command = (environment / "bin/vecharge-exporter", "demo", "--web.listen-address=127.0.0.1:0")
    # From a folder without the sources, which would hide what is missing in the package.
    with Process(*command, output=tmp_path / "demo.log", cwd=tmp_path, env={"PYTHONPATH": ""}) as demo:
        url = demo.wait_for_line(r"Open (http://[0-9.:]+)/ ")[1]
        assert "vecharge" in demo.wait_for_answer(f"{url}/").text.lower()
        assert 'vecharge_charger_status{charger_id="sim-0012"' in demo.wait_for_answer(f"{url}/metrics").text
        assert demo.stop() == 0
