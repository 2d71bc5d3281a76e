"""The messages of `tail` on standard error: why the stream is quiet, and skipped records."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ticker.cli.standard_streams import tell
from ticker.escape import escape
from ticker.health.sentences import invitation, passed_over
from ticker.health.verdict import Standing, of_writers
from ticker.health.writers import Writers, silence
from ticker.read_loop import QUIET_AFTER
from ticker.records import Batch
from ticker.system_clock import monotonic, now
from ticker.times import Zone
from ticker.units import SECOND


class Quietness:
    """Says why no tick comes from a stream, and how many of its records could not be read.

    The heartbeats in the batches show why no tick comes. It sends no requests, because a silence
    may last for hours. `clock` (µs, UTC) is for times in messages. `elapsed` (µs) never goes back,
    and decides how long the stream is silent.
    """

    def __init__(
        self,
        symbols: Sequence[str] | None,
        zone: Zone,
        option: str,
        *,
        clock: Callable[[], int] = now,
        elapsed: Callable[[], int] = monotonic,
    ) -> None:
        self._symbols = symbols
        self._zone = zone
        self._option = option
        self._clock = clock
        self._elapsed = elapsed
        self._writers = Writers()
        self._is_empty = False
        self._there: dict[tuple[str, str], int] = {}
        """Writer → `received` of its heartbeat in the first snapshot. The reading may begin further
        back: heartbeats older than this one are history, not a sign of life."""
        self._told: tuple[str, ...] = ()
        """The key of the last reported reason; empty if ticks came after the report."""
        self._since = 0
        """When the last tick before that report came (µs, by `elapsed`)."""
        self._skipped = 0
        """The last reported number of unreadable records."""
        self._skipped_at = elapsed() - QUIET_AFTER

    def begin(self, snapshot: Batch) -> None:
        """Note the state of the stream before the reading begins."""
        self._is_empty = not snapshot
        at = self._clock()
        for beat in snapshot.heartbeats:
            self._writers.take(beat, self._elapsed(), read_at=at)
            if silence(beat, at) is not None:
                self._there[beat.key] = beat.received

    def take(self, batch: Batch) -> None:
        """Note that `batch` was read."""
        if not batch:
            self._there.clear()  # the reading reached the end
            return
        self._is_empty = False
        for beat in batch.heartbeats:
            if beat.received >= self._there.get(beat.key, 0):
                self._there.pop(beat.key, None)
                self._writers.take(beat, self._elapsed())

    def tell(self, batch: Batch, ticked: int, problem: str | None, *, visible: bool) -> None:
        """After `batch`, say once why no tick has come since `ticked` (µs, by `elapsed`).

        `visible`: a terminal shows the ticks, so the user sees when they come again.
        """
        if batch.ticks:
            if self._told and not visible:
                # Ticks go elsewhere. Without this, the last message would still be "Quiet".
                tell(f"Ticks again, after {(ticked - self._since) / SECOND:.0f} s")
            self._told = ()
            return
        silent = self._elapsed() - ticked
        if silent < QUIET_AFTER:
            return
        key, why = self.why(problem, silent)
        if key != self._told:
            tell(f"Quiet for {silent / SECOND:.0f} s: {why}")
            self._told, self._since = key, ticked

    def tell_skipped(self, broken: int, *, at_once: bool = False) -> None:
        """Report `broken` records if there are more, at most every 5 s unless `at_once`."""
        elapsed = self._elapsed()
        is_soon = elapsed - self._skipped_at < QUIET_AFTER
        if broken != self._skipped and (at_once or not is_soon):
            self._skipped, self._skipped_at = broken, elapsed
            tell(f"Skipped {passed_over(broken)}")

    def why(self, problem: str | None, silent: int) -> tuple[tuple[str, ...], str]:
        """Return a key that stays the same while the reason does, and the words.

        `problem` is why the stream cannot be read; `silent` is the time without a tick (µs).
        """
        elapsed = self._elapsed()
        if problem is not None:
            self._writers.stream_lost(elapsed - silent)
            return (problem,), escape(problem, 1_000)
        self._writers.stream_found(elapsed)
        if self._is_empty:
            return ("empty",), invitation(self._symbols, self._option)
        verdict = of_writers(
            self._writers,
            self._clock(),
            self._zone,
            elapsed=elapsed,
            symbols=self._symbols,
            option=self._option,
        )
        if verdict.standing is Standing.HEALTHY:
            return verdict.key, f"no price changed. {verdict.words}"
        return verdict.key, verdict.words
