"""The instruments of aid are there wherever acts on aids are done, in the service and in its commands."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["app.commands.tick", "app.commands.imports"])
def test_a_command_that_acts_on_aids_knows_their_instruments(module: str) -> None:
    """In a process of its own: the service, which imports everything, would hide what a command leaves out."""
    known = (
        f"import {module}; from app.awards.kinds import in_lock_order; print(*(k.resource for k in in_lock_order()))"
    )
    done = subprocess.run([sys.executable, "-c", known], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["grant", "advance"]
