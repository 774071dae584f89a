"""Compares the result of a recording with the truth of its world."""

from dataclasses import dataclass

from exporter.charger.charger import Rules
from exporter.charger.playback import ChargerResult, Playback
from exporter.charger.recording import read_events
from exporter.charger.sessions import Session
from tests.charger.worlds.making import WorldName, make
from tests.charger.worlds.recording import RecordedWorld
from tests.charger.worlds.truth import KWH, Truth

# The service sends energy in hundredths of a kWh.
ROUNDING_JOULES = KWH // 100
CLOCK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ListQuality:
    """Whether the list of sessions is right: their number, energies and starts."""

    number: bool
    energies: bool
    starts: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What of `true_joules` is counted too much or too little, and how right the list of sessions is.

    `listed` is None where the messages do not distinguish every session from the previous one.
    """

    name: WorldName
    true_joules: int
    over_joules: int
    under_joules: int
    is_miscounted: bool
    does_not_add_up: bool
    listed: ListQuality | None


def judge_world(name: WorldName) -> Judgement:
    """Make a world, replay its recording, and compare."""
    recorded = make(name)
    return judge(name, recorded.truth, play(recorded))


def play(recorded: RecordedWorld) -> ChargerResult:
    """Replay a recording, as the command does."""
    playback = Playback(Rules())
    for event in read_events(recorded.lines):
        playback.play(event)
    (result,) = playback.results().values()
    return result


def judge(name: WorldName, truth: Truth, result: ChargerResult) -> Judgement:
    """Compare a result with the truth."""
    least, most = truth.joules
    fewest, highest = truth.number
    counted = result.energy_joules or 0
    sessions = [session for session in result.sessions if session.energy_joules > 0]
    explained = sum(session.energy_joules for session in sessions) - result.set_aside_joules + result.excess_joules
    return Judgement(
        name,
        true_joules=least,
        over_joules=max(0, counted - most),
        under_joules=max(0, least - counted),
        is_miscounted=not fewest <= len(sessions) <= highest,
        does_not_add_up=explained != counted,
        listed=_listed(truth, sessions) if truth.is_knowable else None,
    )


def _listed(truth: Truth, sessions: list[Session]) -> ListQuality:
    if len(sessions) != len(truth.counted):
        return ListQuality(number=False, energies=False, starts=False)
    pairs = list(zip(truth.counted, sessions, strict=True))
    return ListQuality(
        number=True,
        energies=all(abs(session.energy_joules - sent.kwh * KWH) <= ROUNDING_JOULES for sent, session in pairs),
        starts=all(
            abs(session.began_unix - sent.session.begun) <= truth.interval + CLOCK_SECONDS
            for sent, session in pairs
            if sent.begin_is_known
        ),
    )
