"""The OpenAPI document of the application as it is, generated once in a run."""

import fcntl
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from app.main import create_app
from app.settings import Settings
from tests.processes import RUN


@cache
def document() -> dict[str, Any]:
    """To be read only: all in a process get the same one. Of all processes of a run the first generates it."""
    kept = Path(os.environ[RUN]) / "openapi.json"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            # The level is the process's: requests of later tests would each write a line.
            settings = Settings(_env_file=None, database_url="postgresql://localhost/none", log_level="error")
            kept.write_text(json.dumps(create_app(settings).openapi(), ensure_ascii=False), encoding="utf-8")
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return found
