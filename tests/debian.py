"""Programs of Debian packages, unpacked into the cache without root and without installing them."""

import shutil
import subprocess
import textwrap
from functools import cache
from pathlib import Path

from tests.cache import UnavailableError, folder, locked

PROMETHEUS = "prometheus"
ALERTMANAGER = "prometheus-alertmanager"


def promtool() -> Path:
    return _installed("promtool") or _unpacked(PROMETHEUS) / "usr/bin/promtool"


def prometheus() -> Path:
    return _installed("prometheus") or _unpacked(PROMETHEUS) / "usr/bin/prometheus"


def amtool() -> Path:
    return _installed("amtool") or _unpacked(ALERTMANAGER) / "usr/bin/amtool"


def alertmanager() -> Path:
    return _installed("prometheus-alertmanager") or _installed("alertmanager") or _alertmanager_in_its_own_view()


def tinyproxy() -> Path:
    return _installed("tinyproxy") or _unpacked("tinyproxy-bin") / "usr/bin/tinyproxy"


def nginx() -> Path:
    return _installed("nginx") or _unpacked("nginx") / "usr/sbin/nginx"


def _installed(program: str) -> Path | None:
    found = shutil.which(program)
    return Path(found) if found else None


def _alertmanager_in_its_own_view() -> Path:
    """A script that runs the unpacked Alertmanager.

    Debian's build opens its default templates at a compiled-in path below /usr/share and exits without them,
    so it gets a mount namespace of its own in which /usr/share is the package's.
    """
    package = _unpacked(ALERTMANAGER)
    if subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True).returncode:
        raise UnavailableError("Debian's unpacked Alertmanager needs user namespaces: install the package")
    script = package / "alertmanager"
    with locked(ALERTMANAGER):
        script.write_text(
            textwrap.dedent(f"""\
                #!/bin/sh
                exec unshare --map-root-user --mount sh -c 'mount --bind "$0" /usr/share && exec "$@"' \\
                  '{package}/usr/share' '{package}/usr/bin/prometheus-alertmanager' "$@"
                """)
        )
        script.chmod(0o755)
    return script


@cache
def _unpacked(package: str) -> Path:
    """The folder with the package's files."""
    target = folder() / "debian" / package
    with locked(package):
        if target.exists():
            return target
        for program in ("apt-get", "dpkg"):
            if not shutil.which(program):
                raise UnavailableError(f"{package} is not installed, nor {program} to fetch it with")
        work = target.with_suffix(".new")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        _run("dpkg", "--extract", str(_fetched(package, work)), str(work))
        work.rename(target)  # whole or not at all: an interrupted run leaves no half a package
    return target


def _fetched(package: str, work: Path) -> Path:
    """The package's file, by the machine's package lists or, where there are none, by lists of our own."""
    try:
        _run("apt-get", "download", package, cwd=work)
    except UnavailableError:
        state, store = folder() / "apt/state", folder() / "apt/cache"
        (state / "lists/partial").mkdir(parents=True, exist_ok=True)
        (store / "archives/partial").mkdir(parents=True, exist_ok=True)
        own_lists = ["-o", f"Dir::State={state}", "-o", f"Dir::Cache={store}"]
        own_lists += ["-o", "Dir::State::status=/var/lib/dpkg/status"]
        with locked("apt"):
            _run("apt-get", *own_lists, "update")
            _run("apt-get", *own_lists, "download", package, cwd=work)
    return next(work.glob(f"{package}_*.deb"))


def _run(*command: str, cwd: Path | None = None) -> None:
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    if ended.returncode:
        raise UnavailableError(f"{command[0]}: {ended.stderr.strip()[-300:]}")
