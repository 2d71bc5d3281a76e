"""Child processes (exchange, poller, a user's commands), and how a parent talks to them."""

from ticker.processes.child import Child
from ticker.processes.demo import demo
from ticker.processes.parent_channel import Control
from ticker.processes.poller import Poller

__all__ = ["Child", "Control", "Poller", "demo"]
