"""The figures of the service for Prometheus, on a port of their own that no caller of the API reaches.

A thread of the process that supervises the workers answers them, so a look at the figures costs no worker's time.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, multiprocess, start_http_server
from sqlalchemy.ext.asyncio import AsyncEngine

from app import __version__
from app.core.quotas import Slots

BUILD = Gauge(
    "rebond_build_info", "Always 1; the labels say what runs.", ["version", "python"], multiprocess_mode="max"
)
CONNECTIONS = Gauge(
    "rebond_pool_connections",
    "Connections of the workers' pools to PostgreSQL: those that requests hold, and all that there may be.",
    ["state"],
    multiprocess_mode="livesum",
)
PLACES = Gauge(
    "rebond_places_in_use",
    "Exports and documents that are made at the moment.",
    ["of"],
    multiprocess_mode="livesum",
)
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"  # where workers put their figures for each other


def hold(engine: AsyncEngine, exports: Slots, documents: Slots) -> None:
    """Tell in the metrics what this worker holds at the moment."""
    pool: Any = engine.pool
    BUILD.labels(__version__, platform.python_version()).set(1)
    CONNECTIONS.labels("in_use").set(pool.checkedout())
    CONNECTIONS.labels("size").set(pool.size())
    PLACES.labels("exports").set(exports.in_use)
    PLACES.labels("documents").set(documents.in_use)


class OfTheLiving(multiprocess.MultiProcessCollector):
    """The figures of all workers; what one holds is forgotten with it, however it ended."""

    def collect(self) -> Any:
        for file in Path(os.environ[MULTIPROCESS]).glob("gauge_live*_*.db"):
            try:
                os.kill(int(file.stem.rpartition("_")[2]), 0)
            except ProcessLookupError:
                file.unlink(missing_ok=True)
        return super().collect()  # type: ignore[no-untyped-call]  # the library has no types


@contextmanager
def serving_figures(host: str, port: int) -> Iterator[int]:
    """`GET /metrics` on this address for the length of a block; gives the port, which for 0 is a free one.

    Raises OSError where the port is busy or the host is not ours.
    """
    registry = REGISTRY
    if MULTIPROCESS in os.environ:
        registry = CollectorRegistry()
        OfTheLiving(registry)  # type: ignore[no-untyped-call]  # the library has no types
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
