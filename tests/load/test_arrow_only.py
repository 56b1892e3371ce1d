"""A load process starts without pandas, and a scenario may still use it."""

from __future__ import annotations

import subprocess
import sys

import pytest

LATER = """
import pandas, pyarrow
frame = pandas.DataFrame({"a": [1, 2]})
assert frame.equals(pyarrow.Table.from_pandas(frame).to_pandas())
"""


@pytest.mark.parametrize("module", ["locust_process", "lab_sender", "cleanup_process"])
def test_pandas_is_not_imported_and_works_later(module):
    code = f"import harness.load.{module}, sys\nassert 'pandas' not in sys.modules\n{LATER}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
