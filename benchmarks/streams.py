"""The rows of CPU per log and per handshake: the exporter against a bare client, and the vendor's documented way."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from benchmarks import certificate
from benchmarks.processes import Child, wait_until
from benchmarks.rows import Row, share


def measure(many: int, few: int, rounds: int, logs_a_round: int, every: float) -> Iterator[Row]:
    """`many` chargers against a bare client, over TLS and without; `few` against threads.

    A round has `logs_a_round` logs per charger, one every `every` seconds.
    """
    load = (rounds, logs_a_round, every)
    with certificate.issued() as tls:
        yield from _against_bare("TLS", [tls.certificate, tls.key], [tls.authority], many, *load)
    yield from _against_bare("plain HTTP", [], [], many, *load)
    with ExitStack() as stack:
        service = stack.enter_context(Child("load_server"))
        ours, threads = (
            stack.enter_context(Child("listeners", way, service.started, few)) for way in ("exporter", "threads")
        )
        _until_connected(service, (ours, threads), few)
        costs = _costs(service, (ours, threads), few, rounds, logs_a_round, every)
        yield share(f"CPU per log, against the vendor's documented way ({few:,} chargers)", costs[0], costs[1], 0.2)


def _against_bare(
    wire: str,
    serving: Sequence[object],
    trusting: Sequence[object],
    chargers: int,
    rounds: int,
    logs_a_round: int,
    every: float,
) -> Iterator[Row]:
    with ExitStack() as stack:
        service = stack.enter_context(Child("load_server", *serving))
        both = [
            stack.enter_context(Child("listeners", way, service.started, chargers, *trusting))
            for way in ("exporter", "bare")
        ]
        _until_connected(service, both, chargers)
        ours, bare = ([child.ask("cpu") / chargers] for child in both)
        case = f"against a bare AsyncClient over {wire} ({chargers:,} chargers)"
        yield share(f"CPU a handshake, {case}", ours, bare, 1.3, "handshake")
        ours, bare = _costs(service, both, chargers, rounds, logs_a_round, every)
        yield share(f"CPU per log, {case}", ours, bare, 1.05 if serving else 1.3)


def _until_connected(service: Child, listeners: Sequence[Child], chargers: int) -> None:
    for listener in listeners:
        wait_until(lambda group=listener.started: service.ask("streams", group=group) == chargers, "all connected")  # type: ignore[misc]


def _costs(
    service: Child, listeners: Sequence[Child], chargers: int, rounds: int, logs_a_round: int, every: float
) -> list[list[float]]:
    """CPU seconds per log of each, by round; they take turns."""
    costs: list[list[float]] = [[] for _ in listeners]
    for number in range(rounds + 1):
        for listener, cost in zip(listeners, costs, strict=True):
            before = listener.ask("report")
            sent = service.ask("send", group=listener.started, rounds=logs_a_round, every=every)
            after = _when_all_came(listener, sent)
            if number:  # the first round warms up
                cost.append((after["cpu"] - before["cpu"]) / (chargers * logs_a_round))
    for listener in listeners:
        assert listener.ask("check", logs=logs_a_round * (rounds + 1)), f"{listener.started}: a log was lost"
    return costs


def _when_all_came(listener: Child, sent: int) -> dict[str, float]:
    def came() -> dict[str, float]:
        report: dict[str, float] = listener.ask("report")
        time.sleep(0.0 if report["logs"] >= sent else 0.1)
        return report if report["logs"] >= sent else {}

    return wait_until(came, f"{sent} logs")
