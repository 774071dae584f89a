"""Containers without a Docker engine and a registry: Debian's buildah and podman, on images built here.

They stand in for the images that the Dockerfile and compose.yaml name: a Debian of the same release with the same
Python, made with debootstrap, and Debian's builds of Prometheus and Alertmanager in it.

`python -m tests.packaging.containers` builds them, with this machine's network. The tests then run in their own network
namespace: containers create network interfaces, and at each of them other browsers on the machine would abort their
requests (net::ERR_NETWORK_CHANGED).
"""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml

from tests.cache import UnavailableError, folder, locked
from tests.packaging.tools import ROOT
from tests.processes import wait_until

RELEASE = "trixie"
PACKAGES = ("busybox-static", "docker-compose", "prometheus", "prometheus-alertmanager")
GENERATIONS = ("4", "5")
BASE = f"localhost/vecharge-stand-in/python:3.13-slim-{RELEASE}"
# The folder of pip's certificate file and settings while an image is built.
PIP_SETTINGS = ("cert", "index-url", "proxy", "timeout", "trusted-host")
PIP_CERTIFICATES = "/etc/ssl/pip.pem"


class Program(NamedTuple):
    """A program of a Debian package, and the data folder of its image."""

    package: str
    binary: str
    data: str


PROMETHEUS = Program("prometheus", "/usr/bin/prometheus", "/prometheus")
ALERTMANAGER = Program("prometheus-alertmanager", "/usr/bin/prometheus-alertmanager", "/alertmanager")


@cache  # written once: podman's processes read the file at any time
def engine() -> dict[str, str]:
    """The environment in which podman and buildah work here."""
    if os.geteuid():
        raise UnavailableError("containers are tested as root: debootstrap needs it")
    for program in ("buildah", "podman", "runc", "iptables", "ip", "debootstrap"):
        if not shutil.which(program):
            raise UnavailableError(f"{program} is not installed")
    for service in ("netavark", "aardvark-dns"):  # podman's network and its DNS
        if not Path("/usr/lib/podman", service).exists():
            raise UnavailableError(f"{service} is not installed")
    settings = folder() / "containers.conf"
    settings.write_text(
        textwrap.dedent("""\
            # Containers may be limited no further than this machine lets them be.
            [containers]
            default_ulimits = ["nofile=1024:2048", "nproc=4096:4096"]
            pids_limit = 0
            [engine]
            runtime = "runc"
            cgroup_manager = "cgroupfs"
            events_logger = "file"
            [network]
            network_backend = "netavark"
            """)
    )
    return {**os.environ, "CONTAINERS_CONF": str(settings)}


def run(*command: str | Path, seconds: float = 600.0) -> str:
    """The output of a command of the engine. Fails the test if the command fails."""
    ended = _ended(*command, seconds=seconds)
    assert ended.returncode == 0, f"{' '.join(map(str, command[:2]))}: {ended.stderr.strip()[-2000:]}"
    return ended.stdout


def succeeds(*command: str) -> bool:
    """Whether a command of the engine does."""
    return _ended(*command).returncode == 0


def inspect(image: str) -> Any:
    """The description of an image."""
    return json.loads(run("podman", "image", "inspect", image))[0]


