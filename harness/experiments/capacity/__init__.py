"""
The capacity lab's pure half: how many sessions, what rate, and where it breaks.

State machines that say what to do next and are told how it went (`sessions`,
`search`), and estimators over what was seen (`order_statistics`, `threshold`, `usl`,
`knee`). Nothing here sends, sleeps or reads a clock.
"""
