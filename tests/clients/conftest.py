"""The demonstration, which the clients of a module share."""

from collections.abc import Iterator

import pytest

from tests.processes import Service, loaded_home


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """The demonstration, fresh."""
    with loaded_home() as home, home.serving() as running:
        yield running
