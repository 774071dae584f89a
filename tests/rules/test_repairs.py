"""An outage and its repair, at real durations: a muted alert never fires without the alert that mutes it.

Else a repair would send a second notification: the muted alert outlives the one that mutes it.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.rules.rulefiles import ALERTS, GROUPS, PROMETHEUS, alerts, document, labels_of

MINUTES = 180
A, B = 'job="ev",instance="a:10037"', 'job="ev",instance="b:10037"'
DAY = 86_400
Series = dict[str, str]

# From minute 10 to 39; the last stream connects two minutes later: streams wait at most a minute between attempts.
DOWN = "1x9 0x29 1x140"
DOWN_LONGER = "1x9 0x31 1x140"
BREAKS_MEANWHILE = "0x9 1+1x29 30x140"


@dataclass(frozen=True)
class Pair:
    """An alert that mutes another one where the labels `equal` are the same."""

    cause: str
    effect: str
    equal: tuple[str, ...]


@dataclass(frozen=True)
class Play:
    """An outage that fires `cause` and all its `effects`, and its repair. The cause is there from minute `since` on."""

    name: str
    cause: str
    effects: frozenset[str]
    since: int
    series: Series


def charger(number: int, where: str = A, *, address: str = "Sector 22", **metrics: str) -> Series:
    """The series of a charger: up, info and `metrics`, which are named without `vecharge_`."""
    labels = f'{where},charger_id="c{number}"'
    info = f'vecharge_charger_info{{{labels},account="delhi",address="{address}"}}'
    status = f'vecharge_charger_status{{{labels},status="on"}}'
    return {info: "1x180", status: "1x180"} | {f"vecharge_{name}{{{labels}}}": it for name, it in metrics.items()}


def unreachable(first: int) -> Series:
    """Four chargers that cannot be reached, each for another reason."""
    return {
        **charger(first, charger_up=DOWN, stream_connected=DOWN),
        **charger(
            first + 1,
            charger_up=DOWN_LONGER,
            stream_connected=DOWN_LONGER,
            stream_disconnections_total=BREAKS_MEANWHILE,
            charger_sessions_total="0x180",
        ),
        **charger(first + 2, charger_up=DOWN, stream_connected="1x180", charger_wifi_connected=DOWN),
        **charger(first + 3, charger_up=DOWN, stream_connected="1x180"),
    }


UNREACHABLE = frozenset(f"VechargeCharger{ending}" for ending in ("Offline", "WifiDown", "NoLogs", "Flapping"))
ACCOUNT = f'{A},account="delhi"'

TOKEN = Play(
    "a token is refused for half an hour and then replaced",
    "VechargeTokenRefused",
    UNREACHABLE
    | {f"Vecharge{name}" for name in ("AccountOutage", "SiteOutage", "TokenExpiresWithin3Days")}
    | {"VechargeTokenExpiresWithin14Days"},
    since=12,
    series={
        **unreachable(1),
        **charger(5, charger_up=DOWN_LONGER, stream_connected=DOWN_LONGER),
        f'vecharge_account_connect_failures_total{{{ACCOUNT},reason="rejected"}}': BREAKS_MEANWHILE,
        f"vecharge_account_token_expiry_timestamp_seconds{{{ACCOUNT}}}": f"600x39 {90 * DAY}x140",
    },
)
OUTAGE = Play(
    "the service is down for half an hour",
    "VechargeAccountOutage",
    UNREACHABLE | {"VechargeSiteOutage"},
    since=0,
    series=unreachable(1),
)
SITE = Play(
    "a site is without power for half an hour",
    "VechargeSiteOutage",
    UNREACHABLE,
    since=0,
    series=unreachable(1)
    | {
        name: values
        for number in range(5, 21)
        for name, values in charger(number, address="Sector 23", charger_up="1x180").items()
    },
)
CHARGER = Play(
    "a charger is offline for half an hour",
    "VechargeChargerOffline",
    frozenset({"VechargeChargerNoLogs", "VechargeChargerFlapping"}),
    since=0,
    series=charger(
        1,
        charger_up=DOWN,
        stream_connected="1x180",
        stream_disconnections_total=BREAKS_MEANWHILE,
        charger_sessions_total="0x180",
    ),
)
EXPIRY = Play(
    "a token that expires in three days is replaced",
    "VechargeTokenExpiresWithin3Days",
    frozenset({"VechargeTokenExpiresWithin14Days"}),
    since=66,
    series={
        f"vecharge_account_token_expiry_timestamp_seconds{{{ACCOUNT}}}": f"{3 * DAY + 3600}x99 {90 * DAY}x80",
    },
)

# An exporter is down from minute 100 to 129; its counters start again, but those of energy.
GONE = " stale _x29"
FAULTS = (
    charger(1, B, charger_up=f"0x99{GONE} 0x1 1x50", stream_connected=f"1x99{GONE} 0x1 1x50"),
    charger(2, B, charger_up=f"0x99{GONE} 1x50", charger_wifi_connected=f"0x99{GONE} 1x50"),
    charger(
        3,
        B,
        charger_up=f"1x99{GONE} 1x50",
        charger_sessions_total=f"0x99{GONE} 0x50",
        stream_disconnections_total=f"0+1x99{GONE} 0x50",
    ),
    charger(4, B, charger_readings_total=f"0+1x99{GONE} 0+1x50", charger_readings_rejected_total=f"0+1x99{GONE} 0x50"),
    charger(5, B, charger_voltage_volts=f"200x99{GONE} 230x50"),
    charger(
        6,
        B,
        charger_power_watts=f"7000x99{GONE} 7000x50",
        charger_energy_joules_total=f"36000x99{GONE} 36000+360000x50",
        charger_readings_total=f"0+1x99{GONE} 0+1x50",
    ),
    charger(7, B, charger_energy_joules_total=f"72000x59 36000x39{GONE} 36000x50"),
    charger(8, B, charger_energy_excess_joules=f"7200000x99{GONE} 0x50"),
)
SHARD = Play(
    "one of two exporters is down for half an hour, and its chargers are repaired meanwhile",
    "VechargeExporterDown",
    frozenset({alert.name for alert in alerts() if alert.labels["scope"] == "charger"} | {"VechargeShardMissing"}),
    since=105,
    series={
        f"up{{{A}}}": "1x180",
        f"up{{{B}}}": "1x99 0x29 1x50",
        f'vecharge_exporter_shard_info{{{A},shard="0",total_shards="2"}}': "1x180",
        f'vecharge_exporter_shard_info{{{B},shard="1",total_shards="2"}}': f"1x99{GONE} 1x50",
        f"vecharge_exporter_build_info{{{A}}}": "1x180",
        f"vecharge_exporter_build_info{{{B}}}": f"1x99{GONE} 1x50",
    }
    | {name: values for fault in FAULTS for name, values in fault.items()},
)
ONLY_EXPORTER = Play(
    "the only exporter is down for half an hour",
    "VechargeExporterDown",
    frozenset({"VechargeExporterAbsent"}),
    since=0,
    series={f"up{{{A}}}": DOWN, f"vecharge_exporter_build_info{{{A}}}": "1x9 stale _x28 1x140"},
)
PLAYS = (TOKEN, OUTAGE, SITE, CHARGER, EXPIRY, SHARD, ONLY_EXPORTER)


def pairs() -> Iterator[Pair]:
    """Every pair of alerts of which one mutes the other, by alertmanager.yml."""
    for rule in document(PROMETHEUS / "alertmanager.yml")["inhibit_rules"]:
        causes, effects = (
            [alert.name for alert in alerts() if _matches(alert.name, rule[matchers])]
            for matchers in ("source_matchers", "target_matchers")
        )
        yield from (Pair(cause, effect, tuple(rule.get("equal", ()))) for cause in causes for effect in effects)


def _matches(alert: str, matchers: list[str]) -> bool:
    labels = labels_of(alert)
    for matcher in matchers:
        parts = re.fullmatch(r'(\w+)(=~?)"(.*)"', matcher)
        assert parts, f"not a matcher of alertmanager.yml: {matcher}"
        name, operator, value = parts.groups()
        pattern = value if operator == "=~" else re.escape(value)
        if not re.fullmatch(pattern, labels.get(name, "")):
            return False
    return True


def test_every_pair_is_simulated() -> None:
    played = {(play.cause, effect) for play in PLAYS for effect in play.effects}
    assert {(pair.cause, pair.effect) for pair in pairs()} == played


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_muted_alert_never_fires_without_its_cause(promtool: Path, tmp_path: Path, play: Play) -> None:
    expectations = []
    for pair in pairs():
        if pair.cause == play.cause and pair.effect in play.effects:
            firing = 'ALERTS{{alertname="{}",alertstate="firing"}}'.format
            cause, effect = firing(pair.cause), firing(pair.effect)
            fired = f"count(group by (alertname) (max_over_time({effect}[{MINUTES}m])))"
            alone = f"{effect} unless on ({', '.join(pair.equal)}) {cause}"
            expectations += [
                {"expr": fired, "eval_time": f"{MINUTES}m", "exp_samples": [{"labels": "{}", "value": 1}]},
                {
                    "expr": f"max_over_time(({alone})[{MINUTES - play.since}m:1m])",
                    "eval_time": f"{MINUTES}m",
                    "exp_samples": [],
                },
            ]
    series = [{"series": name, "values": values} for name, values in play.series.items()]
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "group_eval_order": GROUPS,
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": expectations}],
    }
    file = tmp_path / "play.test.yml"
    file.write_text(yaml.safe_dump(test))
    ended = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
