"""The figures of the service for Prometheus, on a port of their own that no caller of the API reaches.

A thread of the process that supervises the workers answers them, so a look at the figures costs no worker's time.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, multiprocess, start_http_server

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"  # where workers put their figures for each other


@contextmanager
def serving_figures(host: str, port: int) -> Iterator[int]:
    """`GET /metrics` on this address for the length of a block; gives the port, which for 0 is a free one.

    Raises OSError where the port is busy or the host is not ours.
    """
    registry = REGISTRY
    if MULTIPROCESS in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
