"""The ledger: what is open or in doubt, also for whoever comes after a killed process."""

from __future__ import annotations

import pytest

from harness.client import ledger as ledgers
from harness.client.ledger import Ledger, read_ledger, read_outstanding
from harness.errors import TrialError


def written(path):
    """A ledger, open still: one session open, one closed, one create in doubt, one settled."""
    ledger = Ledger(path)
    for key in ("k1", "k2", "k3", "k4"):
        ledger.record_intent(key, b'{"n":1}')
    ledger.record_effect("k1", "s1")
    ledger.record_effect("k2", "s2")
    ledger.record_effect("k3")
    ledger.close("s2")
    return ledger


def test_a_ledger_is_read_back_as_it_was(tmp_path):
    """Whatever was in memory when the process died stands in the file."""
    ledger = written(tmp_path / "local.ledger")
    found = read_ledger(tmp_path / "local.ledger")
    ledger.close_file()

    assert ["s1"] == list(found.open) == list(ledger.open)
    assert {"k4": b'{"n":1}'} == found.unconfirmed == ledger.unconfirmed
    assert not found.is_empty


def test_a_torn_last_line_is_passed_over(tmp_path):
    """The close that was being written when the process died did not happen for us."""
    path = tmp_path / "local.ledger"
    ledger = written(path)
    ledger.close("s1")
    ledger.close_file()
    path.write_bytes(path.read_bytes()[:-4])

    assert ["s1"] == list(read_ledger(path).open)


def test_nothing_is_written_behind_a_line_that_the_disk_took_in_part(tmp_path):
    """Memory goes on; the file stays one that can be read."""
    path = tmp_path / "local.ledger"
    ledger = written(path)
    disk = ledger._file

    class Full:
        def write(self, line):
            return disk.write(line[:7])

        def close(self):
            disk.close()

    ledger._file = Full()
    ledger.close("s1")
    ledger.record_intent("k5", b"{}")

    assert not ledger.open
    assert ["k4", "k5"] == list(ledger.unconfirmed)
    assert ["s1"] == list(read_ledger(path).open)


def test_a_file_that_has_grown_is_rewritten_with_open_sessions_only(tmp_path, monkeypatch):
    """An endless trial has a ledger of bounded size, that tells what memory holds."""
    monkeypatch.setattr(ledgers, "COMPACT_AT_BYTES", 2000)
    path = tmp_path / "local.ledger"
    ledger = written(path)
    sizes = []
    for number in range(300):
        ledger.record_effect(f"key{number}", f"session{number}")
        ledger.close(f"session{number}")
        sizes.append(path.stat().st_size)
    found = read_ledger(path)
    ledger.close_file()

    assert max(sizes) < 2200
    assert ["s1"] == list(found.open)
    assert {"k4": b'{"n":1}'} == found.unconfirmed
    assert ["local.ledger"] == [file.name for file in tmp_path.iterdir()]


def test_a_ledger_that_cannot_be_rewritten_goes_on(tmp_path, monkeypatch):
    """No room for a second file beside the first one: the first one grows."""
    monkeypatch.setattr(ledgers, "COMPACT_AT_BYTES", 500)
    path = tmp_path / "local.ledger"
    ledger = written(path)
    (tmp_path / "local.new").mkdir()
    for number in range(50):
        ledger.record_effect(f"key{number}", f"session{number}")
    ledger.close_file()

    assert 51 == len(read_ledger(path).open)


def test_a_damaged_ledger_keeps_no_other_from_being_paid(tmp_path):
    """It is told of; the debts of the others are all there."""
    written(tmp_path / "w0.ledger").close_file()
    (tmp_path / "w1.ledger").write_bytes(b"no entry\n")
    ledger = Ledger(tmp_path / "w2.ledger")
    ledger.record_effect("k9", "s9")
    ledger.close_file()
    debts, damages = read_outstanding(tmp_path)

    with pytest.raises(TrialError, match=r"w1\.ledger:1: no ledger entry"):
        read_ledger(tmp_path / "w1.ledger")
    assert {"s1", "s9"} == set(debts.open)
    assert ["k4"] == list(debts.unconfirmed)
    assert 1 == len(damages)
