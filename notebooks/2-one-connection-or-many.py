# %% [markdown]
# # 2 · One connection or many
#
# There are two ways to get events. A program can **ask** again and again: each time it opens a
# connection, sends a request and reads an answer. Or it opens **one connection**, and the events
# come to it.
#
# `ticker compare` measures both on your machine, with real servers and real connections. This
# notebook runs it and plots what comes out. All cells together take about half a minute.

# %%
import json
import subprocess
import sys

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import NullFormatter

import ticker


def run(*words: str) -> str:
    """Run a command of ticker, as in a terminal; what it prints."""
    command = [sys.executable, "-m", "ticker", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


# %% [markdown]
# ## Measure
#
# In a terminal, this is `ticker compare --show 3`. It sends 1,000 events both ways. Then it polls
# once a second for five seconds, while 20 events happen each second. With `--format json`, we get
# every figure.

# %%
measured = json.loads(run("compare", "--show", "3", "--format", "json", "--quiet"))
for sentence in measured["sentences"]:
    print(sentence)

# %% [markdown]
# ## Three events, step by step
#
# This is what went over the connections. One request for each event:

# %%
steps = pd.DataFrame(measured["steps"]).rename(columns={"at": "at (ms)"})
steps["event"] = steps["event"].astype("Int64").astype("str")
steps = steps.fillna("")
steps[steps["method"] == "request"].drop(columns="method").set_index("at (ms)")

# %% [markdown]
# One open connection. It asks once, then it only listens:

# %%
steps[steps["method"] == "WebSocket"].drop(columns="method").set_index("at (ms)")

# %% [markdown]
# ## 1,000 events
#
# The axes are logarithmic: from one number to the next it is ten times as much.

# %%
WAYS = {"request": "one request\nfor each event", "open": "one open\nconnection"}
ways = pd.DataFrame({title: measured[way] for way, title in WAYS.items()}).T
ways["kilobytes"] = ways["bytes"].astype(float) / 1_000

figure, places = plt.subplots(1, 3, figsize=(9, 3.2))
for axes, name in zip(places, ["connections", "kilobytes", "seconds"], strict=True):
    values = ways[name].astype(float)
    axes.bar(values.index, values, color=["tab:orange", "tab:blue"])
    axes.bar_label(axes.containers[0], fmt="{:,.4g}")
    axes.set_yscale("log")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(values.min() / 3, values.max() * 4)
    axes.set_ylabel(f"{name} (log)")
figure.suptitle(f"{measured['events']:,} events, measured on this machine")
figure.tight_layout()
plt.show()

# %% [markdown]
# The bytes differ least: an event itself has some 300 bytes, and both ways must send it. The
# connections differ most. Each of them has to be opened and closed, and that takes the time.
#
# ## What a poll misses
#
# A new connection each second, or each 15 seconds, costs little. But what happens between
# two polls? Here are ten minutes of an invented market, recorded with a seed, so you see the same
# prices as everybody. Its prices may move once a second.

# %%
LENGTH = ["--for", "10m", "--seed", "7", "--force", "--quiet"]
run("demo", "AAPL", "--record", "ten-minutes.parquet", *LENGTH)
ticks = ticker.frames.read("ten-minutes.parquet")
price = pd.Series(ticks["price"].to_numpy(), index=pd.DatetimeIndex(ticks["received"]))
print(f"{len(price)} events")


# %%
def polled(every: str) -> pd.Series:
    """The price that a poll sees, every so often."""
    return price.resample(every).last().ffill()


begin = price.index[0]
minute = price[price.index < begin + pd.Timedelta("2min")]
looks = polled("15s")
looks = looks[looks.index < begin + pd.Timedelta("2min")]

figure, axes = plt.subplots(figsize=(9, 3.5))
seconds = (minute.index - begin).total_seconds()
axes.step(seconds, minute, where="post", color="0.6")
axes.plot(seconds, minute, ".", color="0.6", label=f"{len(minute)} events")
# A look at the end of each 15 seconds, and what a reader believes until the next one.
ends = (looks.index - begin).total_seconds() + 15
axes.step(ends, looks, where="post", color="tab:orange")
axes.plot(ends, looks, "o", color="tab:orange", label=f"{len(looks)} polls, one each 15 s")
axes.set_xlim(0, 120)
axes.set_xlabel("time (s)")
axes.set_ylabel("price (USD)")
axes.set_title("AAPL: what happened, and what a poll saw, SIMULATED")
axes.legend()
plt.show()

# %% [markdown]
# The orange line is what the poller believes. It is wrong most of the time, and it does not know
# that. How much is missed depends on how often it asks:

# %%
INTERVALS = [1, 2, 5, 10, 15, 30, 60]
missed = []
for interval in INTERVALS:
    seen = polled(f"{interval}s")
    news = int((seen != seen.shift()).sum())
    missed.append(100 * (1 - news / len(price)))

figure, axes = plt.subplots(figsize=(9, 3))
axes.plot(INTERVALS, missed, "o-")
axes.set_ylim(-5, 105)
axes.set_xlabel("time between polls (s)")
axes.set_ylabel("events missed (%)")
axes.set_title("AAPL, at most one event a second: what polls miss, SIMULATED")
plt.show()

# %% [markdown]
# ticker itself has to poll: Yahoo! Finance gives its prices to those who ask. So ticker polls
# **once**, for all, and writes what changed into a stream. From there, no reader has to ask.
#
# ## Exercises
#
# 1. Run `ticker compare --show 5` in a terminal. How many bytes does a request have, and how many
#    its answer? How many of these are the event itself?
# 2. Compute the highest price of the ten minutes from all events, and from a poll each 60 seconds.
#    By how much do they differ? Which other figures would a poll get wrong?
