# %% [markdown]
# # 3 · The sender does not care
#
# A sender of events does not know who listens. It writes each event down and goes on. Its pace is
# the same with no listener, with a hundred, and with one that hangs.
#
# This notebook measures that, and shows why it is so. All cells together take about one minute.

# %%
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

import ticker

# %% [markdown]
# ## Measure
#
# `ticker compare --part sender` runs a sender that has 100 events to send each second, at
# irregular times, as in a market. Its subscribers are in another process. Two ways are measured: a
# server that sends over open connections (WebSocket), and ticker's own log, a file (SQLite). Some
# subscribers *hang*: they read the first event, and then nothing.

# %%
command = [sys.executable, "-m", "ticker", "compare", "--part", "sender"]
command += ["--runs", "1", "--format", "json", "--quiet"]
measured = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["sender"]
runs = pd.DataFrame(measured)
runs["who"] = [
    str(run["subscribers"]) + (f" + {run['hanging']}\nthat hang" if run["hanging"] else "")
    for run in measured
]
runs["events per second"] = runs["pace"].str[0]
runs["late (ms)"] = runs["p50"].str[0]
figures = ["events per second", "late (ms)"]
table = runs.pivot_table(index="who", columns="method", values=figures, sort=False)
table.rename(index=lambda who: who.replace("\n", " ")).round(1)

# %% [markdown]
# `late (ms)` is the median delay of an event behind its schedule. The pace as a plot:

# %%
figure, axes = plt.subplots(figsize=(9, 3.5))
for method, own in runs.groupby("method", sort=False):
    style = "o-" if method == "WebSocket" else "s--"  # so that both show where they agree
    axes.plot(own["who"], own["events per second"], style, label=method)
axes.axhline(measured[0]["wanted"], color="0.7", linewidth=1, label="its schedule")
axes.set_ylim(0, 120)
axes.set_xlabel("subscribers")
axes.set_ylabel("events per second")
axes.set_title("The sender's pace, measured on this machine")
axes.legend(loc="lower left")
plt.show()

# %% [markdown]
# The line is flat. The next plot shows the same over time: each line is one run, and shows how many
# events the sender had sent. The lines almost coincide. The one with 100 subscribers can lag a
# little, because they use the same CPUs as the sender.

# %%
figure, axes = plt.subplots(figsize=(9, 3.5))
for who, run in zip(runs["who"], measured, strict=True):
    if run["method"] == "SQLite":
        sent = run["sent_at"]
        axes.step(
            sent,
            range(1, len(sent) + 1),
            where="post",
            label="subscribers: " + who.replace("\n", " "),
        )
axes.set_xlabel("time (s)")
axes.set_ylabel("events sent")
axes.set_title("A log in a file, measured on this machine")
axes.legend()
plt.show()

# %% [markdown]
# ## Why?
#
# Here are two senders in ten lines each. The first calls each of its subscribers, one after the
# other, and waits. The second appends to a list, and the subscribers read the list when they like,
# each from its own place. One of three subscribers is slow: it takes 20 ms for each event.

# %%
EVENTS = 100


def quick(_: int) -> None:
    """Take an event, and be done."""


def slow(_: int) -> None:
    """Take an event, and think for 20 ms."""
    time.sleep(0.02)


def calling_sender(subscribers: list[Callable[[int], None]]) -> list[float]:
    """When each event was sent (s), by a sender that calls its subscribers."""
    begin, sent = time.perf_counter(), []
    for event in range(EVENTS):
        for subscriber in subscribers:
            subscriber(event)
        sent.append(time.perf_counter() - begin)
        time.sleep(0.005)
    return sent


def logging_sender(subscribers: list[Callable[[int], None]]) -> list[float]:
    """When each event was sent (s), by a sender that appends to a log."""
    log: list[int] = []

    def read(subscriber: Callable[[int], None]) -> None:
        place = 0
        while place < EVENTS:
            if place < len(log):
                subscriber(log[place])
                place += 1
            else:
                time.sleep(0.001)

    for subscriber in subscribers:
        threading.Thread(target=read, args=[subscriber]).start()
    begin, sent = time.perf_counter(), []
    for event in range(EVENTS):
        log.append(event)
        sent.append(time.perf_counter() - begin)
        time.sleep(0.005)
    return sent


# %%
THREE: list[Callable[[int], None]] = [quick, slow, quick]
figure, axes = plt.subplots(figsize=(9, 3.5))
axes.plot(logging_sender(THREE), range(1, EVENTS + 1), label="appends to a log")
axes.plot(calling_sender(THREE), range(1, EVENTS + 1), label="calls each subscriber")
axes.set_xlabel("time (s)")
axes.set_ylabel("events sent")
axes.set_title("Two senders with one slow subscriber, measured on this machine")
axes.legend()
plt.show()

# %% [markdown]
# The sender that calls is as slow as all of its subscribers together. If one hung, all would wait.
# The sender that appends does not know that there is a slow one.
#
# ## A subscriber that sleeps
#
# What happens to the events while a subscriber sleeps? They are in the log. This cell follows a
# stream live for ten seconds, and sleeps for four of them. Then it reads what it missed.
#
# Each tick has the time when it was stored, so the blue line shows when the events came, whether
# the subscriber was awake or not.

# %%
figure, axes = plt.subplots(figsize=(9, 3.5))
picture = display(figure, display_id=True)
has: dict[float, int] = {}  # time → events that the subscriber has
written: list[float] = []  # when each event came to the stream

with ticker.demo(["AAPL", "MSFT", "NVDA", "BTC-USD"], seed=7) as url:
    begin, taken = time.time(), []
    slept = False
    for frame in ticker.frames.follow(url, since="start"):
        now = time.time() - begin
        taken.append(frame)
        written += [moment.timestamp() - begin for moment in frame["received"]]
        has[now] = len(written)
        axes.clear()
        axes.step(written, range(1, len(written) + 1), where="post", label="written to the stream")
        axes.step(list(has), list(has.values()), where="post", label="read by the subscriber")
        axes.set_xlim(0, 10)
        axes.set_xlabel("time (s)")
        axes.set_ylabel("events")
        axes.set_title("A subscriber sleeps for four seconds, SIMULATED")
        axes.legend(loc="upper left")
        picture.update(figure)
        if now > 10:
            break
        if now > 3 and not slept:
            time.sleep(4)
            slept = True
    stored = ticker.frames.read(url)  # what the stream has, whoever reads
plt.close(figure)

# %% [markdown]
# Did the subscriber get everything? We read the stream again, up to the newest tick that the
# subscriber has, and count. Ticks of a symbol are numbered 1, 2, 3 …, so a lost one would leave a
# hole.

# %%
heard = pd.concat(taken)
stored = stored[stored["received"] <= heard["received"].max()]
steps = heard.groupby("symbol")["sequence"].diff().dropna()
print(f"{len(stored)} ticks in the stream, {len(heard)} read by the subscriber")
print(f"{(steps != 1).sum()} holes in the numbers of those that it read")

# %% [markdown]
# Nothing is lost. The stream did not wait for the subscriber.
#
# ## Exercises
#
# 1. Give `calling_sender` ten slow subscribers. How many events does it send in a second? And
#    `logging_sender`?
# 2. A list grows for ever. A log must delete its oldest events one day. What happens then to a
#    subscriber that slept too long, and what should it be told? (ticker writes a *gap*.)
