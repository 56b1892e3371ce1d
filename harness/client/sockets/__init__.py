"""
Calls over a session's two WebSockets, recorded attempt by attempt like all others.

===========  ======================================================================
`dialer`     opens sockets: where they may lead, with which bounds
`line`       one socket of one session: connect, reconnect, ask
`flight`     one call over it: what is asked, and how it ended
`actions`    the action socket: one method a call, or several at once
`devtools`   the CDP socket: one command a call
===========  ======================================================================
"""
