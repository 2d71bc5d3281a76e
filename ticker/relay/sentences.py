"""Sentences about relays: their status, the ticks that wait, and what to do about these.

Pure: it reads no stream and no clock.
"""

from __future__ import annotations

import shlex

from ticker.figures import agree, and_more, count_text
from ticker.health.sentences import asking, sentence
from ticker.health.states import WriterState
from ticker.relay.backlog import Waiting
from ticker.relay.proof import Proof
from ticker.relay.status import RelayStatus
from ticker.streams import StreamChoice, canonical_url
from ticker.times import Zone, clock


def undelivered_words(
    waiting: int | None, source: str, sender: str | None, problem: str | None = None
) -> str:
    """Write `undelivered: N`, where N ticks are `waiting` in `source`, and when they are sent.

    `sender` is the program that sends them later; `None`: the user must run the command again.
    `problem` is why they wait.
    """
    if waiting == 0:
        return "undelivered: 0"
    number = "unknown" if waiting is None else f"{waiting:,}"
    why = f" {sentence(problem)}" if problem else ""
    if sender is None:
        return f"undelivered: {number} (still in {source}; run this command again).{why}"
    return f"undelivered: {number} (kept in {source}; sent when {sender} runs again).{why}"


def complete_words(proof: Proof, destination: str) -> str:
    """Describe a proof without differences."""
    told = f"complete: {count_text(proof.ticks, 'tick')} of {count_text(proof.symbols, 'symbol')}"
    if proof.origins > 1:
        told += f" from {proof.origins:,} origins"
    told += " are the same in both"
    if proof.let_go:
        are = agree(proof.let_go, "is", "are")
        told += f"; {count_text(proof.let_go, 'older one')} {are} no longer in {destination}"
    return told


def incomplete_words(proof: Proof, destination: str) -> str:
    """Describe the differences that a proof found."""
    named = [f"{symbol} ({origin}): {words}" for (origin, symbol), words in proof.wrong.items()]
    return f"{destination} is not complete: {and_more(named, 5, ', ')}"


def unsent_words(each: Waiting) -> str:
    """Say that ticks wait in a local log and no relay sends them."""
    waits, them = agree(each.ticks, "waits", "wait"), agree(each.ticks, "it", "them")
    ticks = count_text(each.ticks, "tick")
    return f"{ticks} {waits} here for {each.destination}, and no relay sends {them}"


def waiting_words(each: Waiting, choice: StreamChoice, *, away: bool) -> str:
    """Say how many ticks wait in which log, whether a relay sends them, and what to do.

    `away`: the stream of `choice` cannot be reached.
    """
    here = canonical_url(choice)
    told = f"{count_text(each.ticks, 'tick')} for {each.destination} in {each.log}"
    told += ", sent before to a log that no longer exists. " if each.again else ". "
    if each.sending:
        is_away = away and each.destination == here
        return told + f"A relay is {'trying to send' if is_away else 'sending'} them"
    forward = f"ticker forward {shlex.quote(each.log)} "
    if each.destination == here:
        option = asking(each.source, choice.option)
        word = shlex.quote(choice.word)
        return f"{told}No relay sends them: ticker poll{option}, or {forward}{word}"
    to = shlex.quote(each.destination)
    return (
        f"{told}No relay sends them: {forward}{to} (or its new address) · "
        f"to give them up: {forward}{to} --forget"
    )


def status_forms(status: RelayStatus, zone: Zone, now: int) -> tuple[str, str, str]:
    """Return three descriptions of the relay: in full, without the URL, and the shortest.

    Each is one line, the problem first, because a terminal cuts off the end. `now` is µs, UTC.
    """
    if status.state is WriterState.ELSEWHERE:
        return _elsewhere_forms(status)
    sent = f"{count_text(status.ticks, 'tick')} sent"
    if not status.is_away:
        following = f"{status.state} · {sent}"
        return f"{status.destination}: {following}", following, f"{status.ticks:,} sent"
    away = status.away or status.destination
    is_source = away != status.destination
    brief = "source away" if is_source else "away"
    full = f"away: {away}"
    if status.waiting and not is_source:
        brief = f"away, {status.waiting:,} {agree(status.waiting, 'waits', 'wait')}"
        full = f"{brief} for {away}"
    shortest = status.reason or status.problem
    why, short_why = (f" ({words})" if words else "" for words in (status.problem, shortest))
    rest = ""
    if status.next_try is not None and status.next_try > now:
        rest = f" · next try {clock(status.next_try, zone, now=now)}"
    return (
        f"{full}{why}{rest} · {sent}",
        f"{brief}{why}{rest} · {sent}",
        f"{brief}{short_why}{rest}",
    )


def _elsewhere_forms(status: RelayStatus) -> tuple[str, str, str]:
    who = "another relay" + (f" (process {status.process})" if status.process else "")
    if not status.waiting:
        brief = f"{who} sends this on"
        return status.problem or brief, brief, "another relay sends this on"
    waits = f"{status.waiting:,} {agree(status.waiting, 'waits', 'wait')}"
    brief = f"{waits}, {who} sends {agree(status.waiting, 'it', 'them')}"
    return f"{brief} to {status.destination}", brief, f"{waits} for another relay"
