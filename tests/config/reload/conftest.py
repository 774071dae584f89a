"""The program as the end-to-end tests start it, and its service and token."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import start_exporter
from tests.node.service import NodeService

__all__ = ["start_exporter"]


@pytest.fixture
def node(node_service: Callable[..., NodeService]) -> NodeService:
    return node_service("2")


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("a-token")
    return file
