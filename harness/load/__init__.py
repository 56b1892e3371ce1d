"""
Load: the only place of Locust and of gevent's scheduling.

Importing `harness.load.user` imports Locust, which patches sockets process-wide; so
nothing but scenarios and the processes that make load do it. Plans can be read without.
"""
