"""Complete pages of a small fleet as golden files, so that a change for users is a diff."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as text_parser

from exporter.charger.account import Account
from exporter.charger.changes import Changes
from exporter.charger.charger import Charger, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import Connected, ConnectFailed, Disconnected, Disconnection, Event, TokenInUse
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.wire import decode
from exporter.errors import ConnectFailure
from exporter.metrics.metric import Metric
from exporter.metrics.render import Exposition
from exporter.metrics.table import ACCOUNT_METRICS, EXPORTER_METRICS
from tests.charger.saving import save
from tests.metrics.client import parsed
from tests.metrics.oracle import END_MARK

FIXTURES = Path(__file__).parents[1] / "fixtures"
# The moment of the vendor's example, 2022-01-10T13:57:59.124Z, to the second.
START = Moment(1_641_823_079.0, 1000.0)
DOCUMENT = {"status": "OFF", "energy": 0, "wifiConnectivity": True, "operator": "veChargerCommunity"}


class Scene:
    """The fleet and the times of its events."""

    def __init__(self) -> None:
        self.delhi, self.pune = Account("delhi"), Account("pune")
        self.chargers: dict[str, Charger] = {}
        self.now = START
        self.process = ExporterProcess("1.2.3", "3.13.1", "4.6.1", True, START.unix, 7, 1, 0.125, 12, 0.25)

    def charger(self, charger_id: str, account: Account, name: str | None = None, *, located: bool = False) -> None:
        account.chargers += 1
        self.chargers[charger_id] = Charger(
            charger_id, name, account, Rules(stale_after_seconds=300.0, expose_location=located), START.unix
        )

    def apply(self, charger_id: str, *events: Event) -> None:
        for event in events:
            self.chargers[charger_id].apply(event, self.now)

    def wait(self, seconds: float) -> None:
        self.now = Moment(self.now.unix + seconds, self.now.monotonic + seconds)

    def scrape(self, *, openmetrics: bool) -> str:
        for charger in self.chargers.values():
            save(charger)
        exposition = Exposition(list(self.chargers.values()), Changes())
        page = exposition.render([self.delhi, self.pune], self.process, self.now, openmetrics=openmetrics)
        return (page + END_MARK if openmetrics else page).decode()


def received(name: str, payload: object = None) -> Event:
    return decode(name, (payload,))


def fixture(name: str, file: str) -> Event:
    return received(name, (FIXTURES / file).read_text())


@pytest.fixture
def scene() -> Scene:
    """One charger in each state that users see."""
    scene = Scene()
    scene.charger("test", scene.delhi, located=True)
    scene.charger("ended", scene.delhi, 'Rohini "Sector 22"\\')
    scene.charger("silent", scene.delhi)
    scene.charger("dropped", scene.pune)
    scene.charger("never reached", scene.pune)

    for charger_id in ("test", "ended", "silent"):
        scene.apply(charger_id, TokenInUse(START.unix + 90 * 86_400), Connected())
    scene.apply("silent", received("chargerConnected", {"_doc": DOCUMENT | {"status": "ON", "energy": 3.5}}))
    scene.apply("silent", received("newLog", {"energy": 3.6, "voltage": "229.10", "createdAt": "2022-01-10T13:57:58Z"}))
    scene.wait(290)
    scene.apply("test", fixture("chargerConnected", "chargerConnected.json"))
    scene.apply("test", fixture("statusChanged", "statusChanged-on.json"))
    scene.apply("test", fixture("newLog", "newLog.json"), fixture("newLog", "newLog.json"))
    scene.apply(
        "ended", received("chargerConnected", json.dumps(DOCUMENT)), received("statusChanged", {"status": "ON"})
    )
    scene.wait(10)
    scene.apply("ended", received("newLog", {"energy": 12.34, "current": "31.2", "createdAt": "2022-01-10T14:02:59Z"}))
    scene.apply("ended", received("newLog", {"energy": 0, "createdAt": "2022-01-10T14:03:09Z"}))
    scene.apply("ended", fixture("statusChanged", "statusChanged-off.json"))
    scene.apply("ended", Disconnected(Disconnection.SERVER), Connected())
    scene.apply("ended", received("chargerConnected", {"_doc": DOCUMENT | {"energy": 12.34}, "energy": 0}))
    scene.apply("dropped", TokenInUse(None), ConnectFailed(ConnectFailure.TIMEOUT), Connected())
    scene.apply("dropped", received("chargerConnected", {"_doc": DOCUMENT}), received("chargerDisconnected"))
    scene.apply("dropped", received("newLog", "{"), received("weather", {"rain": True}))
    scene.apply("never reached", ConnectFailed(ConnectFailure.REJECTED), ConnectFailed(ConnectFailure.REJECTED))
    scene.wait(5)
    return scene


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
def test_a_page_equals_its_golden_file(scene: Scene, golden: Callable[[str, str], None], openmetrics: bool) -> None:
    golden("scrape.openmetrics" if openmetrics else "scrape.txt", scene.scrape(openmetrics=openmetrics))


def test_promtool_finds_no_problem(scene: Scene, promtool: Path) -> None:
    page = scene.scrape(openmetrics=False)
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, timeout=30, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_strict_parser_accepts_openmetrics(scene: Scene) -> None:
    families = parsed(scene.scrape(openmetrics=True))
    assert {family.type for family in families} == {"gauge", "counter", "histogram"}


def test_only_the_two_durable_counters_have_a_created_time(scene: Scene) -> None:
    families = parsed(scene.scrape(openmetrics=True))
    created = {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if sample.name.endswith("_created")
    }
    assert created == {
        "vecharge_charger_energy_joules_created": START.unix,
        "vecharge_charger_sessions_created": START.unix,
    }
    assert "_created" not in scene.scrape(openmetrics=False)


def test_a_series_occurs_once_on_a_page(scene: Scene) -> None:
    heads = [line.rpartition(" ")[0] for line in scene.scrape(openmetrics=False).splitlines() if line[0] != "#"]
    assert len(heads) == len(set(heads))


def test_samples_have_no_timestamp_and_are_not_nan(scene: Scene) -> None:
    samples = [sample for family in text_parser(scene.scrape(openmetrics=False)) for sample in family.samples]
    assert all(sample.timestamp is None and sample.value == sample.value for sample in samples)


@pytest.mark.parametrize("metric", ACCOUNT_METRICS[1:-1], ids=lambda metric: metric.name)
def test_the_series_of_an_account_exist_from_the_start(metric: Metric[Account]) -> None:
    page = Scene().scrape(openmetrics=False)
    for series in metric.series:
        for account in ("delhi", "pune"):
            assert f'{metric.name}{{account="{account}",{metric.labels[0]}="{series.label_values[0]}"}} 0.0\n' in page


def test_the_metrics_of_the_exporter_itself_exist_from_the_start() -> None:
    page = Scene().scrape(openmetrics=False)
    assert [metric.name for metric in EXPORTER_METRICS if f"\n{metric.name}" not in page] == []
