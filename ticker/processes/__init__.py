"""The exchange and the poller as processes of their own, and how a parent speaks with them."""

from ticker.processes.child import Child, Ended
from ticker.processes.demo import demo
from ticker.processes.parent_channel import Control
from ticker.processes.poller import Poller

__all__ = ["Child", "Control", "Ended", "Poller", "demo"]
