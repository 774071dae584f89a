"""Writes the dashboards: `python -m grafana`, from the root of the repository."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import charger, exporter, fleet

FOLDER = Path(__file__).parent / "dashboards"
BOARDS = {"fleet": fleet.board, "charger": charger.board, "exporter": exporter.board}


def text(dashboard: Dashboard) -> str:
    """A dashboard as its file holds it."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def main() -> None:
    for name, board in BOARDS.items():
        (FOLDER / f"{name}.json").write_text(text(board()))


if __name__ == "__main__":
    main()
