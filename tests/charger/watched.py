"""A charger to which tests apply events, and its metrics."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from exporter.charger.account import Account
from exporter.charger.charger import Charger, KeptState, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import Connected, Disconnected, Disconnection, Event
from exporter.charger.notice import Notice
from exporter.charger.wire import decode
from exporter.metrics.metric import Metric, Subject, Value
from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS
from tests.charger.saving import save

NOON: Final = 1_700_000_000.0
KWH: Final = 3_600_000
STALE_AFTER: Final = 300.0
DAY: Final = 86_400.0


class Watched:
    """A charger, its events, and a clock that only `wait` advances."""

    def __init__(
        self,
        rules: Rules | None = None,
        *,
        name: str | None = None,
        kept: KeptState | None = None,
    ) -> None:
        self.account = Account("delhi")
        self.charger = Charger("test", name, self.account, rules or Rules(stale_after_seconds=STALE_AFTER), NOON, kept)
        self.now = Moment(NOON, 1000.0)
        self.disk_is_full = False

    def wait(self, seconds: float) -> None:
        self.now = Moment(self.now.unix + seconds, self.now.monotonic + seconds)

    def set_clock(self, seconds: float) -> None:
        """Set the machine's clock; no time passes."""
        self.now = Moment(self.now.unix + seconds, self.now.monotonic)

    def apply(self, event: Event) -> tuple[Notice, ...]:
        return self.charger.apply(event, self.now)

    def connect(self) -> None:
        self.apply(Connected())

    def disconnect(self, reason: Disconnection = Disconnection.TRANSPORT) -> None:
        self.apply(Disconnected(reason))

    def receive(self, name: object, payload: object = None) -> tuple[Notice, ...]:
        return self.apply(decode(name, (payload,)))

    def log(self, *, written: float | None = None, **fields: object) -> tuple[Notice, ...]:
        """A log of a charger that charges with 7 kW, written now; `fields` override its fields."""
        at = datetime.fromtimestamp(self.now.unix if written is None else written, UTC)
        usual: dict[str, Any] = {
            "deviceId": "device-1",
            "voltage": "230.00",
            "current": "30.50",
            "power": "7015.00",
            "energy": 1.5,
            "createdAt": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "userId": "user-a",
            "chargerId": "test",
        }
        return self.receive("newLog", {name: value for name, value in (usual | fields).items() if value is not ABSENT})

    def document(self, **fields: object) -> tuple[Notice, ...]:
        """A document of a charger that is off and has never charged; `fields` override its fields."""
        usual: dict[str, object] = {"_id": "test", "status": "OFF", "energy": 0, "wifiConnectivity": True}
        inner = {name: value for name, value in (usual | fields).items() if value is not ABSENT}
        return self.receive("chargerConnected", {"_doc": inner})

    def switch(self, status: str) -> tuple[Notice, ...]:
        return self.receive("statusChanged", {"status": status})

    def shows(self, name: str, label_value: str = "") -> Value:
        """The value of `vecharge_charger_NAME` or `vecharge_stream_NAME`; None if it is absent."""
        if not self.disk_is_full:
            self.commit()
        for metric in CHARGER_METRICS:
            if metric.name in (f"vecharge_charger_{name}", f"vecharge_stream_{name}"):
                return _read(metric, self.charger, label_value, self.now)
        raise LookupError(name)

    def account_shows(self, name: str, label_value: str = "") -> Value:
        """The value of `vecharge_account_NAME`."""
        (metric,) = (metric for metric in ACCOUNT_METRICS if metric.name == f"vecharge_account_{name}")
        return _read(metric, self.account, label_value, self.now)

    def info(self) -> Mapping[str, str]:
        """The labels of `vecharge_charger_info`."""
        (metric,) = (metric for metric in CHARGER_METRICS if metric.info)
        assert metric.info is not None
        return dict(zip(metric.labels, metric.info(self.charger), strict=True))

    def commit(self) -> None:
        """Commit the meter, as before every scrape."""
        save(self.charger)


ABSENT: Final = object()


def _read(metric: Metric[Subject], subject: Subject, label_value: str, now: Moment) -> Value:
    for series in metric.series:
        if "".join(series.label_values) == label_value:
            return series.read(subject, now)
    raise LookupError(f"{metric.name}: {label_value!r}")
