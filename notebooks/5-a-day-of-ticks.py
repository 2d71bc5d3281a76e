# %% [markdown]
# # 5 · A day of ticks
#
# What does an analyst do with a day of ticks? Five things, each in a few lines: returns,
# volatility, spread, correlation, and where the volume was traded.
#
# The day is invented and recorded with a seed, so everybody sees the same figures, and every plot
# says **SIMULATED**. The cells work on real ticks too: record a day with `ticker record`, and give
# its file in place of `day.parquet`. All cells together take about one minute.

# %%
import subprocess
import sys

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

import ticker

SYMBOLS = ["AAPL", "AMZN", "MSFT", "NVDA", "^IXIC", "CL=F", "GC=F", "EURUSD=X", "BTC-USD"]


def run(*words: str) -> None:
    """Run a command of ticker, as in a terminal."""
    subprocess.run([sys.executable, "-m", "ticker", *words], check=True, capture_output=True)


DAY = ["--for", "6h30m", "--every", "5s", "--seed", "7", "--force"]
run("demo", *SYMBOLS, "--record", "day.parquet", *DAY)

# %% [markdown]
# ## Ticks and bars
#
# A poller asked each 5 seconds from the opening bell in New York (14:30 UTC) to the closing bell
# (21:00 UTC). Ticks come when a price changes, not by the clock. Most figures need values at
# regular times, so we make bars of one minute.

# %%
ticks = ticker.frames.read("day.parquet")
bars = ticker.frames.bars(ticks, "1min", ticker.frames.gaps("day.parquet"))
# Some prices come 10 minutes late (gold, oil). `time` is when they were made, so all fit together.
bars = bars[bars.index >= "2026-11-23T14:30Z"]
close = bars.pivot_table(index="time", columns="symbol", values="close").ffill()
print(f"{len(ticks):,} ticks, {len(bars):,} bars")
ticks.groupby("symbol")["price"].agg(["count", "min", "max"])

# %% [markdown]
# ## Returns
#
# A price alone says little: is a move of 1 USD large? A **return** is the change in proportion to
# the price. 0.01 % is one *basis point*.

# %%
returns = 1e4 * close.pct_change().dropna()

figure, axes = plt.subplots(figsize=(9, 3.5))
edges = list(np.arange(-40.5, 41.5, 1.5))
axes.hist(returns["NVDA"], edges, color="tab:orange", alpha=0.7, label="NVDA")
axes.hist(returns["MSFT"], edges, color="tab:blue", alpha=0.7, label="MSFT")
axes.set_xlabel("return in one minute (basis points)")
axes.set_ylabel("minutes")
axes.set_title("Returns of one minute, SIMULATED")
axes.legend()
plt.show()

# %% [markdown]
# ## Volatility
#
# **Volatility** is the standard deviation of the returns: how far prices move, up or down. It is
# given per year, so that it can be compared. A standard deviation grows with the square root of
# time, so we need the minutes in a year of trading, and each market has its own: stocks are traded
# 390 minutes on 252 days, futures 1,380, currencies 1,440, and crypto 1,440 minutes on 365 days.

# %%
minutes = pd.Series(252 * 390, index=returns.columns)  # stocks and their index
minutes["CL=F"] = minutes["GC=F"] = 252 * 1380
minutes["EURUSD=X"] = 252 * 1440
minutes["BTC-USD"] = 365 * 1440
volatility = returns.std() / 1e4 * np.sqrt(minutes) * 100
rolling = returns.rolling("30min", min_periods=30).std() / 1e4 * np.sqrt(minutes) * 100


def axis_of_time(axes: Axes) -> None:
    """Write the clock under a plot."""
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
    axes.set_xlabel("time (UTC)")


figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), width_ratios=[2, 3])
ordered = volatility.sort_values()
left.barh(ordered.index, ordered)
left.set_xlabel("volatility (% a year)")
left.set_ylabel("symbol")
left.set_title("The whole day, SIMULATED")
for symbol in ("NVDA", "AAPL", "EURUSD=X"):
    right.plot(rolling.index, rolling[symbol], label=symbol)
