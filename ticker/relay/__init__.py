"""The loop from a stream to another log."""

from ticker.relay.checkpoint import Checkpoint, FileCheckpoint, HoldCheckpoint, read_met
from ticker.relay.lock import exclusively, is_held
from ticker.relay.loop import WITHIN, Relay
from ticker.relay.naming import LOCAL_LOGS, local_log_name, may_have_moved, route_digest
from ticker.relay.proof import Proof, prove
from ticker.relay.status import RelayReport, RelayStatus

__all__ = [
    "LOCAL_LOGS",
    "WITHIN",
    "Checkpoint",
    "FileCheckpoint",
    "HoldCheckpoint",
    "Proof",
    "Relay",
    "RelayReport",
    "RelayStatus",
    "exclusively",
    "is_held",
    "local_log_name",
    "may_have_moved",
    "prove",
    "read_met",
    "route_digest",
]
