"""Alerts: the conditions that a user set, and the ticks and quotes that meet them.

An alert is reported when its value crosses the threshold. Before it is reported again, the value
must go back by 0.1 % of the threshold (`RETREAT`). The first value is no crossing. A crossing in a
gap is reported with the first record after the gap. A repeated tick does not count.

Another reader can continue from `memory()`. It reports what crossed since then, and nothing twice.
Pure: no clock. Times are those of the records.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from ticker.errors import InvalidRecord, UsageError
from ticker.records import Batch, Gap, Quote, Tick, check_symbol
from ticker.suggestion import did_you_mean
from ticker.times import format_duration, parse_duration
from ticker.units import DAY, SECOND

FIELDS: Final = ("price", "day_change", "day_change_percent", "volume", "bid", "ask")
"""The fields that an alert may watch."""
MOVES: Final = "moves"
RETREAT: Final = Decimal("0.001")
"""A value must go back by this share of the threshold before its alert is reported again."""
GRAMMAR: Final = "SYMBOL > N, SYMBOL FIELD < N or SYMBOL moves P% in D"
_LONGEST: Final = DAY
"""The longest time for a move (µs): a screen reads only the last day of its stream."""
_ORIGINS: Final = 8
"""The most origins remembered per symbol. A stream gets a new origin only with a new log."""

Trade = Tick | Quote


@dataclass(frozen=True, slots=True)
class Alert:
    """One condition. Its `text` is how a user writes it, and identifies it."""

    symbol: str
    field: str
    """One of `FIELDS`, or `MOVES`."""
    sign: str
    """`>` or `<`; for a move `≥`: it counts in both directions."""
    level: Decimal
    """The threshold, in the field's unit; for a move in per cent."""
    within: int = 0
    """The time within which the price must move (µs); 0 without a move."""

    @property
    def text(self) -> str:
        """Return its text: `AAPL > 250`, `AAPL volume > 1000000`, `BTC-USD moves 1% in 5m`."""
        level = f"{self.level:f}"
        if self.field == MOVES:
            return f"{self.symbol} moves {level}% in {_exactly(self.within)}"
        name = "" if self.field == "price" else f"{self.field} "
        return f"{self.symbol} {name}{self.sign} {level}"

    def is_met(self, value: Decimal) -> bool:
        """Tell whether `value` is beyond the threshold. A move may also equal it."""
        if self.field == MOVES:
            return value >= self.level
        return value > self.level if self.sign == ">" else value < self.level

    def is_back(self, value: Decimal) -> bool:
        """Tell whether `value` went back far enough to arm it again (inclusive)."""
        band = abs(self.level) * RETREAT
        return value >= self.level + band if self.sign == "<" else value <= self.level - band


@dataclass(frozen=True, slots=True)
class Told:
    """An alert that was met."""

    alert: Alert
    record: Trade
    """The record that met it: the crossing, or the first record after a gap."""
    move: Decimal | None = None
    """How far the price moved (per cent, with its sign); `None` for other alerts."""
    gap: Gap | None = None
    """The gap before the record: the crossing may have been at any time in it."""
    is_late: bool = False
    """Whether the record was received before alerts were checked; see `Alerts.take`."""

    @property
    def value(self) -> float:
        """Return the value of the watched field, or the move in per cent."""
        return float(self.move if self.move is not None else getattr(self.record, self.alert.field))

    @property
    def key(self) -> tuple[str, str, int]:
        """Return what identifies it: the alert's text, and the record's origin and sequence."""
        return self.alert.text, self.record.origin or "", self.record.sequence or 0


class SymbolMemory(msgspec.Struct):
    """What was seen of one symbol."""

    sequences: dict[str, int] = {}
    """Origin → the last sequence that was checked."""
    time: int = 0
    """The time of the newest record (µs, UTC)."""


class Memory(msgspec.Struct):
    """What another reader needs to continue the checks."""

    symbols: dict[str, SymbolMemory] = {}
    armed: dict[str, bool | None] = {}
    """Text of an alert → whether its next crossing is reported; `None` before the first value."""


