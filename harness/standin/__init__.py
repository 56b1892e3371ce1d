"""
The stand-in: our own server that plays the Opensteer Cloud API.

The default target of the harness, and its judge: it knows exactly what really
happened (``/__truth__``), and it can lie on purpose, so that a check can be shown
to catch the lie. It reads the API's documents with its own eyes and imports
nothing of the client's reading.

::

    bytes ─► server ─► api (key, limit, failure, idempotency, time) ─► handlers ─► state
                                                            delivery ◄─┘   └─► journal
"""
