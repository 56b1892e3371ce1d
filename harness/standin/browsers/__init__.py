"""
Headless Chromium behind the sessions: ``harness serve --browser /usr/bin/chromium``.

============  ==================================================================
`pool`        one browser per session: launched, watched, always ended
`chromium`    one browser process: its start, its profile folder, its end
`cdp_client`  a WebSocket to a browser's DevTools endpoint
`bridge`      relays a session's CDP socket to its browser
`driver`      commands to a browser, their responses, its active tab
`actions`     the methods of the action socket, done in a real page
============  ==================================================================
"""
