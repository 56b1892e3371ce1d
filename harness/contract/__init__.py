"""
The API in code, as the harness reads it: pure functions, no I/O.

===============  ===========================================================
`operations`     the eight HTTP operations and their request targets
`versions`       the session contract's version
`outcomes`       how an attempt can end; which code means which end
`shapes`         bodies of successful answers, as types
`answers`        status + body + Retry-After → what happened
`refusals`       the same for answers that are no success
`retry_after`    the header, read as RFC 9110 says and more
`signatures`     the webhooks' signature: made and judged
`vocabulary`     made-up names that look like a customer's
`sockets`        frames of the two WebSockets, and what a close means
`payloads`       request bodies, each a pure function of (seed, number)
`entries`        selector-cache entries by the million
===============  ===========================================================

The stand-in imports nothing from here: it reads the same document with its own
eyes, so that a slip on one side shows on the other.
"""
