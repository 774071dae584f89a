"""A plugin of pytest for `make mutants`: worlds come last, since they are slow."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "worlds" in item.path.parts)
