"""The loops from a stream to another log: relays, their files, and the proof that all arrived."""

from ticker.relay.checkpoint import FileCheckpoint, HoldCheckpoint
from ticker.relay.forwarding import Forwarding, ForwardRequest, forget
from ticker.relay.lock import exclusively
from ticker.relay.loop import WITHIN, Relay
from ticker.relay.proof import Proof, prove
from ticker.relay.route import Route, local_log
from ticker.relay.sending import Sending
from ticker.relay.status import RelayStatus

__all__ = [
    "WITHIN",
    "FileCheckpoint",
    "ForwardRequest",
    "Forwarding",
    "HoldCheckpoint",
    "Proof",
    "Relay",
    "RelayStatus",
    "Route",
    "Sending",
    "exclusively",
    "forget",
    "local_log",
    "prove",
]
