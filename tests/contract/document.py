"""The OpenAPI document of the application as it is, generated once in a process."""

from functools import cache
from typing import Any

from app.main import create_app
from app.settings import Settings


@cache
def document() -> dict[str, Any]:
    """To be read only: whoever asks gets the same one."""
    # The level is the process's: requests of later tests would each write a line.
    settings = Settings(_env_file=None, database_url="postgresql://localhost/none", log_level="error")
    found: dict[str, Any] = create_app(settings).openapi()
    return found
