"""Draws the pictures of the dashboards in docs/images: `python -m tests.dashboards.pictures PREVIEW`.

PREVIEW is a program that draws a dashboard as a PNG: `PREVIEW DASHBOARD.json --prometheus URL --from --to --out FILE`.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import debian
from tests.dashboards.history import GOES_OFFLINE, History
from tests.dashboards.reading import FOLDER, NAMES, ROOT
from tests.processes import Process

IMAGES = ROOT / "docs/images"
DAYS = 3
SCRAPE_SECONDS = 30
# The charger that is offline at the end.
CHARGER = f"sim-{GOES_OFFLINE + 1:04d}"
HOURS = {"fleet": 24, "exporter": 24, "charger": 6}


def main(preview: str) -> None:
    end = int(time.time()) // SCRAPE_SECONDS * SCRAPE_SECONDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = History(end_unix=end, hours=24 * DAYS, interval=SCRAPE_SECONDS)
        history.write_blocks(debian.promtool(), folder / "data")
        (folder / "prometheus.yml").touch()
        with Process(
            debian.prometheus(),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=1y",
            "--web.listen-address=127.0.0.1:0",
            "--log.format=logfmt",
            output=folder / "prometheus.log",
        ) as prometheus:
            address = prometheus.wait_for_line(r"Listening on.* address=(127[0-9.]+:[1-9][0-9]*)")[1]
            prometheus.wait_for_answer(f"http://{address}/-/ready")
            for board in NAMES:
                draw(preview, board, f"http://{address}", end)


def draw(preview: str, board: str, prometheus: str, end: int) -> None:
    """One dashboard, over its last hours."""
    settings = {
        "prometheus": prometheus,
        "from": str(1000 * (end - 3600 * HOURS[board])),
        "to": str(1000 * end),
        "timezone": "Asia/Kolkata",
        "scrape-interval": f"{SCRAPE_SECONDS}s",
        "out": str(IMAGES / f"{board}.png"),
    }
    if board == "charger":
        settings["var"] = f"charger_id={CHARGER}"
    options = [text for name, setting in settings.items() for text in (f"--{name}", setting)]
    subprocess.run([preview, FOLDER / f"{board}.json", *options], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
