"""`replay --to`: replays into another stream, and compares both at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from ticker.cli.exit_codes import DONE, NO_DATA, Failed
from ticker.cli.replay_source import ReplayOptions, missing, open_reel
from ticker.cli.standard_streams import tell
from ticker.cli.status_line import StatusLine
from ticker.errors import UsageError
from ticker.figures import count_text, speed_text
from ticker.play import LogPlayer, Reel, Span
from ticker.relay import Proof, prove
from ticker.relay.sentences import incomplete_words
from ticker.streams import Stream, StreamChoice, canonical_url, open_log, open_stream
from ticker.streams.sequence import Key
from ticker.system_clock import monotonic, now
from ticker.times import clock

if TYPE_CHECKING:
    from ticker.streams.digest import Digest


class ReplayTo:
    """One replay from `wish.source` into `destination`."""

    def __init__(self, wish: ReplayOptions, destination: StreamChoice, line: StatusLine) -> None:
        self._wish = wish
        self._destination = destination
        self._begin, self._end = canonical_url(wish.source), canonical_url(destination)
        self._line = line
        self._player: LogPlayer | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """End it soon."""
        self._is_stopped = True
        if self._player is not None:
            self._player.stop()

    async def main(self) -> int:
        """Play to the end, then compare. Returns the exit code."""
        wish = self._wish
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(open_stream(wish.source))
            reel = await open_reel(stack, source, wish, self._line)
            wanted = await self._wanted(reel)
            async with open_log(self._destination) as log:
                if await log.last():
                    raise UsageError(
                        f"{self._end} holds ticks already. Name a fresh one after --to"
                    )
                player = self._player = LogPlayer(
                    reel, log, wish.speed, clock=now, elapsed=monotonic, on_change=self._show
                )
                if self._is_stopped:
                    player.stop()
                has_ended = await player.run()
                played = f"{count_text(player.ticks, 'tick')} played into {self._end}"
                if not has_ended:
                    self._line.end(f"{played}, up to {clock(player.time, wish.zone)} of the tape")
                    return DONE  # the signal decides the exit code
                self._line.end(played)
                sent = {key: each.first for key, each in wanted.items()}  # no tick may be missing
                proof = await asyncio.to_thread(
                    prove, reel.tape, log, wanted, sent, lambda: self._is_stopped
                )
            return DONE if self._is_stopped else await self._judge(source, proof)

    async def _wanted(self, reel: Reel) -> Mapping[Key, Digest]:
        """Return the digests of what must arrive. The tape knows them if all of it is played."""
        from ticker.streams.digest import digests

        tape, span = reel.tape, reel.span
        if span == Span():
            return await tape.digests()
        columns = tape.arrays(symbols=span.symbols, since=span.since, until=span.until)
        return await asyncio.to_thread(digests, columns, None, lambda: self._is_stopped)

    def _show(self) -> None:
        player = self._player
        if player is not None:
            told = f"REPLAY {clock(player.time, self._wish.zone)} {speed_text(self._wish.speed)}"
            self._line.show(f"{told} · {count_text(player.ticks, 'tick')} → {self._end}", "playing")

    async def _judge(self, source: Stream, proof: Proof) -> int:
        """Report the result of the comparison. Returns the exit code."""
        sides = ((self._begin, proof.wanted), (self._end, proof.found))
        width = max(len(url) for url, _ in sides)
        for url, side in sides:
            self._line.end(f"{url:<{width}}  {count_text(side.ticks, 'tick')}, hash {side.digest}")
        if proof.wrong:
            raise Failed(incomplete_words(proof, self._end), NO_DATA)
        self._line.end(f"complete: {count_text(proof.ticks, 'tick')}")
        absent = await missing(source, self._wish)
        if absent:
            tell(f"{', '.join(absent)}: not in {self._begin}")
            return NO_DATA
        return DONE
