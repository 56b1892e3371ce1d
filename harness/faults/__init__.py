"""Faults on purpose: a proxy that breaks connections, and an inbox that misbehaves."""
