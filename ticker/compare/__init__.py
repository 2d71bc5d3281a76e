"""The scenario's claim, measured: one request per event against one open connection."""
