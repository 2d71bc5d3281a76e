# %% [markdown]
# # 1 · What an event is
#
# Shares are traded all day. A **poller** asks for their prices again and again. Whenever a price
# has changed, the poller writes a **tick** into a **stream**. A tick is an event:
# it says what happened, and when. Any number of programs may read the stream, now or later.
#
# This notebook makes its own data and needs no network. A small exchange on this machine invents
# the prices, so every plot says **SIMULATED**. All cells together take about one minute.

# %%
import time

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.axes import Axes

import ticker

SYMBOLS = ["AAPL", "MSFT", "GC=F", "BTC-USD"]

# %% [markdown]
# ## Make a stream
#
# `ticker.demo()` starts the exchange and a poller that asks it once a second. After 20 seconds the
# poller stops, and 5 seconds later another one starts. It needs a second or two until it asks for
# the first time. Until then no price is polled. A plot below shows what that means.
#
# `ticker.frames` reads the stream into pandas frames, while the poller goes on writing.

# %%
with ticker.demo(SYMBOLS, seed=7, outage=(20, 5)) as url:
    while ticker.frames.gaps(url).empty:  # until the second poller is there
        time.sleep(1)
    time.sleep(20)
    ticks = ticker.frames.read(url)
    gaps = ticker.frames.gaps(url)

print(f"{len(ticks)} ticks of {ticks['symbol'].nunique()} symbols, and {len(gaps)} gap")

# %% [markdown]
# ## One tick, field by field
#
# Each row of `ticks` is one tick. This is the fifth one of Apple's share. An unknown value is
# `NaN`, never zero.

# %%
MEANINGS = {
    "symbol": "name of the instrument, as Yahoo! Finance spells it",
    "source": "where the price comes from",
    "origin": "random name of the log in which the tick got its number",
    "sequence": "number of the tick: 1, 2, 3 … for each symbol",
    "received": "when the poller got it",
    "price": "the new price",
    "previous_price": "the price before this tick",
    "day_change": "price minus the last closing price",
    "day_change_percent": "the same in per cent",
    "volume": "shares traded so far on this day",
    "bid": "best offer to buy",
    "ask": "best offer to sell",
    "currency": "the currency of all prices in this row",
    "session": "pre, regular, post or closed",
    "size": "shares in this trade, if the source reports it",
    "simulated": "True: this price is invented",
}
apple = ticks[ticks["symbol"] == "AAPL"]
tick = apple.iloc[4]
print("time:", tick.name, "(when it happened; the index of the frame)")
pd.set_option("display.max_colwidth", 70)
pd.DataFrame({"value": tick, "meaning": pd.Series(MEANINGS)}).loc[list(MEANINGS)]

# %% [markdown]
# ## Two times
#
# `time` is when the price was made, `received` is when we got it. An exchange may sell its newest
# prices, and give them away some minutes later. Gold (`GC=F`) comes 10 minutes late here.

# %%
late = (ticks["received"] - ticks.index).groupby(ticks["symbol"]).median()
late.dt.total_seconds().round(1).rename("seconds between time and received").to_frame()

# %% [markdown]
# ## The price is a line that breaks
#
# Between two ticks the price did not change: the line is flat. In a **gap** the price was
# not polled and is unknown: the line breaks. A line across the gap would be an invention.


# %%
def price_line(symbol: str) -> pd.Series:
    """Return the price by the time we got it; NaN inside gaps."""
    own = ticks[ticks["symbol"] == symbol]
    price = pd.Series(own["price"].to_numpy(), index=pd.DatetimeIndex(own["received"]))
    breaks = {}
    for gap in gaps[gaps["symbol"].isin([symbol]) | gaps["symbol"].isna()].to_dict("records"):
        breaks[gap["from"]] = price.asof(gap["from"])
        breaks[gap["from"] + pd.Timedelta("1us")] = float("nan")
    return pd.concat([price, pd.Series(breaks)]).sort_index()


def axis_of_time(axes: Axes, label: str) -> None:
    """Write the clock under a plot."""
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S"))
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=8))
    axes.set_xlabel(label)


figure, axes = plt.subplots(figsize=(9, 3.5))
line = price_line("AAPL")
axes.step(line.index, line, where="post")
axes.plot(apple["received"], apple["price"], "o", markersize=4, label="a tick")
gap = gaps.iloc[0]
axes.axvspan(gap["from"], gap["until"], color="0.9", label=f"a gap: {gap['reason']}")
axis_of_time(axes, "time received (UTC)")
axes.set_ylabel("price (USD)")
axes.set_title("AAPL: every change of its price, SIMULATED")
axes.legend()
plt.show()

# %% [markdown]
# ## Candles
#
# Thousands of ticks are too many to look at. `ticker.frames.bars` sums them up: the first, highest,
# lowest and last price of each span of time. A candle draws them. The thin line goes from the
# lowest to the highest price, the thick one from the first to the last. Blue rose, orange fell.
#
# With `gaps`, a bar that touches a gap is unknown, so it has no candle. The volume of the gap
# is not lost: ticks tell the volume of the day so far, so the first bar after the gap holds it too.

