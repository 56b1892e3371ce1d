"""``python -m harness.standin.api_docs FOLDER`` writes both documents there."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.standin.api_docs import PATHS, document_body

for path in PATHS:
    Path(sys.argv[1], path.lstrip("/")).write_bytes(document_body(path))