def parse_alert(text: str) -> Alert:
    """Read an alert from its text. Raises `UsageError` with what is wrong."""
    match re.sub(r"([<>]=?)", r" \1 ", text).split():
        case [symbol, "moves", percent, "in", *duration] if duration:
            return _move(symbol, percent, " ".join(duration))
        case [_, "moves", *_]:
            raise UsageError("a move is written SYMBOL moves P% in D, like BTC-USD moves 1% in 5m")
        case [symbol, "<" | ">" as sign, number]:
            return _threshold(symbol, "price", sign, number)
        case [symbol, name, "<" | ">" as sign, number]:
            return _threshold(symbol, name, sign, number)
        case words if any(sign in words for sign in ("=", "==", ">=", "<=")):
            raise UsageError("write > or < without =: an alert rings when its value crosses N")
        case _:
            raise UsageError(f"an alert is written {GRAMMAR}, like AAPL > 250")


def _threshold(symbol: str, name: str, sign: str, number: str) -> Alert:
    if name not in FIELDS:
        raise UsageError(f'unknown field "{name}". {did_you_mean(name.lower(), FIELDS)}')
    if name == "day_change_percent":
        number = number.removesuffix("%")
    return Alert(_symbol(symbol), name, sign, _number(number))


def _move(symbol: str, percent: str, duration: str) -> Alert:
    if not percent.endswith("%"):
        raise UsageError(f"write the percentage with its sign: moves {percent}% in {duration}")
    level = _number(percent[:-1])
    if level <= 0:
        raise UsageError(
            f"a move of {percent} is not possible. Write a percentage above 0; "
            "it counts in both directions"
        )
    within = parse_duration(duration)
    if within > _LONGEST:
        raise UsageError(f"a move can take at most a day, not {duration}")
    return Alert(_symbol(symbol), MOVES, "≥", level, within)


def _exactly(duration: int) -> str:
    words = format_duration(duration)
    return words if parse_duration(words) == duration else f"{duration / SECOND:g}s"


def _symbol(word: str) -> str:
    try:
        check_symbol(word)
    except InvalidRecord as error:
        raise UsageError(f"not a symbol: {error.problem}") from None
    return word.upper()


def _number(word: str) -> Decimal:
    if re.fullmatch(r"[+-]?\d{1,20}(\.\d{1,20})?", word):
        number = Decimal(word)
        return number.normalize() if number else Decimal(0)
    if re.fullmatch(r"[+-]?[\d,_']+(\.\d+)?", word):
        plain = re.sub("[,_']", "", word)
        raise UsageError(f"{word!r} is not a number: write it without separators, as {plain}")
    raise UsageError(f"{word!r} is not a number: write one like 250 or -1.5")


