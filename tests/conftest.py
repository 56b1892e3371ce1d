"""What all tests share: how Hypothesis looks for counterexamples.

`make test` must say the same of the same code, so examples are derived from the test itself;
``HYPOTHESIS_PROFILE=search`` looks for new ones (`make bench-stats` does).
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
