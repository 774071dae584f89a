"""Programs that check the packaging, from the development dependencies or from the machine."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.cache import UnavailableError

ROOT = Path(__file__).parents[2]


def tool(name: str) -> Path:
    """The program beside this interpreter or, without one, in PATH."""
    found = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if not found:
        raise UnavailableError(f"{name} is not installed")
    return Path(found)


def run(*command: str | Path, cwd: Path = ROOT, seconds: float = 300.0) -> str:
    """The output of the command. Fails the test with the whole output if the command fails."""
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=seconds)
    assert ended.returncode == 0, f"{Path(command[0]).name}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout
