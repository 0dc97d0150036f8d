"""The demonstration, which the clients of a module share, and the packages of clients."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import Service, loaded_home


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """The demonstration, fresh."""
    with loaded_home() as home, home.serving() as running:
        yield running


def packed(language: str, place: Path) -> list[Path]:
    """The package of a language, made there."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    make = Path(__file__).parents[2] / "clients" / "make"
    done = subprocess.run(
        [make, language, place], env={**os.environ, "PATH": programs}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(place.iterdir())
