"""Paths in documents and docstrings exist in the repository."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("benchmarks", "exporter", "grafana", "tests")
# A file, or a folder with a slash at its end; not a part of a URL or of an absolute path.
NAMED = re.compile(
    r"(?<![\w/.:@$<*-])(?:[\w.-]+/)*(?:[\w.-]+\.(?:py|js|md|ya?ml|json|toml|txt|css|html|in)\b|(?<=/))(?![\w/*<-])"
)

PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])
MODULES = sorted(file for folder in CODE for file in (ROOT / folder).rglob("*.py"))
# A path that begins with one of these is in the repository or the package.
FOLDERS = {folder.name for base in (ROOT, ROOT / "exporter") for folder in base.iterdir() if folder.is_dir()}
FILES = {file.name for folder in CODE for file in (ROOT / folder).rglob("*.py")}


def docstrings(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def missing(file: Path, text: str) -> set[str]:
    """The paths in the text of a file that do not exist in the repository."""
    named = {match[0] for match in NAMED.finditer(text) if match[0]}
    claimed = {name for name in named if name.split("/")[0] in FOLDERS or ("/" not in name and name.endswith(".py"))}
    bases = (ROOT, ROOT / "exporter", file.parent)
    return {name for name in claimed if name not in FILES and not any((base / name).exists() for base in bases)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_in_a_document_exists(page: Path) -> None:
    # The changelog may name removed files.
    assert page.name == "CHANGELOG.md" or missing(page, page.read_text()) == set()


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_path_in_a_docstring_exists(file: Path) -> None:
    assert missing(file, "\n".join(docstrings(file))) == set()


def test_a_missing_path_is_found() -> None:
    text = "See `docs/nowhere.md`, exporter/nowhere.py, `tests/nowhere/`, `panels.py`; but `docs/design.md`, `wire.py`."
    assert missing(ROOT / "x.md", text) == {"docs/nowhere.md", "exporter/nowhere.py", "tests/nowhere/", "panels.py"}
