"""
The API in code, as the harness reads it. Pure functions, no I/O.

The stand-in imports nothing from here. Both read the same document independently, so that a
mistake on one side shows on the other.
"""
