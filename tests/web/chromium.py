"""Debian's Chromium, installed if it is missing and this user may install it."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.cache import UnavailableError, locked

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
        if not shutil.which("chromium"):
            _install()
    return LAUNCHER


def _install() -> None:
    # Not unpacked like Prometheus: it depends on a hundred libraries.
    if os.geteuid() or not shutil.which("apt-get"):
        raise UnavailableError("chromium is not installed: install Debian's package")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"]):
        done = subprocess.run(["apt-get", "--quiet", *command], capture_output=True, env=environment)
        if done.returncode:
            raise UnavailableError(f"chromium is not installed, and apt-get {command[0]} fails")
    if not shutil.which("chromium"):
        raise UnavailableError("chromium is not there after its installation")
