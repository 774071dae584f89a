"""The README's first command as typed: on a terminal, stopped with Ctrl-C."""

import re
import subprocess
import sys
from pathlib import Path

from tests.processes import SECONDS, answer, wait_until

ROOT = Path(__file__).parents[2]
# `make demo` on its own terminal, which gets what comes on stdin.
ON_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(['make', 'demo', 'PORT=0'])))"
CTRL_C = b"\x03"
# The first time it installs its dependencies.
INSTALLED = 300.0


def test_make_demo_runs_until_ctrl_c(tmp_path: Path) -> None:
    output = tmp_path / "demo.log"
    with output.open("wb") as file:
        demo = subprocess.Popen([sys.executable, "-c", ON_A_TERMINAL], cwd=ROOT, stdin=subprocess.PIPE, stdout=file)
    assert demo.stdin
    try:
        opened = wait_until(lambda: re.search(r"Open (\S+)/ ", output.read_text()), output.read_text, INSTALLED)
        assert opened
        assert opened[1].startswith("http://127.0.0.1:"), "only this machine can open it"

        def chargers_up() -> int:
            page = answer(f"{opened[1]}/metrics")
            return len(re.findall(r"^vecharge_charger_up\{.*\} 1\.0$", page.text, re.MULTILINE)) if page else 0

        wait_until(lambda: chargers_up() == 12, output.read_text)
        demo.stdin.write(CTRL_C)
        demo.stdin.flush()
        assert demo.wait(SECONDS) == 0
    finally:
        demo.kill()
        demo.wait()
        demo.stdin.close()
    said = output.read_text()
    assert "level=warn" not in said
    assert "level=error" not in said
    assert "Error" not in said
