"""
Load generation: the only room that uses Locust and gevent's scheduling.

Importing `harness.load.user` imports Locust, which patches sockets process-wide.
"""
