"""One small made-up file for each layout, with its quirk, on a machine that is not in UTC."""

from __future__ import annotations

import gzip
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.examples import some
from ticker.importing import Options, Report, import_files


@pytest.fixture(autouse=True, params=some("America/New_York", "Europe/Berlin", "UTC"))
def zone_of_the_machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> int:
    """ISO 8601 in UTC → µs."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


def load(path: Path, **said: Any) -> tuple[list[tuple[Any, ...]], Report, str]:
    """Symbol, time, received, price, bid, ask, size, volume of each tick; report; words."""
    out = path.parent / "out.parquet"
    words: list[str] = []
    report = import_files([path], out, Options(**said), replace=True, on_words=words.append)
    rows = duckdb.execute(
        "SELECT symbol, epoch_us(time), epoch_us(received), price, bid, ask, size, volume "
        "FROM read_parquet(?)",
        [str(out)],
    ).fetchall()
    return rows, report, words[0]


def row(
    symbol: str, when: str, price: float, bid: Any = None, ask: Any = None, **other: Any
) -> tuple[Any, ...]:
    received = at(other.get("received", when))
    return symbol, at(when), received, price, bid, ask, other.get("size"), other.get("volume")


def test_binance_has_no_header_and_its_symbol_in_the_name_of_the_zip(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-aggTrades-2026-08-10.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "BTCUSDT-aggTrades-2026-08-10.csv",
            "1,64100.00,0.100,1001,2001,1786394553105000,False,True\n"
            "2,64100.00,0.200,1001,2001,1786394553105001,False,True\n"
            "3,64101.50,0.300,1001,2001,1786394553205000,True,True\n",
        )
    rows, report, words = load(path)
    when = "2026-08-10T20:42:33.105"
    assert rows == [
        row("BTCUSDT", when, 64100.0, size=0.1, volume=0.1),
        row("BTCUSDT", "2026-08-10T20:42:33.205", 64101.5, size=0.3, volume=0.6),
    ]
    assert (report.rows, report.unmoved, report.bad) == (3, 1, 0)
    assert "Binance aggregated trades, symbol BTCUSDT from the file name, times in µs" in words


def test_binance_trades_before_2025_have_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT-trades-2024-01.csv"
    path.write_text("1,2000.5,1,2000.5,1704067200123,False,True\n")
    rows, _, words = load(path)
    assert rows == [row("ETHUSDT", "2024-01-01T00:00:00.123", 2000.5, size=1.0, volume=1.0)]
    assert "times in ms" in words


def test_histdata_is_in_est_all_year(tmp_path: Path) -> None:
    path = tmp_path / "DAT_ASCII_EURUSD_T_201207.csv"
    path.write_text("20120701 000003660,1.306600,1.306770,0\r\n")
    rows, _, words = load(path)
    assert rows == [row("EURUSD", "2012-07-01T05:00:03.660", 1.306685, 1.3066, 1.30677)]
    assert "HistData ASCII ticks: EST without DST, symbol EURUSD from the file name" in words


def test_dukascopy_has_the_ask_first_and_the_day_first(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD_Ticks_01.07.2019-02.07.2019.csv"
    path.write_bytes(
        b"Gmt time,Ask,Bid,AskVolume,BidVolume\r\n"
        b"01.07.2019 13:30:03.304,1.13055,1.13051,0.75,1.5\r\n"
    )
    rows, _, _ = load(path)
    assert rows == [row("EURUSD", "2019-07-01T13:30:03.304", 1.13053, 1.13051, 1.13055)]
    path.write_bytes(
        b"Local time,Ask,Bid,AskVolume,BidVolume\r\n"
        b"01.07.2019 13:30:03.304 GMT+0100,1.13055,1.13051,0.75,1.5\r\n"
    )
    rows, _, _ = load(path)
    assert rows == [row("EURUSD", "2019-07-01T12:30:03.304", 1.13053, 1.13051, 1.13055)]


def test_dukascopy_node_has_milliseconds_and_the_ask_first(tmp_path: Path) -> None:
    path = tmp_path / "eurusd-tick-2024-01-02-2024-01-03.csv"
    path.write_text("timestamp,askPrice,bidPrice\n1704153600123,1.1043,1.1041\n")
    assert load(path)[0] == [row("EURUSD", "2024-01-02T00:00:00.123", 1.1042, 1.1041, 1.1043)]
    path.write_text(
        "timestamp,askPrice,bidPrice,askVolume,bidVolume\n1704153600123,1.1043,1.1041,1,2\n"
    )
    assert load(path)[0] == [row("EURUSD", "2024-01-02T00:00:00.123", 1.1042, 1.1041, 1.1043)]


def test_truefx_has_pairs_with_a_slash(tmp_path: Path) -> None:
    path = tmp_path / "any.csv"
    path.write_text("EUR/USD,20130101 21:59:59.592,1.32093,1.32105\n")
    assert load(path)[0] == [row("EUR/USD", "2013-01-01T21:59:59.592", 1.32099, 1.32093, 1.32105)]


def test_kraken_has_seconds_and_its_symbol_in_the_name(tmp_path: Path) -> None:
    path = tmp_path / "XBTUSD.csv"
    path.write_text("1381095255,122.00000,0.10000000\n1381179030,123.61000,0.10000000\n")
    assert load(path)[0] == [
        row("XBTUSD", "2013-10-06T21:34:15", 122.0, size=0.1, volume=0.1),
        row("XBTUSD", "2013-10-07T20:50:30", 123.61, size=0.1, volume=0.1),
    ]


def test_tardis_has_the_time_at_which_a_trade_was_received(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv.gz"
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    line = "bitmex,XBTUSD,1585699200245000,1585699205288291,x,buy,6421.5,118\n"
    path.write_bytes(gzip.compress((header + line).encode()))
    received = "2020-04-01T00:00:05.288291"
    when = "2020-04-01T00:00:00.245"
    assert load(path)[0] == [
        row("XBTUSD", when, 6421.5, size=118.0, volume=118.0, received=received)
    ]
    header = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    line = "bitmex,XBTUSD,1585699200245000,1585699205288291,10,6422,6421,20\n"
    path.write_bytes(gzip.compress((header + line).encode()))
    assert load(path)[0] == [row("XBTUSD", when, 6421.5, 6421.0, 6422.0, received=received)]


@pytest.mark.parametrize(
    ("recv", "event", "price"),
    [
        ("2024-01-02T14:30:00.001000999Z", "2024-01-02T14:30:00.000123456Z", "101.25"),
        ("1704205800001000999", "1704205800000123456", "101250000000"),
    ],
)
def test_databento_has_nanoseconds_and_prices_in_units(
    tmp_path: Path, recv: str, event: str, price: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,"
        f"ts_in_delta,sequence,symbol\n{recv},{event},0,1,2,T,A,0,{price},5,0,1,2,AAPL\n"
    )
    rows, _, words = load(path)
    assert rows == [
        row(
            "AAPL", "2024-01-02T14:30:00.000123", 101.25, size=5.0, volume=5.0,
            received="2024-01-02T14:30:00.001000",
        )
    ]  # fmt: skip
    assert "nanoseconds are cut" in words


def test_databento_without_symbols_needs_one_and_a_column_of_t_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size\n"
        "2024-01-02T14:30:00Z,2024-01-02T14:30:00Z,0,1,2,T,A,0,101.25,5\n"
    )
    assert load(path, symbol="AAPL")[0] == [
        row("AAPL", "2024-01-02T14:30:00", 101.25, size=5.0, volume=5.0)
    ]


def test_bybit_has_fractional_seconds_and_rows_out_of_order(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSD2020-01-01.csv.gz"
    path.write_bytes(
        gzip.compress(
            b"timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,"
            b"foreignNotional\n"
            b"1577836801.5,BTCUSD,Buy,2,7001.5,PlusTick,a,1,1,1\n"
            b"1577836800.123456,BTCUSD,Buy,1,7000.5,PlusTick,b,1,1,1\n"
        )
    )
    assert load(path)[0] == [
        row("BTCUSD", "2020-01-01T00:00:00.123456", 7000.5, size=1.0, volume=1.0),
        row("BTCUSD", "2020-01-01T00:00:01.5", 7001.5, size=2.0, volume=3.0),
    ]


def test_metatrader_needs_a_zone_and_carries_an_empty_side_forward(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD_202401020000_202401022359.csv"
    path.write_text(
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n"
        "2024.01.02\t00:00:00.123\t1.1042\t1.1044\t\t\t6\n"
        "2024.01.02\t00:00:01.123\t1.1044\t\t\t\t2\n"
    )
    with pytest.raises(Exception, match="--zone"):
        load(path)
    assert load(path, zone="Europe/Helsinki")[0] == [
        row("EURUSD", "2024-01-01T22:00:00.123", 1.1043, 1.1042, 1.1044),
        row("EURUSD", "2024-01-01T22:00:01.123", 1.1044, 1.1044, 1.1044),
    ]


def test_a_metatrader_row_that_crosses_a_carried_side_is_left_out(tmp_path: Path) -> None:
    text = (
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n"
        "2024.01.02\t10:00:00.000\t1.0\t1.2\t\t\n"
        "2024.01.02\t10:00:01.000\t1.4\t\t\t\n"
        "2024.01.02\t10:00:02.000\t\t1.6\t\t\n"
    )
    path = tmp_path / "EURUSD_202401020000_202401022359.csv"
    path.write_text(text)
    out = tmp_path / "out.parquet"
    report = import_files([path], out, Options(zone="UTC"))
    prices = duckdb.execute("SELECT price FROM read_parquet(?)", [str(out)]).fetchall()
    assert prices == [(1.1,), (1.5,)]
    assert [(bad.line, "above its ask" in bad.reason) for bad in report.shown] == [(3, True)]


def test_massive_has_quoted_conditions_and_nanoseconds(tmp_path: Path) -> None:
    path = tmp_path / "2024-01-02.csv.gz"
    path.write_bytes(
        gzip.compress(
            b"ticker,conditions,correction,exchange,id,participant_timestamp,price,"
            b"sequence_number,sip_timestamp,size,tape,trf_id,trf_timestamp\n"
            b'AAPL,"12,37",0,11,1,1704186000000000000,187.15,1,1704186000034123456,10,3,0,0\n'
        )
    )
    assert load(path)[0] == [
        row("AAPL", "2024-01-02T09:00:00.034123", 187.15, size=10.0, volume=10.0)
    ]


def test_binance_futures_with_and_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-aggTrades-2024-01-02.csv"
    header = (
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
    )
    line = "1,42000.1,0.5,1,2,1704153600123,true\n"
    expected = [row("BTCUSDT", "2024-01-02T00:00:00.123", 42000.1, size=0.5, volume=0.5)]
    path.write_text(header + line)
    assert load(path)[0] == expected
    path.write_text(line)
    rows, _, words = load(path)
    assert rows == expected
    assert "futures" in words
