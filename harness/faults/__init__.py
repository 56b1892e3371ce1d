"""Fault injection: a proxy that breaks connections, and a webhook inbox that misbehaves."""
