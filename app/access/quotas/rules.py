"""Which limits there are, and which of them hold for a subject. No session, no await."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from app.access.rules import Role, SubjectKind
from app.core import quotas


class QuotaName(StrEnum):
    """What is limited: requests and writes a minute, what runs at once, and the bytes of files that are kept."""

    REQUESTS_PER_MINUTE = quotas.REQUESTS
    WRITES_PER_MINUTE = quotas.WRITES
    EXPORTS_AT_ONCE = quotas.EXPORTS_AT_ONCE
    DOCUMENTS_AT_ONCE = quotas.DOCUMENTS_AT_ONCE
    IMPORTS_AT_ONCE = quotas.IMPORTS_AT_ONCE
    IMPORT_BYTES = quotas.IMPORT_BYTES
    LISTENERS_AT_ONCE = quotas.LISTENERS_AT_ONCE


Limits = Mapping[tuple[SubjectKind, Role | None], quotas.Quota]  # None: of every role


def quota_of(limits: Limits, kind: SubjectKind, roles: Iterable[Role]) -> dict[str, int]:
    """The most that one of a subject's roles allows; without a role, what every role allows."""
    general = limits.get((kind, None), {})
    most: dict[str, int] = {}
    each: Iterable[Role | None] = set(roles) or (None,)
    for role in each:
        for name, value in {**general, **limits.get((kind, role), {})}.items():
            most[name] = max(value, most.get(name, 0))
    return most
