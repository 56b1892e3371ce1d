"""What all tests share: how Hypothesis looks for counterexamples, and a Ctrl-C that arrives.

`make test` must say the same of the same code, so examples are derived from the test itself;
``HYPOTHESIS_PROFILE=search`` looks for new ones (`make bench-stats` does).

A shell starts a background job with SIGINT ignored, and every command of that job inherits it: the
tests that interrupt a command would then interrupt nobody.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
