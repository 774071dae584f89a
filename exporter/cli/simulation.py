"""The commands that simulate a veCharge service: `demo` and `simulate`."""

import tempfile
from pathlib import Path
from typing import Any

import click

from exporter.cli import flags
from exporter.web.listening import ListenAddress


@click.command()
@flags.simulator_flag("--chargers", type=click.IntRange(1, 5000), default=12, help="How many chargers to simulate.")
@flags.simulator_flag("--speed", type=click.FloatRange(0.1, 3600), default=1.0, help="Time acceleration factor.")
@flags.listen_addresses
@flags.log_flags
def demo(
    chargers: int, speed: float, web_listen_address: tuple[ListenAddress, ...], log_level: str, log_format: Any
) -> None:
    """Simulate a veCharge service and watch it: no token, no charger needed."""
    from exporter.stream.tls import import_aiohttp

    import_aiohttp()  # before a module of the exporter does

    from exporter import app
    from exporter.cli.demo import run_demo
    from exporter.logs import create_log
    from exporter.web.server import WebOptions

    web = WebOptions(web_listen_address)
    log = create_log(log_level, log_format)
    # Every demo simulates new chargers: their state is of no use to the next one.
    with tempfile.TemporaryDirectory(prefix="vecharge-exporter-demo-") as folder:
        options = app.Options(web, Path(folder))
        app.run_loop(lambda: run_demo(chargers, speed, options, log), log)


@click.command()
@flags.simulator_flag(
    "--listen-address", type=flags.LISTEN_ADDRESS, default="127.0.0.1:10038", help="Where to listen: HOST:PORT."
)
@flags.simulator_flag("--chargers", type=click.IntRange(1, 10000), default=12, help="How many chargers to simulate.")
@flags.simulator_flag("--speed", type=click.FloatRange(0.1, 3600), default=1.0, help="Time acceleration factor.")
@flags.simulator_flag(
    "--log-interval", type=click.FloatRange(0.1, 3600), default=10.0, help="Simulated seconds between logs."
)
@flags.simulator_flag("--seed", type=int, help="Simulate the same sessions every time.")
@flags.simulator_flag(
    "--faults",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Faults per log: duplicates, energies of 0, invalid payloads.",
)
@flags.simulator_flag(
    "--payloads",
    type=click.Choice(["text", "object", "mixed"]),
    default="text",
    help="Send payloads as JSON text, as the vendor documents, as objects, or each charger in one of the two ways.",
)
@flags.simulator_flag("--tls-cert", type=flags.FILE, help="Serve over TLS with this certificate (PEM).")
@flags.simulator_flag("--tls-key", type=flags.FILE, help="Key of the certificate; without one it is in the same file.")
@flags.log_flags
def simulate(log_level: str, log_format: Any, listen_address: ListenAddress, **options: Any) -> None:
    """Simulate a veCharge service alone.

    It answers the requests of the real service:

    \b
    /socket.io/?token=Bearer%20TOKEN&chargerId=ID   the stream of one charger
    PATCH /api/v1/charger/chargerDesiredState       {"status": "ON" or "OFF", "chargerId": ID}: switch a charger
                                                    (header "Authorization: Bearer TOKEN")

    It also answers these requests, without a token. CHARGER is an id or "all"; parameters are JSON in the body:

    \b
    GET  /simulator/totals                        true total (kWh), sessions, status and more, per charger
    GET  /simulator/sessions                      true sessions (began, ended, kWh), per charger
    GET  /simulator/token                         the accepted token
    POST /simulator/token/revoke                  refuse every token
    POST /simulator/token/restore                 accept the token again
    POST /simulator/token/rotate                  replace the token by a new one
    POST /simulator/restart                       {"seconds": 1}: close every connection, refuse new ones for a time
    POST /simulator/chargers/CHARGER/on           begin a session
    POST /simulator/chargers/CHARGER/off          end the session
    POST /simulator/chargers/CHARGER/offline      {"seconds": 60}: lose the Wi-Fi, for a simulated time or until online
    POST /simulator/chargers/CHARGER/online       regain the Wi-Fi
    POST /simulator/chargers/CHARGER/pause        stop logs and sessions; the totals stay as they are
    POST /simulator/chargers/CHARGER/resume       continue
    POST /simulator/chargers/CHARGER/log          send one log now
    POST /simulator/chargers/CHARGER/drop         close the connection of the stream
    POST /simulator/chargers/CHARGER/resend       {"count": 1, "newest_first": false}: repeat the last logs, at most 12
    POST /simulator/chargers/CHARGER/blip         send a log with energy 0
    POST /simulator/chargers/CHARGER/burst        {"count": 30}: send many logs at once
    POST /simulator/chargers/CHARGER/corrupt      {"kind": KIND}: send an invalid log, one of truncated, no_json, null,
                                                  list, number, negative_energy, huge_energy, energy_text,
                                                  energy_object
    POST /simulator/chargers/CHARGER/document     {"energy": "true", "zero" or "stale"}: the energy in later documents
    POST /simulator/chargers/CHARGER/send         {"event": NAME, "payload": ANY}: send any event
    """
    from exporter.stream.tls import import_aiohttp

    import_aiohttp()  # before a module of the exporter does

    from exporter import app
    from exporter.cli.demo import run_simulator
    from exporter.logs import create_log
    from exporter.simulator import SimulatorOptions

    if options["tls_key"] is not None and options["tls_cert"] is None:
        raise click.BadParameter("needs --tls-cert", param_hint="--tls-key")
    simulated = SimulatorOptions(host=listen_address.host or "", port=listen_address.port, **options)
    log = create_log(log_level, log_format)
    app.run_loop(lambda: run_simulator(simulated), log)
