# %% [markdown]
# # 4 · A log, not a message
#
# A message is gone once it is delivered. A **log** keeps every event, in order. So a reader may
# come late and miss nothing, and may read the same hour again and again: it is always the same.
#
# The data are one hour of an invented market, recorded with a seed. Everybody who runs this
# notebook sees the same events. Every plot says **SIMULATED**. All cells together take about half
# a minute.

# %%
import hashlib
import subprocess
import sys

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

import ticker
from ticker.errors import TickerError


def run(*words: str) -> None:
    """Run a command of ticker, as in a terminal."""
    subprocess.run([sys.executable, "-m", "ticker", *words], check=True, capture_output=True)


HOUR = ["--for", "1h", "--seed", "7", "--force"]
run("demo", "AAPL", "MSFT", "BTC-USD", "--record", "hour.parquet", *HOUR)
hour = ticker.frames.read("hour.parquet", since="2026-11-23T14:30Z")
print(f"{len(hour)} events, {hour['received'].min():%H:%M:%S} to {hour['received'].max():%H:%M:%S}")

# %% [markdown]
# ## The late joiner
#
# A reader joins half an hour late. If the events were messages, the first half would be gone. In a
# log it is still there: `since` says where to begin.

# %%
JOINS = pd.Timestamp("2026-11-23T15:00Z")
messages = ticker.frames.read("hour.parquet", "AAPL", since=JOINS)
log = ticker.frames.read("hour.parquet", "AAPL")


def axis_of_time(axes: Axes) -> None:
    """Write the clock under a plot."""
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
    axes.set_xlabel("time of the event (UTC)")


figure, axes = plt.subplots(figsize=(9, 3.5))
axes.plot(log.index, log["price"], linewidth=4, color="0.8", label="a log, read from its start")
axes.plot(messages.index, messages["price"], color="tab:blue", label="messages since 15:00")
axes.axvline(float(mdates.date2num(JOINS)), color="tab:orange", label="somebody joins")
axis_of_time(axes)
axes.set_ylabel("price (USD)")
axes.set_title("AAPL: what a late joiner has, SIMULATED")
axes.legend()
plt.show()

print(f"messages: {len(messages)} events, the log: {len(log)}")

# %% [markdown]
# The late joiner reads the past at once, and then goes on with what is new. Each event has a
# number, so the joiner can prove that none is missing between the two.

# %%
numbers = log["sequence"]
print(f"events {numbers.iloc[0]} to {numbers.iloc[-1]}; missing: {(numbers.diff() > 1).sum()}")

# %% [markdown]
# ## The same hour, three times
#
# Read it three times, and take a fingerprint of all events in their order. If one price, one time
# or the order were different, the fingerprint would be different too.


# %%
def fingerprint(ticks: pd.DataFrame) -> str:
    """A short text that differs if anything in `ticks` differs."""
    return hashlib.sha256(pd.util.hash_pandas_object(ticks).to_numpy().tobytes()).hexdigest()[:16]


for reading in (1, 2, 3):
    print("reading", reading, fingerprint(ticker.frames.read("hour.parquet")))

# %% [markdown]
# ## A toy strategy
#
# A program that acts on events can be tested on the past, because the past can be played again.
# This one buys a share when the mean of the last 60 prices rises above that of the last 300, and
# sells it when it falls below. It sees one event after the other, and never one that has not
# happened yet.
#
# It is a toy. Do not trade with it.


# %%
def trade(prices: pd.Series) -> pd.DataFrame:
    """What the strategy did: one row for each purchase and sale."""
    trades, holds, history = [], False, list[float]()
    for moment, price in prices.items():
        history = [*history[-299:], price]
        if len(history) < 300:
            continue
        rises = sum(history[-60:]) / 60 > sum(history) / 300
        if rises != holds:
            trades.append({"time": moment, "side": "buys" if rises else "sells", "price": price})
            holds = rises
    return pd.DataFrame(trades).set_index("time")


def profit(trades: pd.DataFrame) -> float:
    """What is left after all complete pairs of a purchase and a sale (USD)."""
    pairs = trades["price"].to_numpy()[: len(trades) // 2 * 2]
    return float((pairs[1::2] - pairs[::2]).sum())


for reading in (1, 2, 3):
    trades = trade(ticker.frames.read("hour.parquet", "AAPL")["price"])
    print(f"reading {reading}: {len(trades)} trades, {profit(trades):+.2f} USD for each share")

# %%
figure, axes = plt.subplots(figsize=(9, 3.5))
axes.plot(log.index, log["price"], color="0.7", linewidth=1)
for side, marker, color in (("buys", "^", "tab:blue"), ("sells", "v", "tab:orange")):
    own = trades[trades["side"] == side]
    axes.plot(own.index, own["price"], marker, color=color, markersize=8, label=side)
axis_of_time(axes)
axes.set_ylabel("price (USD)")
axes.set_title("AAPL: what the toy strategy does, each time, SIMULATED")
axes.legend()
plt.show()

# %% [markdown]
# The answer is the same each time. With messages this cannot be checked: the hour is gone.
#
# ## The same on Kafka
#
# Apache Kafka is a log on servers, for many machines. ticker uses the same functions for it, so
# the same strategy gives the same answer there. If no Kafka runs on this machine, the cell says
# how to start one.

# %%
KAFKA = "kafka://localhost:9092/hour"

try:
    run("forward", "hour.parquet", KAFKA, "--no-follow")
    trades = trade(ticker.frames.read(KAFKA, "AAPL")["price"])
    print(f"Kafka: {len(trades)} trades, {profit(trades):+.2f} USD for each share")
except (TickerError, subprocess.CalledProcessError):
    print("No Kafka answers at localhost:9092. To start one, in a clone of ticker:")
    print("    docker compose up -d kafka")

# %% [markdown]
# ## Exercises
#
# 1. Change 60 and 300 until the profit is as high as you can make it. Then record another hour with
#    `--seed 8`. What happens to the profit, and what does that tell you?
# 2. Let the strategy read from 15:00 only. Does it do the same trades after 15:10? Why not at once?
