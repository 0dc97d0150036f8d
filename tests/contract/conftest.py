"""The service over a real socket, beside the application in the process of the tests; both use one database."""

from collections.abc import Iterator

import pytest

from tests.contract.server import Service, serving

HEADER_TIMEOUT = 1.0
BODY_TIMEOUT = 1.0


@pytest.fixture(scope="session")
def service(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real service on this worker's database, impatient with slow clients."""
    directory = tmp_path_factory.mktemp("service")
    patience = {"REBOND_HEADER_TIMEOUT": str(HEADER_TIMEOUT), "REBOND_BODY_TIMEOUT": str(BODY_TIMEOUT)}
    with serving(database_url, directory, **patience) as running:
        yield running
