"""Programs that check what is shipped: from the development dependencies or from the machine."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.cache import UnavailableError

ROOT = Path(__file__).parents[2]


def tool(name: str) -> Path:
    """The program beside this interpreter, or else the machine's."""
    found = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if not found:
        raise UnavailableError(f"{name} is not installed")
    return Path(found)


def run(*command: str | Path, cwd: Path = ROOT, seconds: float = 300.0) -> str:
    """What the command says, where it succeeds; its whole output fails the test where it does not."""
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=seconds)
    assert ended.returncode == 0, f"{Path(command[0]).name}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout
