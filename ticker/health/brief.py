"""The short forms of the sentences about writers, for a line that has no room for the whole.

They keep what is wrong and what to do, and leave out the details. Pure, as the whole ones are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from ticker.escape import escape
from ticker.health.reasons import Reason
from ticker.health.sentences import answered, of_sound, of_writer
from ticker.health.writers import WriterHealth
from ticker.source_titles import source_title, to_reach
from ticker.times import Zone, clock


def of_sound_briefly(writers: Sequence[WriterHealth], now: int, zone: Zone) -> str:
    """Describe healthy writers: how much the last answers brought, when, and what is wrong."""
    beats = [writer.heartbeat for writer in writers]
    if any(beat.tape_time is not None for beat in beats):
        return of_sound(writers, now, zone)
    came, wished = answered(beats) if beats[1:] else (beats[0].answered, beats[0].asked)
    asked = clock(max(beat.time for beat in beats), zone, now=now)
    problem = next((f" · {escape(beat.problem)}" for beat in beats if beat.problem), "")
    return f"{came:,} of {wished:,} answered at {asked}{problem}"


def of_writer_briefly(writer: WriterHealth, now: int, zone: Zone, option: str = "") -> str:
    """Describe a writer in trouble: what is wrong, and what to do."""
    beat = writer.heartbeat
    if writer.reason is Reason.UNREACHABLE:
        source = source_title(beat.source, first=True)
        return f"{source} is unreachable. {to_reach(beat.source, beat.source_url)}"
    plain = replace(writer, heartbeat=structs.replace(beat, problem=None))
    return of_writer(plain, now, zone, option)
