"""
Real headless Chromium behind the sessions: ``harness serve --browser /usr/bin/chromium``.

==========  ====================================================================
`pool`      one browser a session: launched, watched, always reaped
`chromium`  one browser process: its start, its profile folder, its end
`wire`      a WebSocket to a browser's DevTools endpoint
`bridge`    the CDP socket of a session, carried through to its browser
`driver`    commands to a browser, its answers, its active tab
`acting`    the methods of the action socket, done in a real page
==========  ====================================================================
"""
