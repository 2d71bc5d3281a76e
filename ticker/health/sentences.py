"""The sentences about writers and streams: one set for `status`, `tail` and the dashboard.

Pure: records and a moment in, words out. A sentence about a problem ends with a full stop. If it
ends with a command, it has none: users would copy the full stop with the command. A line about a
healthy writer has none. `option` is the option that names the stream in a command, as in
` --stream demo`; it is empty for the default stream. Text from outside is escaped. Sentences show
the times of events, not ages, so they do not change each second. Only `of_heartbeat` shows an age:
it is for lists that are printed once.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from msgspec import structs

from ticker.address import is_recording
from ticker.escape import escape
from ticker.figures import agree, and_more, count_text, speed_text
from ticker.health.reasons import REASONS, Reason
from ticker.health.states import StreamState, WriterState
from ticker.health.writers import WriterHealth
from ticker.records import Heartbeat
from ticker.source_titles import cannot_reach, source_label, source_title, to_reach
from ticker.times import Zone, clock, format_duration
from ticker.units import SECOND

EXAMPLES: Final = 3
_EXAMPLE: Final = ("AAPL",)
"""The symbols in a suggested command, if the user named none."""
_LATE: Final = 5 * SECOND
"""If the first answer takes longer than this (µs), advice is added."""
_PROBLEM: Final = 160
"""The most characters that are shown of a problem."""
_TYPED: Final = 12
"""The most symbols in a suggested command."""
_CHOSEN: Final = frozenset({"exchange", "exchange-live", "yahoo-live"})
"""The sources that a suggested command must name with `--source`: they are not the default."""
_URL: Final = re.compile(r"(exchange(-live)?:|yahoo\+http://|yahoo-live\+ws://)[\w.:\[\]-]+/?")
"""The URLs that a suggested command may hold: a heartbeat's URL comes from outside."""
_DEMO: Final = " --stream demo"


def invitation(symbols: Sequence[str] | None = None, option: str = "") -> str:
    """Say what to do about an empty stream. `symbols` are those that the reader wants."""
    if is_recording(option.rstrip("'")):  # no poller can write to it
        return "This recording holds no tick."
    if option == _DEMO:  # the demo's stream takes invented prices only
        return "The demo's stream is empty. In another terminal: ticker demo"
    return f"The stream is empty: nobody has polled yet. {to_poll(symbols, option)}"


def passed_over(broken: int) -> str:
    """Say how many unreadable records were skipped."""
    return f"{count_text(broken, 'unreadable record')} (damaged, or not written by ticker)"


def to_poll(symbols: Sequence[str] | None = None, option: str = "") -> str:
    """Say how to start a poller. `symbols` are those that the reader wants."""
    some = (symbols or _EXAMPLE)[:EXAMPLES]
    return f"In another terminal: {poll_command(some, None, option)}"


def chosen_source(beat: Heartbeat | None) -> str:
    """Return the source of `beat` as `--source` takes it; empty: the default, or unknown to us."""
    source, url = ("", None) if beat is None else (beat.source, beat.source_url)
    return url if url and _URL.fullmatch(url) else source if source in _CHOSEN else ""


