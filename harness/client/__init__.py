"""Calls of the API and their attempts: retries, the ledger, sockets."""
