"""ETag, If-Match and If-None-Match (RFC 9110 §13): one object, one version, one tag for each encoding."""

import re
from hashlib import md5

from starlette.requests import Request

from app.core.problems import IfMatchMissing, NothingToCompare, ObjectExists, StaleVersion

ENCODED = re.compile(r'-(?:zstd|gzip)"$')
TAG = re.compile(r'"([0-9]+)(?:-[0-9a-f]{8})?(?:-(?:zstd|gzip))?"')


def etag(version: int, body: bytes, *, derived: bool) -> str:
    """`"7"`, or `"7-1a2b3c4d"` where the object also shows a neighbour's value, which changes without a new version."""
    return f'"{version}-{md5(body, usedforsecurity=False).hexdigest()[:8]}"' if derived else f'"{version}"'


def of_encoding(tag: bytes, encoding: bytes) -> bytes:
    """The tag of the same object in this content encoding."""
    return tag[:-1] + b"-" + encoding + b'"'


def held(request: Request, tag: str) -> str | None:
    """The tag by which the client has the object already, so that a 304 with it is the answer, or None."""
    given = request.headers.get("if-none-match")
    if given is None or given == "*":
        return given and tag
    tags = (part.strip().removeprefix("W/") for part in given.split(","))
    return next((each for each in tags if ENCODED.sub('"', each) == tag), None)


def conditional(request: Request) -> bool:
    """Whether a request says for which version of the object it is meant."""
    return "if-match" in request.headers or "if-none-match" in request.headers


def check(request: Request, version: int | None, *, required: bool = False, told: bool = True) -> None:
    """Refuse a write whose conditions do not hold for the object at this version; None: the object does not exist.

    Only the part before the dash counts: a neighbour's new name does not make a change stale. What is no tag of ours
    (unquoted, weak, cut) names nothing in If-Match and everything in If-None-Match: a doubtful condition must not hold.
    So is any tag of who is not `told` the version, which no refusal tells either.
    Raises `StaleVersion`, `ObjectExists` (412), and `IfMatchMissing` (428) where If-Match is `required`.
    """
    given = request.headers.get("if-match")
    if given is None and required:
        raise IfMatchMissing
    if given is not None and not _names(given, version, doubtful=False, told=told):
        raise StaleVersion(current_version=version) if version is not None and told else StaleVersion
    given = request.headers.get("if-none-match")
    if given is not None and _names(given, version, doubtful=True, told=told):
        raise ObjectExists


def _names(given: str, version: int | None, *, doubtful: bool, told: bool) -> bool:
    """Whether a condition names the version; `doubtful` is the answer for what is no tag of ours."""
    if version is None or given.strip() == "*":
        return version is not None
    tags = [TAG.fullmatch(part.strip(" \t")) for part in given.split(",")]
    return any(tag[1] == str(version) if tag and told else doubtful for tag in tags)


def conclude(request: Request, *, compared: bool, created: bool) -> None:
    """Refuse a write that is done, and is undone by it, where a condition was sent that did not decide.

    No object was `compared` with it, or `If-None-Match: *` met an object that another write has made meanwhile.
    Raises `NothingToCompare`, `ObjectExists` (412).
    """
    if not compared and conditional(request):
        raise NothingToCompare
    if not created and request.headers.get("if-none-match", "").strip() == "*":
        raise ObjectExists
