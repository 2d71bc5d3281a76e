"""Measures the scenario's claim: one request per event against one open connection."""
