"""The directories of runs: one that was killed leaves its own, and the next run removes it."""

import os
from pathlib import Path

from tests.processes import held, sweep


def test_what_a_killed_run_has_left_is_removed_and_what_a_living_one_holds_is_kept(tmp_path: Path) -> None:
    living, lock = held(tmp_path)
    killed, ended = held(tmp_path)
    (killed / "server").mkdir()
    (killed / "server" / "page").write_bytes(b"\0")
    others = tmp_path / "another-program"
    others.mkdir()
    os.close(ended)  # as the kernel does
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([living, others])
    os.close(lock)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [others]
