"""Chromium, installed if it is missing and this user may install it."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.cache import UnavailableError, locked
from tests.web.chromium_without_netlink import HEADLESS, PROGRAMS

# No sandbox: tests run as root in containers. No background requests: tests use no network.
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LAUNCHER: Final = Path(__file__).with_name("chromium_without_netlink.py")


@cache
def chromium() -> Path:
    """The program that runs Chromium."""
    with locked("chromium"):
        if not shutil.which(HEADLESS) and not os.geteuid() and shutil.which("apt-get"):
            _install()
    if not any(map(shutil.which, PROGRAMS)):
        raise UnavailableError(f"neither {' nor '.join(PROGRAMS)} is installed, nor can it be installed with apt-get")
    return LAUNCHER


def _install() -> None:
    # Not unpacked like Prometheus: it depends on a hundred libraries.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", HEADLESS, "fonts-dejavu-core"]):
        subprocess.run(["apt-get", "--quiet", *command], capture_output=True, env=environment)
