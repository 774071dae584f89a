"""Packages of npm for the tests, installed into the cache."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.cache import UnavailableError, folder, locked


def installed(here: Path) -> Path:
    """The folder of the packages that `package-lock.json` in `here` names."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise UnavailableError(f"{program} is not installed")
    lock = here / "package-lock.json"
    target = folder() / "node" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    with locked("node"):
        if not target.exists():
            work = target.with_suffix(".new")
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            for file in (lock, here / "package.json"):
                shutil.copy(file, work)
            # Packages that others name as their peers are not installed, unless package.json names them too.
            command = ["npm", "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
            ended = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=600)
            if ended.returncode:
                raise UnavailableError(f"npm ci: {ended.stderr.strip()[-300:]}")
            work.rename(target)
    return target / "node_modules"
