"""Calls over a session's two WebSockets, recorded attempt by attempt like all others."""