# %%
bars = ticker.frames.bars(apple, "4s", gaps)
rose = bars["close"] >= bars["open"]
colors = ["tab:blue" if up else "tab:orange" for up in rose]
middle = pd.DatetimeIndex(bars.index) + pd.Timedelta("2s")

figure, axes = plt.subplots(figsize=(9, 3.5))
axes.vlines(middle, bars["low"], bars["high"], colors=colors, linewidth=1.5)
axes.vlines(middle, bars["open"], bars["close"], colors=colors, linewidth=9)
axes.scatter(middle, bars["close"], c=colors, marker="_", s=90)  # shows a bar of one price, too
axis_of_time(axes, "time of the event (UTC)")
axes.set_ylabel("price (USD)")
axes.set_title("AAPL: candles of 4 seconds, SIMULATED")
plt.show()

bars.tail(4)

# %% [markdown]
# ## How many events?
#
# Ticks come when prices change, not by the clock. The exchange moves once a second here, and not
# every price moves each time. Bars of one second count the ticks; seconds inside a gap
# are `NaN`, so the mean leaves them out.

# %%
each_second = ticker.frames.bars(ticks, "1s", gaps)
rate = each_second.groupby("symbol")["ticks"].mean().sort_values()

figure, axes = plt.subplots(figsize=(9, 2.5))
axes.barh(rate.index, rate)
axes.set_xlim(0, 1.1)
axes.set_xlabel("ticks per second, without the gap")
axes.set_ylabel("symbol")
axes.set_title("How often each price changes, SIMULATED")
plt.show()

# %% [markdown]
# How long does it take from one tick of a symbol to its next? Mostly one second, which is how often
# the poller asks, and sometimes more. Times across the gap are left out.

# %%
waits = ticks.groupby("symbol")["received"].diff().dt.total_seconds()
begins = ticks["received"] - pd.to_timedelta(waits, unit="s")
waits = waits[~((begins < gap["until"]) & (ticks["received"] > gap["from"]))].dropna()

figure, axes = plt.subplots(figsize=(9, 3))
axes.hist(waits, list(np.arange(0.25, max(5.0, waits.max()) + 0.5, 0.5)), rwidth=0.9)
axes.set_xlabel("time from one tick of a symbol to its next (s)")
axes.set_ylabel("ticks")
axes.set_title("Inter-arrival times, SIMULATED")
plt.show()

# %% [markdown]
# When did each symbol have ticks? A heat map shows it at a glance: a row for each symbol, a column
# for each 2 seconds, by the time at which we got the ticks. Gaps are white.
# For a recording of a day, take minutes.

# %%
columns = pd.date_range(ticks["received"].min().floor("2s"), ticks["received"].max(), freq="2s")
received = ticks["received"].dt.floor("2s")
counts = pd.crosstab(ticks["symbol"], received)
counts = counts.reindex(columns=columns, fill_value=0).astype(float)
unseen = (columns < gap["until"]) & (columns + pd.Timedelta("2s") > gap["from"])
counts.loc[:, unseen & (counts.sum() == 0).to_numpy()] = float("nan")

figure, axes = plt.subplots(figsize=(9, 2.5))
edges = mdates.date2num(columns.append(columns[-1:] + pd.Timedelta("2s")))
image = axes.pcolormesh(edges, np.arange(len(counts) + 1), counts, cmap="Blues", vmin=-0.5)
axes.set_yticks(np.arange(len(counts)) + 0.5, counts.index)
figure.colorbar(image, label="ticks in 2 s", ticks=[0, 1, 2])
axis_of_time(axes, "time received (UTC)")
axes.set_ylabel("symbol")
axes.set_title("Ticks by symbol and time, SIMULATED")
plt.show()

# %% [markdown]
# ## Live
#
# So far we looked back. `ticker.frames.follow` gives a frame for every batch of new ticks. This
# cell follows a stream for ten seconds, and draws the plot again each time.

# %%
figure, axes = plt.subplots(figsize=(9, 3))
picture = display(figure, display_id=True)
arrived = ticks.iloc[:0]

with ticker.demo(SYMBOLS, seed=8) as url:
    begin, now = time.monotonic(), pd.Timestamp.now("UTC") - pd.Timedelta("1s")
    for frame in ticker.frames.follow(url, ["BTC-USD"], since="start"):
        arrived = pd.concat([arrived, frame])
        axes.clear()
        axes.step(arrived["received"], arrived["price"], "o-", where="post", markersize=4)
        axes.set_xlim(mdates.date2num(now), mdates.date2num(now + pd.Timedelta("12s")))
        axis_of_time(axes, "time received (UTC)")
        axes.set_ylabel("price (USD)")
        axes.set_title("BTC-USD, live, SIMULATED")
        picture.update(figure)
        if time.monotonic() - begin > 10:
            break
plt.close(figure)

# %% [markdown]
# ## Exercises
#
# 1. Draw candles of 10 seconds for `BTC-USD`. Is a candle higher if its span is longer? Why?
# 2. Leave `gaps` out of `ticker.frames.bars` and print the bars around the gap. Which numbers
#    change, and which of the two frames tells the truth?
