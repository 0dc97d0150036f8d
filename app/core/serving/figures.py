"""What a worker holds at the moment, for Prometheus, and where workers put their figures."""

import os
import platform
from typing import Any

from prometheus_client import REGISTRY, Gauge, values
from prometheus_client.metrics import MetricWrapperBase
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
    "Exports and documents that are made at the moment, and readers of the feed that wait for events.",
    ["of"],
    multiprocess_mode="livesum",
)
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"  # where workers put their figures


def hold(engine: AsyncEngine, **places: Slots) -> None:
    """Tell in the metrics what this worker holds at the moment."""
    pool: Any = engine.pool
    BUILD.labels(__version__, platform.python_version()).set(1)
    CONNECTIONS.labels("in_use").set(pool.checkedout())
    CONNECTIONS.labels("size").set(pool.size())
    for name, slots in places.items():
        PLACES.labels(name).set(slots.in_use)


def share(directory: str) -> None:
    """Let this process, which serves, write its figures into files of this directory, as each of several workers does.

    Those that it has made already begin anew there: the library looks at its environment when it is imported.
    """
    for metric in REGISTRY._collector_to_names:  # noqa: SLF001  # the library lists them nowhere else
        if isinstance(metric, MetricWrapperBase):
            metric.clear()
    os.environ[MULTIPROCESS] = directory
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]  # the library has no types
    for metric in REGISTRY._collector_to_names:  # noqa: SLF001
        if isinstance(metric, MetricWrapperBase) and metric._is_observable():  # type: ignore[no-untyped-call]  # noqa: SLF001
            metric._metric_init()  # type: ignore[no-untyped-call]  # noqa: SLF001