def asking(source: str, option: str = "") -> str:
    """Return the options of a `ticker poll` that asks `source` and writes the stream of `option`.

    `source` is a `chosen_source`.
    """
    return (f" --source {source}" if source else "") + escape(option, 1_000)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Ticks that wait on this machine for a stream."""

    ticks: int
    is_sending: bool
    """Whether a relay is running that sends them."""
    source: str
    """What a poller that sends them must poll: a `chosen_source`."""

    def words(self, option: str = "") -> str:
        """Say when they are sent, or how to send them. `option` names their stream."""
        waits, them = agree(self.ticks, "waits", "wait"), agree(self.ticks, "it", "them")
        words = f"{count_text(self.ticks, 'tick')} {waits} here"
        if self.is_sending:
            return f"{words}: a relay sends {them} as soon as the stream takes {them}."
        return f"{words}. To send {them}: ticker poll{asking(self.source, option)}"


def sentence(words: str) -> str:
    """Add a full stop, unless the words end with a full stop or a question mark."""
    return words if words.endswith((".", "?")) else f"{words}."


def followed_by(words: str, more: str) -> str:
    """Join two texts: with a space after `.` or `?`, otherwise with ` · `."""
    return f"{words}{' ' if words.endswith(('.', '?')) else ' · '}{more}" if more else words


def of_writer(writer: WriterHealth, now: int, zone: Zone, option: str | None = "") -> str:
    """Describe the writer at `now` (µs): activity or problem, since when, and what to do.

    `option=None`: a poller starts again by itself, so there is no advice to start one.
    """
    beat = writer.heartbeat
    source = source_title(beat.source, first=True)
    start = "" if option is None else _start(beat.symbols or _EXAMPLE, beat, option)
    heard = clock(writer.last_sign(now), zone, now=now)
    match writer.reason:
        case Reason.FRESH | Reason.POLLER_STOPPED if beat.tape_time is not None:
            return _of_replay(writer, beat.tape_time, now, zone)
        case Reason.FRESH:
            every = f"every {format_duration(max(beat.interval, 1))}, last asked"
            how = "live, last checked" if beat.source.endswith("-live") else every
            asked = clock(beat.time, zone, now=now)
            answered = f"{beat.answered:,} of {beat.asked:,} answered"
            problem = f" · {escape(beat.problem, _PROBLEM)}" if beat.problem else ""
            return f"{source} {how} {asked}: {answered}{problem}"
        case Reason.POLLER_STOPPED if writer.is_stopped:
            return f"The poller stopped at {clock(beat.received, zone, now=now)}.{start}"
        case Reason.POLLER_STOPPED:
            return f"No sign of the poller since {heard}.{start}"
        case Reason.UNKNOWN:
            told = clock(beat.received, zone, now=now)
            return (
                f"The last sign of the poller is dated {told}, ahead of this machine's clock, "
                "so it is unknown whether the poller runs. Check both clocks."
            )
        case Reason.STARTING:
            return _of_start(beat, now, zone)
        case Reason.RATE_LIMITED:
            words = f"{source}: {escape(beat.problem or 'too many requests', _PROBLEM)}."
        case Reason.UNREACHABLE:
            words = f"{source} is unreachable{_since(beat, now, zone)}"
            words += f" ({escape(beat.problem, _PROBLEM)})" if beat.problem else ""
            words += f". {to_reach(beat.source, beat.source_url)}"
        case Reason.UNREADABLE:
            words = f"{source} sends no readable answer{_since(beat, now, zone)}"
            words += f": it {escape(beat.problem, _PROBLEM)}." if beat.problem else "."
        case Reason.NO_PRICES:
            words = f"{source} sends no usable price{_since(beat, now, zone)}."
        case Reason.SLOW:
            words = f"{source} is slow: no answer{_since(beat, now, zone)}."
        case Reason.STREAM_AWAY if beat.state != WriterState.STREAM_UNREACHABLE:
            words = f"The stream was away. Last sign of the poller: {heard}."
        case _:
            words = f"{source}: {writer.reason}{_since(beat, now, zone)}."
    if beat.retry_at is not None and beat.retry_at > now:
        words = followed_by(words, f"Next try {clock(beat.retry_at, zone, now=now)}.")
    return words


def _of_start(beat: Heartbeat, now: int, zone: Zone) -> str:
    """Describe a poller that waits for its first answer. Add advice if that takes long."""
    source, asked = source_title(beat.source), clock(beat.time, zone, now=now)
    if now - beat.time < _LATE:
        return f"Waiting for the first answer from {source}, asked at {asked}."
    words = f"No answer from {source} since {asked}."
    # No advice for a local exchange: if it were not running, it would have refused at once.
    is_local = beat.source.startswith("exchange")
    return words if is_local else f"{words} {to_reach(beat.source, beat.source_url)}"


def _of_replay(writer: WriterHealth, tape_time: int, now: int, zone: Zone) -> str:
    if writer.reason is Reason.FRESH:
        tape = clock(tape_time, zone, now=now)
        return f"A replay writes this stream, {speed_text(writer.heartbeat.speed)}, now at {tape}"
    heard = clock(writer.last_sign(now), zone, now=now)
    return (
        f"{'The replay ended at' if writer.is_stopped else 'No sign of the replay since'} {heard}."
    )


def of_healthy(
    writers: Sequence[WriterHealth], now: int, zone: Zone, option: str | None = ""
) -> str:
    """Describe healthy writers in one line."""
    if len(writers) == 1:
        return of_writer(writers[0], now, zone, option)
    beats = [writer.heartbeat for writer in writers]
    sources = and_more(sorted({source_title(beat.source) for beat in beats}), EXAMPLES, ", ")
    asked = clock(max(beat.time for beat in beats), zone, now=now)
    came, wished = answered(beats)
    counts = f"{came:,} of {wished:,} answered"
    return f"{len(writers):,} pollers of {sources}, last asked {asked}: {counts}"


def answered(beats: Sequence[Heartbeat]) -> tuple[int, int]:
    """Return how many symbols had a price, and how many were asked for.

    A symbol that several writers poll counts once, if every heartbeat lists its symbols.
    """
    if any(beat.symbols is None for beat in beats):
        return sum(beat.answered for beat in beats), sum(beat.asked for beat in beats)
    wished = {symbol for beat in beats for symbol in beat.symbols or ()}
    came = {
        symbol
        for beat in beats
        if beat.answered
        for symbol in beat.symbols or ()
        if symbol not in beat.refused
    }
    return len(came), len(wished)


def of_healthy_briefly(writers: Sequence[WriterHealth], now: int, zone: Zone) -> str:
    """Describe healthy writers: how many symbols had a price, when, and the first problem."""
    beats = [writer.heartbeat for writer in writers]
    if any(beat.tape_time is not None for beat in beats):
        return of_healthy(writers, now, zone)
    came, wished = answered(beats) if beats[1:] else (beats[0].answered, beats[0].asked)
    asked = clock(max(beat.time for beat in beats), zone, now=now)
    problem = next((f" · {escape(beat.problem)}" for beat in beats if beat.problem), "")
    return f"{came:,} of {wished:,} answered at {asked}{problem}"


def of_writer_briefly(writer: WriterHealth, now: int, zone: Zone, option: str | None = "") -> str:
    """Describe a writer in trouble: what is wrong, and what to do."""
    beat = writer.heartbeat
    if writer.reason is Reason.UNREACHABLE:
        source = source_title(beat.source, first=True)
        return f"{source} is unreachable. {to_reach(beat.source, beat.source_url)}"
    plain = replace(writer, heartbeat=structs.replace(beat, problem=None))
    return of_writer(plain, now, zone, option)


def of_stale(
    writer: WriterHealth, symbols: Sequence[str], now: int, zone: Zone, option: str | None = ""
) -> str:
    """Say why `symbols` get no price. `writer` is the healthiest of those that poll them."""
    named = names(symbols)
    if writer.reason is not Reason.POLLER_STOPPED:
        return f"{named}: {of_writer(writer, now, zone, option)}"
    since = clock(writer.last_sign(now), zone, now=now)
    start = "" if option is None else _start(symbols, writer.heartbeat, option)
    return f"No sign of the poller of {named} since {since}.{start}"


def _start(symbols: Sequence[str], beat: Heartbeat, option: str) -> str:
    """Return the advice to start a poller like that of `beat` for `symbols`.

    It names the first symbols if there are many. For the demo's stream it starts a new demo,
    because the old demo's exchange has ended too.
    """
    if option == _DEMO and beat.source_url is not None:
        return " Start one: ticker demo --keep"
    return f" Start one: {poll_command(symbols, beat, option)}"


def poll_command(symbols: Sequence[str], beat: Heartbeat | None, option: str) -> str:
    """Return the command that polls `symbols` from the source of `beat` (`None`: the default)."""
    words = [shlex.quote(escape(symbol)) for symbol in symbols[:_TYPED]]
    more = ["…"] if len(symbols) > _TYPED else []
    return " ".join(["ticker poll", *words, *more]) + asking(chosen_source(beat), option)


def of_heartbeat(writer: WriterHealth, now: int, zone: Zone) -> str:
    """Describe a heartbeat on one line, for lists of writers."""
    beat = writer.heartbeat
    words = f"{source_label(beat.source)}: {escape(beat.state, 40)}, "
    words += f"{beat.answered} of {beat.asked} symbols"
    words += f" ({names(beat.symbols)}), " if beat.symbols else ", "
    words += f"every {format_duration(max(beat.interval, 1))}, "
    if writer.silent is None:
        words += f"last sign dated {clock(beat.received, zone, now=now)}, ahead of this clock"
    else:
        words += f"last sign {format_duration(max(writer.silent, 1))} ago"
    if writer.reason is Reason.POLLER_STOPPED and not writer.is_stopped:
        words += " (gone)"
    if beat.last_good is not None and writer.reason is not Reason.FRESH:
        words += f", last good answer {clock(beat.last_good, zone, now=now)}"
    if beat.retry_at is not None and beat.retry_at > now:
        words += f", next try {clock(beat.retry_at, zone, now=now)}"
    return words


def of_unhealthy(writers: Sequence[WriterHealth], among: int) -> str:
    """List the unhealthy writers, except those that stopped, or are gone for more than a day."""
    unhealthy = [
        each
        for each in writers
        if each.is_recent and each.reason not in (Reason.FRESH, Reason.STARTING)
    ]
    if not unhealthy:
        return ""
    told = [f"{source_label(each.heartbeat.source)}: {each.reason}" for each in unhealthy]
    have = agree(len(unhealthy), "has", "have")
    return f"{len(unhealthy)} of {among} pollers {have} problems ({and_more(told, EXAMPLES, ', ')})"


def of_away(state: StreamState, problem: str | None) -> str:
    """Say what is wrong with a stream that is away."""
    does = "cannot be read" if state is StreamState.UNUSABLE else "is away"
    return f"The stream {does}: {sentence(why_away(problem))}"


def why_away(problem: str | None) -> str:
    """Say why a stream cannot be read now, in the words of its backend."""
    return escape(problem or "no answer", 1_000)


def why_none(state: str, source: str, problem: str) -> str:
    """Say in a few words why a poller in `state` kept no tick. Empty if nothing is wrong."""
    match state:
        case WriterState.OK | WriterState.STREAM_UNREACHABLE:
            return problem
        case WriterState.STARTING | WriterState.SLOW | WriterState.UNREACHABLE:
            return f"no answer from {source_title(source)}" + (f" ({problem})" if problem else "")
        case _:
            return f"{source_title(source)}: {problem or REASONS.get(state, state)}"


def of_no_price(
    state: WriterState | None, source: str, problem: str | None, url: str | None = None
) -> str:
    """Say why no poll brought a price, and what to do. `state` is that of the last poll."""
    match state:
        case WriterState.UNREACHABLE:
            return cannot_reach(source, problem or "no answer", url)
        case WriterState.STREAM_UNREACHABLE:
            return sentence(problem or "The stream does not answer")
        case None:
            return f"{source_title(source, first=True)} answered no poll in this time."
        case _:
            words = problem or REASONS[state]
            return f"{source_title(source, first=True)}: {sentence(words)}"


def names(symbols: Sequence[str]) -> str:
    """Name the first of `symbols`, and say how many more there are."""
    return and_more([escape(symbol) for symbol in symbols], EXAMPLES, ", ")


def _since(beat: Heartbeat, now: int, zone: Zone) -> str:
    """Return ` since` and the time of the last good answer: the prices are from then."""
    return "" if beat.last_good is None else f" since {clock(beat.last_good, zone, now=now)}"
