"""
The two WebSockets of a session: `/ws/action/:id` and `/ws/cdp/:id`.

===========  ====================================================================
`server`     upgrades, open channels, and how they end
`gate`       which upgrades are let in
`tokens`     what opens a socket
`channel`    one open socket and what is in flight on it
`action`     actions: requests, answers, failures
`frames`     what travels over the action socket, and the methods there are
`page`       the synthetic page that actions act upon
`cdp`        commands of the DevTools protocol, over …
`devtools`   … a synthetic browser endpoint,
`tabs`       … its pages,
`commands`   and how commands are read
`evaluation` the few expressions its pages can evaluate
`names`      what happens on sockets, by the names of settings and of the truth
===========  ====================================================================
"""