axis_of_time(right)
right.set_ylim(0, 65)
right.set_ylabel("volatility (% a year)")
right.set_title("In the 30 minutes before, SIMULATED")
right.legend(ncols=3, loc="upper center")
figure.tight_layout()
plt.show()

# %% [markdown]
# The lines on the right move, although this market has the same volatility all day: 30 values are
# few, so their standard deviation is uncertain. In a real market the first and the last half hour
# have more volatility than noon.
#
# Oil has the highest volatility here for a simple reason: the invented market moves it about once a
# second, and each time by one cent at least, which is 1.7 basis points of its price.
#
# ## Spread
#
# A buyer who does not wait pays the **ask**, and a seller who does not wait gets the **bid**. The
# difference is the cost of not waiting. An index cannot be bought, so it has none.

# %%
middle = (ticks["ask"] + ticks["bid"]) / 2
spread = (1e4 * (ticks["ask"] - ticks["bid"]) / middle).groupby(ticks["symbol"]).median().dropna()
spread = spread.sort_values()

figure, axes = plt.subplots(figsize=(9, 2.8))
drawn = axes.barh(spread.index, spread)
axes.bar_label(drawn, fmt="%.2f", padding=3)
axes.set_xlim(0, spread.max() * 1.15)
axes.set_xlabel("spread, median (basis points of the price)")
axes.set_ylabel("symbol")
axes.set_title("What it costs to be impatient, SIMULATED")
plt.show()

# %% [markdown]
# ## Correlation
#
# Do prices move together? **Correlation** is 1 if they always do, 0 if they have nothing to do with
# each other, and -1 if one always falls when the other rises.

# %%
order = [symbol for symbol in SYMBOLS if symbol in returns]
correlation = returns[order].corr()

figure, axes = plt.subplots(figsize=(6.5, 5.2))
image = axes.imshow(correlation, vmin=-1, vmax=1, cmap="RdBu_r")
axes.set_xticks(range(len(order)), order, rotation=45, ha="right")
axes.set_yticks(range(len(order)), order)
for (row, column), value in np.ndenumerate(correlation.to_numpy()):
    color = "white" if abs(value) > 0.6 else "black"
    axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=color, fontsize=8)
figure.colorbar(image, label="correlation")
axes.set_xlabel("symbol")
axes.set_ylabel("symbol")
axes.set_title("Returns of one minute, SIMULATED")
plt.show()

# %% [markdown]
# The shares move with the index (`^IXIC`): they are a part of it. Gold and oil do not.
#
# ## Where the volume was traded
#
# A **volume profile** shows at which prices a share was traded. Prices with much volume are
# those that many people found right.

# %%
apple = bars[bars["symbol"] == "AAPL"]
typical = (apple["high"] + apple["low"] + apple["close"]) / 3
volume = apple["volume"] / 1e6
mean = (typical * volume).sum() / volume.sum()

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), width_ratios=[3, 2], sharey=True)
left.plot(close.index, close["AAPL"], linewidth=1)
left.axhline(mean, color="tab:orange", label="mean price, weighted by volume (VWAP)")
axis_of_time(left)
left.set_ylabel("price (USD)")
left.set_title("AAPL, SIMULATED")
left.legend()
steps = list(np.arange(np.floor(typical.min()), np.ceil(typical.max()) + 0.25, 0.25))
right.hist(typical, steps, weights=volume, orientation="horizontal", color="0.6")
right.axhline(mean, color="tab:orange")
right.set_xlabel("volume (million shares)")
right.set_title("At which price, SIMULATED")
figure.tight_layout()
plt.show()

# %% [markdown]
# ## Exercises
#
# 1. Compute the correlation of AAPL and ^IXIC from returns of 10 seconds, 1 minute and 10 minutes.
#    Does it rise or fall? (Prices that are polled each 5 seconds do not change at the same moment.)
# 2. Take `received` in place of `time` as the index of `ticks`, and make the bars again. Which
#    symbols move, by how much, and what would that do to a correlation?
