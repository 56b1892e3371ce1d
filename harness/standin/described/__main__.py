"""``python -m harness.standin.described FOLDER`` writes both documents there."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.standin.described import PATHS, document_body

for path in PATHS:
    Path(sys.argv[1], path.lstrip("/")).write_bytes(document_body(path))
