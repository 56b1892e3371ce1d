"""
The two WebSockets of a session: `/ws/action/:id` and `/ws/cdp/:id`.

===========  ====================================================================
`frames`     what travels over the action socket, and the methods there are
===========  ====================================================================
"""
