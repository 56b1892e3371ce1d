"""
The stand-in: an embedded server that plays the Opensteer Cloud API.

It is the harness's default target. It knows exactly what happened (``/__truth__``), and it can
lie on purpose, to show that a check detects the lie. It reads the API's documents independently
and imports nothing of the client's reading.

::

    bytes ─► server ─► api (key, limit, failure, idempotency, time) ─► handlers ─► state
                                                            delivery ◄─┘   └─► state_file
"""
