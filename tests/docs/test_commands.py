"""`make docs-check`: the commands of the documentation work as typed, from top to bottom of each page.

Each page runs in a copy of the repository and in one shell. YAML blocks that name a file are written to it.
not_run.txt lists the commands that are not run, with the reason.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from exporter.state.store import StateStore
from tests.cache import locked
from tests.docs.pages import ROOT, TYPED, Block, blocks
from tests.end_to_end.program import PROGRAM

HERE = Path(__file__).parent
SECONDS = 600
# Pages begin with the same installation; it is run for one of them.
INSTALLS = "docs/install.md"
INSTALLATION = ("python3 -m venv venv", "venv/bin/pip install .")
# These run until they are stopped.
SERVES = re.compile(r"(venv/bin/)?vecharge-exporter( (run|demo)\b.*| --config\.file \S+)?")
# Starts the program, waits until it listens, stops it, and fails unless it ends with status 0. Nothing listens at
# the address of the proxy: a program started here must not reach the real service.
SERVE = """
set -euo pipefail -m
serve() {
  echo "\\$ $*"
  >serve.log  # empty before the loop searches it: the program may start later
  HTTPS_PROXY=http://127.0.0.1:9 "$@" >>serve.log 2>&1 & local pid=$!
  for _ in $(seq 600); do
    if grep --quiet "msg=listening" serve.log; then kill -INT -- "-$pid"; wait "$pid"; return; fi
    kill -0 "$pid" || break
    sleep 0.1
  done
  cat serve.log; return 1
}
run() { echo "\\$ $1"; eval "$1"; }
"""


def not_run() -> dict[str, str]:
    """The reason, by pattern."""
    lines = (HERE / "not_run.txt").read_text().splitlines()
    pairs = (line.split(" => ") for line in lines if line and not line.startswith("#"))
    return dict(pair for pair in pairs)


NOT_RUN = not_run()


def reason(command: str) -> str | None:
    """Why the command is not run."""
    return next((why for pattern, why in NOT_RUN.items() if re.fullmatch(pattern, command)), None)


def script(page: str) -> str:
    """The page as one shell script."""
    lines = [SERVE]
    for block in blocks(page):
        if block.file:
            lines += _write(block)
        elif block.language == "sh":
            lines += _type(command for command in block.commands if _is_run(command, page))
    return "\n".join(lines)


def _write(block: Block) -> list[str]:
    return [
        f"mkdir -p \"$(dirname '{block.file}')\"",
        f"cat >'{block.file}' <<'END_OF_FILE'",
        block.text,
        "END_OF_FILE",
    ]


def _is_run(command: str, page: str) -> bool:
    return not reason(command) and (page == INSTALLS or command not in INSTALLATION)


def _type(commands: Iterable[str]) -> list[str]:
    quoted = {command: command.replace("'", "'\\''") for command in commands}
    return [f"serve {command}" if SERVES.fullmatch(command) else f"run '{text}'" for command, text in quoted.items()]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the files that git tracks, as they are now."""
    folder = tmp_path / "vecharge-exporter"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("page", TYPED)
def test_the_commands_of_a_page_work_as_typed(page: str, clone: Path, promtool: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("VECHARGE_", "VIRTUAL_ENV"))
    }
    environment |= {"VECHARGE_TOKEN": "made-up", "TOKEN_DELHI": "made-up", "TOKEN_MUMBAI": "made-up"}
    environment["PIP_NO_COMPILE"] = "1"  # saves compiling modules that no command imports
    environment["PATH"] = f"{promtool.parent}:{environment['PATH']}"
    with locked("port 10037"):
        if page != INSTALLS:
            (clone / "venv/bin").mkdir(parents=True)
            (clone / "venv/bin/vecharge-exporter").symlink_to(PROGRAM)
        if page == "docs/bill.md":
            StateStore.open(clone / "data").close()
        ended = subprocess.run(
            ["bash", "-c", script(page)],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_the_page_that_installs_has_the_installation_of_the_others() -> None:
    commands = [command for block in blocks(INSTALLS) if block.language == "sh" for command in block.commands]
    assert commands[: len(INSTALLATION)] == list(INSTALLATION)


def test_every_pattern_of_commands_that_are_not_run_matches_a_command() -> None:
    commands = {
        command for page in TYPED for block in blocks(page) if block.language == "sh" for command in block.commands
    }
    unused = {pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, command) for command in commands)}
    assert not unused


def test_every_block_names_its_language() -> None:
    languages = {(page, block.language) for page in TYPED for block in blocks(page)}
    assert {language for _, language in languages} <= {"sh", "yaml", ""}
