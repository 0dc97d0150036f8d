"""ETag, If-Match and If-None-Match (RFC 9110 §13): one object, one version, one tag."""

import re
from hashlib import md5

from starlette.requests import Request

from app.core.problems import IfMatchMissing, StaleVersion

TAG = re.compile(r'"([0-9]+)(?:-[0-9a-f]{8})?"')


def etag(version: int, body: bytes, *, derived: bool) -> str:
    """`"7"`, or `"7-1a2b3c4d"` where the object also shows a neighbour's value, which changes without a new version."""
    return f'"{version}-{md5(body, usedforsecurity=False).hexdigest()[:8]}"' if derived else f'"{version}"'


def is_current(request: Request, tag: str) -> bool:
    """Whether If-None-Match names this tag, so that a 304 is the answer."""
    given = request.headers.get("if-none-match")
    return given is not None and (given == "*" or tag in (part.strip().removeprefix("W/") for part in given.split(",")))


def check(request: Request, version: int, *, required: bool = False) -> None:
    """Refuse a write that was prepared on another version of the object.

    Only the part before the dash counts: a neighbour's new name does not make a change stale. What is no tag of ours
    (unquoted, weak, cut) matches nothing: If-Match compares strongly, and a doubtful precondition must not hold.
    Raises `StaleVersion` (412), and `IfMatchMissing` (428) where a precondition is `required`.
    """
    given = request.headers.get("if-match")
    if given is None:
        if required:
            raise IfMatchMissing
        return
    if given.strip() == "*":
        return
    tags = (TAG.fullmatch(part.strip(" \t")) for part in given.split(","))
    if str(version) not in {tag[1] for tag in tags if tag}:
        raise StaleVersion(current_version=version)


def check_absent(request: Request) -> None:
    """Refuse to create an object under If-Match: no tag matches an object that does not exist, nor does `*`.

    Raises `StaleVersion` (412).
    """
    if request.method == "PUT" and "if-match" in request.headers:
        raise StaleVersion
