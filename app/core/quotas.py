"""What one caller may take of this worker: buckets of requests, and places for what takes long.

Nothing here waits or asks the database: a request pays some hundred nanoseconds.
"""

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

from app.core.problems import Problem

Quota = Mapping[str, int]  # limits by name; what has none is not limited
REQUESTS, WRITES = "requests_per_minute", "writes_per_minute"
EXPORTS_AT_ONCE, DOCUMENTS_AT_ONCE = "exports_at_once", "documents_at_once"
IMPORTS_AT_ONCE, IMPORT_BYTES = "imports_at_once", "import_bytes"
LISTENERS_AT_ONCE = "listeners_at_once"
WINDOW = 60  # seconds
MOST = 10_000  # addresses that one worker remembers


class QuotaExceeded(Problem):
    """You have reached a limit of your role."""

    status = 429
    title_fr = "Vous avez atteint une limite de votre rôle."
    detail = "The limit {policy} is {limit}."
    detail_fr = "La limite {policy} est de {limit}."
    cure = "Wait as many seconds as Retry-After says. `GET /v1/quotas` lists the limits of every role."
    cure_fr = (
        "Attendez le nombre de secondes qu'indique Retry-After. `GET /v1/quotas` liste les limites de chaque rôle."
    )

    @classmethod
    def of(cls, policy: str, limit: int, seconds: float) -> "QuotaExceeded":
        """The refusal of one limit, and when to come again."""
        return cls(policy=policy, limit=limit, headers={"Retry-After": str(max(1, math.ceil(seconds)))})


class TooManyFailedCredentials(Problem):
    """Too many unknown API keys were sent from your address."""

    status = 429
    title_fr = "Trop de clés d'API inconnues ont été envoyées depuis votre adresse."
    cure = "Send a key that is valid: it works at once. Others are looked at again after Retry-After."
    cure_fr = "Envoyez une clé valide : elle fonctionne aussitôt. Les autres sont réexaminées après Retry-After."


class TokenBucket:
    """So many tokens a minute: all at once, then one by one as time passes."""

    __slots__ = ("at", "capacity", "rate", "tokens")

    def __init__(self, capacity: float) -> None:
        self.capacity = self.tokens = capacity
        self.rate = capacity / WINDOW
        self.at = 0.0

    def take(self, now: float) -> bool:
        """Whether there was a token, which is now taken."""
        tokens = min(self.capacity, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if tokens < 1:
            self.tokens = tokens
            return False
        self.tokens = tokens - 1
        return True

    @property
    def wait(self) -> float:
        """Seconds until there is a token again."""
        return max(0.0, 1 - self.tokens) / self.rate

    @property
    def told(self) -> tuple[int, int]:
        """Tokens that are left, and seconds until all are there again."""
        return int(self.tokens), math.ceil((self.capacity - self.tokens) / self.rate)


class Meter:
    """The requests of one subject in this worker, which has its share of the limits.

    Answers say so as draft-ietf-httpapi-ratelimit-headers-10 has it.
    """

    __slots__ = ("_policy", "_quota", "_requests", "_writes")

    def __init__(self, quota: Quota, workers: int) -> None:
        self._quota = quota
        self._requests, self._writes = (TokenBucket(max(1, quota[name] / workers)) for name in (REQUESTS, WRITES))
        policies = ", ".join(f'"{name}";q={quota[name]};w={WINDOW}' for name in (REQUESTS, WRITES))
        self._policy = (b"ratelimit-policy", policies.encode())

    def counts_by(self, quota: Quota) -> bool:
        """Whether it counts by these limits."""
        return self._quota == quota

    def read(self) -> None:
        """Count a request. Raises `QuotaExceeded` (429)."""
        if not self._requests.take(time.monotonic()):
            raise QuotaExceeded.of(REQUESTS, self._quota[REQUESTS], self._requests.wait)

    def write(self) -> None:
        """Count a request that may change something. Raises `QuotaExceeded` (429)."""
        self.read()
        if not self._writes.take(self._requests.at):
            raise QuotaExceeded.of(WRITES, self._quota[WRITES], self._writes.wait)

    def read_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What the answer to a read says."""
        return self._policy, (b"ratelimit", b'"requests_per_minute";r=%d;t=%d' % self._requests.told)

    def write_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What the answer to a write says."""
        left = (*self._requests.told, *self._writes.told)
        return self._policy, (b"ratelimit", b'"requests_per_minute";r=%d;t=%d, "writes_per_minute";r=%d;t=%d' % left)


class Failures:
    """Failed credentials of each address, so many a minute over all workers; the oldest addresses are forgotten."""

    A_MINUTE = 60

    def __init__(self, workers: int) -> None:
        self._share = max(1.0, self.A_MINUTE / workers)
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def count(self, address: str) -> None:
        """Count one. Raises `TooManyFailedCredentials` (429) where there were too many."""
        bucket = self._buckets.setdefault(address, TokenBucket(self._share))
        self._buckets.move_to_end(address)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        if not bucket.take(time.monotonic()):
            raise TooManyFailedCredentials(headers={"Retry-After": str(math.ceil(bucket.wait))})


class Limited(Protocol):
    """Who takes a place, with its limits."""

    @property
    def subject_id(self) -> UUID: ...
    @property
    def quota(self) -> Quota: ...


class Slots:
    """Places in this worker for what takes long. A caller has as many as its limit allows, and never all.

    `places` is None where only the callers' limits count, `occupied` what is raised where all are taken.
    """

    def __init__(self, policy: str, places: int | None = None, occupied: type[Problem] | None = None) -> None:
        self._policy, self._places, self._occupied = policy, places, occupied
        self._held: Counter[UUID] = Counter()

    @property
    def in_use(self) -> int:
        """How many places are taken."""
        return self._held.total()

    @contextmanager
    def taken(self, caller: Limited) -> Iterator[None]:
        """A place for the length of a block. Raises `QuotaExceeded` (429), and what is raised where all are taken."""
        who, limit = caller.subject_id, caller.quota.get(self._policy)
        if self._places is not None:
            share = max(1, self._places - 1)
            limit = share if limit is None else min(limit, share)
        if limit is not None and self._held[who] >= limit:
            raise QuotaExceeded.of(self._policy, limit, 5)
        if self._occupied is not None and self._held.total() >= (self._places or 0):
            raise self._occupied
        self._held[who] += 1
        try:
            yield
        finally:
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]
