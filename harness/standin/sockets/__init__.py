"""
The two WebSockets of a session: `/ws/action/:id` and `/ws/cdp/:id`.

==============  =================================================================
`server`        upgrades, open channels, and how they end
`upgrade_auth`  which upgrades are accepted
`tokens`        what opens a socket
`channel`       one open socket and its requests in flight
`action`        actions: requests, responses, failures
`frames`        frames and methods of the action socket
`page`          the synthetic page of the actions
`cdp`           commands of the DevTools protocol, over …
`devtools`      … a synthetic browser endpoint,
`tabs`          … and its pages
`commands`      how commands are read
`evaluation`    the few expressions that its pages evaluate
`names`         names of socket operations in settings and in the truth
==============  =================================================================
"""
