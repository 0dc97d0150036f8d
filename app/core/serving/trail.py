"""Who read what is personal or confidential, and who was refused: gathered in memory, written beside the requests.

A request appends one tuple, or counts one refusal; it neither waits nor asks the database. What there is no room for is
dropped and counted, so that a database that is away costs no memory.
"""

import time
from collections import deque
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from prometheus_client import Counter
from starlette.types import Scope

from app.core import clock
from app.core.problems import Problem
from app.core.serving.addresses import address_of

MOST = 10_000  # records that wait in one worker, and refusals that it counts
WINDOW = 60  # seconds in which equal refusals are one record
REFUSALS = frozenset({403, 404, 429})  # what is not shown to a caller is told as absent

DROPPED = Counter(
    "rebond_access_records_dropped_total",
    "Records of reads and refusals that were dropped, because too many waited or the database refused them.",
)


class AccessKind(StrEnum):
    """What is told of a caller: it read something, was refused, or is not known."""

    READ = "read"
    REFUSED = "refused"
    FAILED_AUTHENTICATION = "failed_authentication"


class Access(NamedTuple):
    """What a worker tells of one answer, or of a `number` of refusals that are alike.

    `path` and `request_id` are of one answer alone; of refusals that differ in `territory` or `key_id` neither is told.
    """

    kind: AccessKind
    occurred_at: datetime
    method: str
    route: str
    path: str | None
    territory: str | None
    status: int
    code: str | None
    subject_id: UUID | None
    key_id: UUID | None
    address: str | None
    request_id: str | None
    number: int = 1


class AccessTrail:
    """What one worker has seen and not written yet."""

    def __init__(self) -> None:
        self._waiting: deque[Access] = deque()
        self._counted: dict[tuple[Any, ...], Access] = {}

    def note(self, scope: Scope, status: int, problem: Problem | None) -> None:
        """Record an answer that shows something marked, whatever its method, unless it is that of an event.

        A write that changes nothing, a dry run and a repeated request show as much as GET does; HEAD and 304 nothing.
        """
        route = scope.get("route")
        if route is None:
            return
        if problem is not None:
            self._refuse(scope, route.path_format, problem)
        elif scope["method"] != "HEAD" and 200 <= status < 300 and getattr(route, "kept_nowhere", False):
            state = scope["state"]
            if scope["method"] != "GET" and state.get("event_told"):
                return
            if len(self._waiting) >= MOST:
                DROPPED.inc()
                return
            actor = state["actor"]
            self._waiting.append(
                Access(
                    AccessKind.READ, clock.now(), scope["method"], route.path_format, scope["path"],
                    scope["path_params"].get("territory"), status, None, actor.subject_id, actor.key_id, None,
                    state["request_id"],
                )
            )  # fmt: skip

    def _refuse(self, scope: Scope, route: str, problem: Problem) -> None:
        """Count a refusal; a minute later the equal ones of this worker are one record.

        Of who is not known the address is told, as it is counted; never the key that was sent.
        """
        state = scope["state"]
        actor = state.get("actor")
        subject_id = key_id = address = None
        if problem.status == 401 or state.get("failed_credential"):
            kind, address = AccessKind.FAILED_AUTHENTICATION, address_of(scope, state["trusted_proxies"])
        elif problem.status in REFUSALS and actor is not None:
            kind, subject_id, key_id = AccessKind.REFUSED, actor.subject_id, actor.key_id
        else:
            return
        method, place = scope["method"], scope["path_params"].get("territory")
        key = (int(time.monotonic() // WINDOW), subject_id or address, method, route, problem.code)
        before = self._counted.get(key)
        if before is not None:
            self._counted[key] = before._replace(
                territory=place if place == before.territory else None,
                key_id=key_id if key_id == before.key_id else None,
                number=before.number + 1,
            )
        elif len(self._counted) >= MOST:
            DROPPED.inc()
        else:
            self._counted[key] = Access(
                kind, clock.now(), method, route, None, place, problem.status, problem.code, subject_id, key_id,
                address, None,
            )  # fmt: skip

    def __len__(self) -> int:
        return len(self._waiting) + len(self._counted)

    def take(self, most: int, *, all_of_it: bool = False) -> list[Access]:
        """What is to be written now, at most so much: refusals once their minute is over, or `all_of_it`."""
        minute = int(time.monotonic() // WINDOW)
        over = [key for key in self._counted if all_of_it or key[0] < minute]
        self._waiting.extend(self._counted.pop(key) for key in over)
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