class Alerts:
    """Checks ticks and quotes for `alerts`, starting from `memory` (`None`: empty)."""

    def __init__(self, alerts: Iterable[Alert] = (), memory: Memory | None = None) -> None:
        self._memory = Memory() if memory is None else memory
        self._states: dict[str, _State] = {}
        self._gaps: dict[str, Gap] = {}
        """Symbol → the newest gap since its last record."""
        for alert in alerts:
            self.add(alert)

    @property
    def alerts(self) -> Sequence[Alert]:
        """Return the alerts, in the order in which they were added."""
        return [state.alert for state in self._states.values()]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols of all alerts."""
        return tuple(dict.fromkeys(alert.symbol for alert in self.alerts))

    def add(self, alert: Alert, last: Trade | None = None) -> bool:
        """Add an alert. Return False if it is not armed: its condition is met already.

        Then it is reported only after the value went back and crossed again. `last` is the last
        record of its symbol. An alert that exists already does not change.
        """
        state = self._states.get(alert.text)
        if state is None:
            state = self._states[alert.text] = _State(alert, self._memory.armed)
            if last is not None and state.is_armed is None:
                self._is_new(last)
                state.look(last)
        return state.is_armed is not False

    def remove(self, alert: Alert) -> None:
        """Remove an alert."""
        self._states.pop(alert.text, None)

    def is_armed(self, alert: Alert) -> bool | None:
        """Tell whether the next crossing is reported; `None` before the first value."""
        state = self._states.get(alert.text)
        return None if state is None else state.is_armed

    def take(self, batch: Batch, *, since: int = 0) -> list[Told]:
        """Check the new records of `batch`. Return the alerts that they met, in order.

        Records received before `since` (µs, UTC) are late. Only alerts that are in the `memory`
        given at the start report them, because a new alert begins now.
        """
        found: list[Told] = []
        for gap in batch.gaps:
            for symbol in self.symbols:
                if gap.concerns((symbol,)):
                    self._gaps[symbol] = gap
        wanted = {alert.symbol for alert in self.alerts}
        records: list[Trade] = [*batch.ticks, *batch.quotes]
        for record in records:
            if record.symbol in wanted:
                found += self._take(record, is_late=record.received < since)
        return found

    def memory(self) -> Memory:
        """Return what another reader needs to continue from here."""
        symbols = {s: self._memory.symbols[s] for s in self.symbols if s in self._memory.symbols}
        return Memory(symbols, {text: state.is_armed for text, state in self._states.items()})

    def _take(self, record: Trade, *, is_late: bool) -> Iterable[Told]:
        states = [s for s in self._states.values() if s.alert.symbol == record.symbol]
        if not self._is_new(record):
            for state in states:
                state.warm(record)
            return
        gap = self._gaps.pop(record.symbol, None)
        for state in states:
            is_told, move = state.look(record)
            if is_told and (state.is_remembered or not is_late):
                yield Told(state.alert, record, move, gap, is_late)

    def _is_new(self, record: Trade) -> bool:
        """Tell whether the record is new, and note it.

        If a symbol has several origins, a record older than its newest one is not new.
        """
        seen = self._memory.symbols.setdefault(record.symbol, SymbolMemory())
        origin, sequence = record.origin or "", record.sequence or 0
        known = seen.sequences.pop(origin, 0)
        seen.sequences[origin] = max(known, sequence)
        if len(seen.sequences) > _ORIGINS:
            del seen.sequences[next(iter(seen.sequences))]
        # A quote with a known sequence may have a new volume, bid or ask.
        is_next = sequence > known or (isinstance(record, Quote) and sequence == known)
        is_newest = record.time >= seen.time or len(seen.sequences) == 1
        seen.time = max(seen.time, record.time) if is_next else seen.time
        return is_next and is_newest


class _State:
    """One alert, and whether its next crossing is reported."""

    def __init__(self, alert: Alert, armed: Mapping[str, bool | None]) -> None:
        self.alert = alert
        self.is_remembered = alert.text in armed
        self.is_armed = armed.get(alert.text)
        self._window = _Window(alert.within) if alert.field == MOVES else None

    def warm(self, record: Trade) -> None:
        """Add a price that was checked already: a later move may begin with it."""
        if self._window is not None and record.time >= self._window.time:
            self._window.push(record.time, Decimal(str(record.price)))

    def look(self, record: Trade) -> tuple[bool, Decimal | None]:
        """Check a record. Return whether to report the alert, and the move if it watches one."""
        move = None
        if self._window is None:
            told = getattr(record, self.alert.field)
            if told is None:
                return False, None
            value = Decimal(str(told))
        else:
            move = self._window.push(record.time, Decimal(str(record.price)))
            value = abs(move)
        is_met = self.alert.is_met(value)
        is_told = is_met and self.is_armed is True
        if is_met or self.is_armed is None:
            self.is_armed = not is_met
        elif self.alert.is_back(value):
            self.is_armed = True
        return is_told, move


class _Window:
    """The lowest and the highest price in force during the last `within` µs."""

    def __init__(self, within: int) -> None:
        self._within = within
        self._lows: deque[list[Decimal]] = deque()
        """[price, time of the next price (µs)], oldest first; each price is lower than the next."""
        self._highs: deque[list[Decimal]] = deque()
        self.time = 0
        """The time of the newest price (µs)."""

    def push(self, time: int, price: Decimal) -> Decimal:
        """Add a price. Return the largest move to it in the window (per cent, with its sign)."""
        self.time = time = max(time, self.time)
        low = self._extreme(self._lows, time, price, sign=1)
        high = self._extreme(self._highs, time, price, sign=-1)
        moves = ((price - each) * 100 / abs(each) for each in (low, high))
        return max(moves, key=abs)

    def _extreme(
        self, prices: deque[list[Decimal]], time: int, price: Decimal, *, sign: int
    ) -> Decimal:
        if prices:
            prices[-1][1] = Decimal(time)
        # A price is in force until the next one comes, so the first one may be older than the
        # window.
        while prices and prices[0][1] <= time - self._within:
            prices.popleft()
        while prices and (prices[-1][0] - price) * sign >= 0:
            prices.pop()
        prices.append([price, Decimal("Infinity")])
        return prices[0][0]