@cache
def prepare() -> Path:
    """Makes BASE, an image like the Dockerfile's base. Gives the folder of packages that are fetched with it."""
    with locked("containers"):
        packages = folder() / RELEASE
        if packages.exists() and _prepare("podman", "images", "--quiet", BASE):
            return packages
        tree, new = folder() / f"{RELEASE}.tree", folder() / f"{RELEASE}.new"
        for old in (packages, tree, new):
            shutil.rmtree(old, ignore_errors=True)
        new.mkdir()
        include = "ca-certificates,python3,python3-venv,tzdata"
        _prepare("debootstrap", "--variant=minbase", f"--include={include}", RELEASE, tree)
        fetch = f"mkdir /fetched && cd /fetched && apt-get update && apt-get download {' '.join(PACKAGES)}"
        _prepare("chroot", tree, "sh", "-c", fetch)
        for package in PACKAGES:
            (file,) = (tree / "fetched").glob(f"{package}_*.deb")
            _prepare("dpkg", "--extract", file, new / package)
        for what in ("fetched", "var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
            shutil.rmtree(tree / what)
        _prepare("sh", "-c", f'tar -C "$0" -c . | podman import - {BASE}', tree)
        shutil.rmtree(tree)
        return new.rename(packages)  # atomic: an interrupted run leaves no partial image


def build() -> None:
    """Build every image that the tests run."""
    prepare()
    for socketio in GENERATIONS:
        _build_exporter(socketio)
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    _build_stand_in(PROMETHEUS, services["prometheus"]["image"])
    _build_stand_in(ALERTMANAGER, services["alertmanager"]["image"])


def exporter(socketio: str) -> str:
    """The name of the exporter's image."""
    return f"localhost/vecharge-exporter-test:socketio{socketio}"


def _build_exporter(socketio: str) -> None:
    """Build the exporter's image from the Dockerfile and the current files."""
    arguments = {"PYTHON_IMAGE": BASE, "SOCKETIO": socketio, "VERSION": "1.2.3", "REVISION": "4f5e6d"}
    build_arguments = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    _build(exporter(socketio), ROOT, *build_arguments, *_pip_mounts())


def _build_stand_in(program: Program, image: str) -> None:
    """Build an image with the name of the program's official one, which cannot be pulled."""
    context = folder() / f"{program.package}.image"
    shutil.rmtree(context, ignore_errors=True)
    for package in (program.package, "busybox-static"):
        shutil.copytree(prepare() / package / "usr", context / "usr", symlinks=True, dirs_exist_ok=True)
    (context / "Containerfile").write_text(
        textwrap.dedent(f"""\
            FROM {BASE}
            COPY usr /usr
            RUN ln -s busybox /usr/bin/wget && install --directory --owner=65534 --group=65534 {program.data}
            USER 65534
            WORKDIR {program.data}
            VOLUME {program.data}
            ENTRYPOINT ["{program.binary}"]
            """)
    )
    _build(image, context)


def compose_program() -> Path:
    """Docker Compose, which uses podman through Docker's API."""
    return prepare() / "docker-compose/usr/libexec/docker/cli-plugins/docker-compose"


def _build(image: str, context: Path, *options: str) -> None:
    """Build an image, which replaces the one of the same name."""
    before = run("podman", "images", "--quiet", image).strip()
    # Docker's format: the OCI format has no health check.
    run("buildah", "bud", "--isolation=chroot", "--format=docker", "--pull=never", *options, f"--tag={image}", context)
    if before and before != run("podman", "images", "--quiet", image).strip():
        succeeds("podman", "image", "rm", before)  # a container of an aborted run may still use it


def _ended(*command: str | Path, seconds: float = 600.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=engine(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
    )


def _prepare(*command: str | Path) -> str:
    """The output of a command that not every machine can run."""
    ended = _ended(*command)
    if ended.returncode:
        raise UnavailableError(f"{' '.join(map(str, command[:2]))}: {ended.stderr.strip()[-500:]}")
    return ended.stdout


def _pip_mounts() -> list[str]:
    """Options with which pip in a build uses this machine's package index. The image keeps none of them."""
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    found = dict(re.findall(r"^(?:global|install|:env:)\.([a-z-]+)='(.*)'$", said.stdout, re.MULTILINE))
    settings = {name: found[name] for name in PIP_SETTINGS if name in found}
    mounts = []
    if "cert" in settings:
        mounts += [f"--volume={settings['cert']}:{PIP_CERTIFICATES}:ro"]
        settings["cert"] = PIP_CERTIFICATES
    file = folder() / "pip.conf"
    file.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    return [*mounts, f"--volume={file}:/etc/pip.conf:ro"]


class Container:
    """A running container; as a context manager it is removed with its anonymous volumes at the end of the block."""

    def __init__(self, image: str, *command: str, options: tuple[str, ...] = ()) -> None:
        self.id = run("podman", "run", "--detach", *options, image, *command).strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        run("podman", "rm", "--force", "--volumes", "--time=0", self.id)

    def url(self, port: int = 10037) -> str:
        """The URL of the published port."""
        return f"http://{run('podman', 'port', self.id, str(port)).strip()}"

    def text(self) -> str:
        """Its output so far."""
        return run("sh", "-c", 'podman logs "$0" 2>&1', self.id)

    def execute(self, *command: str) -> str:
        """The output of a command in it."""
        return run("podman", "exec", self.id, *command)

    def healthy(self) -> bool:
        """The result of its health check, run now. Only systemd and Docker run it periodically."""
        return succeeds("podman", "healthcheck", "run", self.id)

    def wait_until_healthy(self) -> None:
        def healthy_while_running() -> bool:
            running = run("podman", "inspect", "--format={{.State.Running}}", self.id).strip() == "true"
            assert running, f"it ended:\n{self.text()}"
            return self.healthy()

        wait_until(healthy_while_running, "a healthy container")

    def stop(self, seconds: int) -> int:
        """Its exit status after a SIGTERM; 137 if it was killed after the timeout."""
        run("podman", "stop", f"--time={seconds}", self.id)
        return int(run("podman", "inspect", "--format={{.State.ExitCode}}", self.id))


if __name__ == "__main__":
    try:
        build()
    except UnavailableError as error:
        sys.exit(str(error))
