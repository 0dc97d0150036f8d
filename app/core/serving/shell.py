"""The shell around every request: its id, its limits, its headers, its one log line, its last resort.

Plain ASGI, because what wraps every request must cost microseconds. Nothing personal is logged: no query string, no
address of the client, no body; the subject is an id.
"""

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from os import urandom
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from prometheus_client import Counter, Histogram, Summary
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.db import Base
from app.core.problems import (
    AddressTooLong,
    BodyTooLarge,
    DatabaseUnavailable,
    HeadersTooLarge,
    InternalError,
    MalformedRequest,
    Problem,
    RequestTimeout,
    TotalTooLarge,
    UnsupportedMediaType,
)
from app.core.serving.answering import respond
from app.core.serving.draining import DRAIN
from app.core.violations import DEADLOCK, constraint_of, translate

log = structlog.get_logger("rebond")

REQUESTS = Histogram(
    "rebond_request_seconds",
    "Time from request to last byte; without what a reader of the feed waited for events.",
    ["method"],
    buckets=(0.0025, 0.01, 0.05, 0.25, 1, 5, 30),
)
ROUTES = Summary(
    "rebond_route_seconds", "Their number and the sum of their times, by route template.", ["method", "route"]
)
ANSWERS = Counter("rebond_answers_total", "Answers, by the class of their status, such as 2xx.", ["status"])
PROBLEMS = Counter(
    "rebond_problems_total",
    "Problems answered, by code; for busy by what ran out, for internal-error by the constraint.",
    ["code", "reason"],
)
_requests, _routes = cache(REQUESTS.labels), cache(ROUTES.labels)
_answers = cache(ANSWERS.labels)

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
ONCE = (b"host", b"authorization", b"content-type", b"idempotency-key", b"if-match", b"if-none-match", b"x-request-id")
# Separators, dots, and characters that need no escape: a proxy that looks at the raw path reads another address.
READ_TWO_WAYS = re.compile(rb"%(?:2[def]|5c|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f|7e)", re.IGNORECASE)
MAX_ADDRESS = 8_192
MAX_HEADERS = 32_768
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000"),
]
SAME_ORIGIN = (b"cross-origin-resource-policy", b"same-origin")
CROSS_ORIGIN = (b"cross-origin-resource-policy", b"cross-origin")


def content_policy(*sources: str) -> str:
    """A content security policy that loads nothing but these sources."""
    return "; ".join(
        ["default-src 'none'", *sources, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    )


API_POLICY = (b"content-security-policy", content_policy().encode())


@dataclass(frozen=True)
class Allowance:
    """What a request may take: `max_body` bytes, `body_timeout` seconds within which a whole body must arrive (408),
    and `request_timeout` seconds after which a request that has not begun to answer is given up (503).
    """

    max_body: int
    body_timeout: float
    request_timeout: float


class Shell:
    """The outermost layer of the application.

    `usual` is what a request may take, `upload` what a POST to an address that ends with `uploads` may. `prefix` is the
    path below which a proxy shows the service; pages of the origins `embedders` may show its answers among theirs.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        usual: Allowance,
        upload: Allowance,
        uploads: str,
        prefix: str = "",
        embedders: Iterable[str] = (),
    ) -> None:
        self.app = app
        self.prefix = prefix.encode()
        self.embedders = frozenset(origin.encode() for origin in embedders)
        self.uploads = uploads
        self.usual = usual
        self.upload = upload

    def allowance(self, scope: Scope) -> Allowance:
        """What this request may take."""
        uploads = scope["method"] == "POST" and scope["path"].endswith(self.uploads)
        return self.upload if uploads else self.usual

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Exchange(self, scope, receive, send).run()


class _Exchange:
    """One request and its answer."""

    def __init__(self, shell: Shell, scope: Scope, receive: Receive, send: Send) -> None:
        self.shell = shell
        self.scope = scope
        self.allowed = shell.allowance(scope)
        self._receive = receive
        self._send = send
        self.started = time.perf_counter()
        self.status = 0
        self.received = 0
        self.body_complete = False
        self.deadline = 0.0
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.request_id = urandom(16).hex().encode()  # ours, whatever the client calls its request
        given = self.headers.get(b"x-request-id")
        state = scope.setdefault("state", {})
        state["request_id"] = self.request_id.decode()
        state["client_request_id"] = given.decode() if given and REQUEST_ID.fullmatch(given) else None

    async def run(self) -> None:
        try:
            self._check()
            async with asyncio.timeout(self.allowed.request_timeout) as limit:
                self.scope["state"]["time_limit"] = limit  # an export, which is long by its nature, sets its own
                await self.shell.app(self.scope, self.receive, self.send)
        except ClientDisconnect:
            self._abort()  # nobody is left to answer
        except Exception as error:  # every request is answered, whatever went wrong
            if self.status:  # the answer has begun: break the connection, so that the client sees it
                log.exception("broken_answer", request_id=self.request_id.decode())
                self._abort()
                raise
            problem = self._problem(error)
            if problem.status == InternalError.status:
                constraint = {"constraint": problem.reason} if problem.reason else {}
                log.exception("unexpected_error", request_id=self.request_id.decode(), **constraint)
            await respond(Request(self.scope), problem)(self.scope, self._receive, self.send)
        finally:
            self._note()

    def _abort(self) -> None:
        """Close the connection at once: uvicorn would wait until a client that no longer reads has read the rest."""
        abort = self.scope["state"].get("abort")
        if abort is not None:
            abort()

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, Problem):
            return error
        if isinstance(error, TimeoutError):
            return DatabaseUnavailable()  # perhaps in the middle of COMMIT: nothing is known to be changed
        problem = translate(error, Base.metadata)
        # A read changes nothing: a total that it cannot hold is a fault of its own.
        if problem is None or (isinstance(problem, TotalTooLarge) and self.scope["method"] in ("GET", "HEAD")):
            problem = InternalError.because(constraint_of(error))
        problem.__cause__ = error
        return problem

    def _check(self) -> None:
        """What can be refused before anything is read."""
        scope = self.scope
        raw_path: bytes = scope.get("raw_path") or b""
        self._check_form()
        if len(raw_path) + len(scope["query_string"]) > MAX_ADDRESS:
            raise AddressTooLong(headers={"Connection": "close"})
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
            raise HeadersTooLarge(headers={"Connection": "close"})
        if b"%" in raw_path:
            try:
                unquote_to_bytes(raw_path).decode()
            except UnicodeDecodeError:
                raise MalformedRequest from None
            if READ_TWO_WAYS.search(raw_path):
                raise MalformedRequest
        if self.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UnsupportedMediaType(headers={"Connection": "close"})
        length = self.headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > self.allowed.max_body:
            raise self._too_large()

    def _check_form(self) -> None:
        """What the parser lets through: HTTP/0.9, no Host (RFC 9112 §3.2), a header that decides something twice."""
        version, headers = self.scope["http_version"], self.scope["headers"]
        hostless = version == "1.1" and b"host" not in self.headers
        names = [name for name, _ in headers] if len(self.headers) < len(headers) else []
        if version == "0.9" or hostless or any(names.count(name) > 1 for name in ONCE):
            raise MalformedRequest(headers={"Connection": "close"})

    def _too_large(self) -> Problem:
        return BodyTooLarge(limit_bytes=self.allowed.max_body, headers={"Connection": "close"})

    async def receive(self) -> Message:
        if self.body_complete:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        self.deadline = self.deadline or now + self.allowed.body_timeout
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout(headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            if self.received > self.allowed.max_body:
                raise self._too_large()
            self.body_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"]
            headers.append((b"x-request-id", self.request_id))
            headers.extend(SECURITY)
            headers.append(CROSS_ORIGIN if self._embedded() else SAME_ORIGIN)
            if DRAIN.begun:
                headers.append((b"connection", b"close"))
            if self.shell.prefix:
                headers[:] = [self._below_the_prefix(*header) for header in headers]
            rate_limit = self.scope["state"].get("rate_limit")
            if rate_limit is not None:
                headers.extend(rate_limit())
            if not any(name == b"content-security-policy" for name, _ in headers):
                headers.append(API_POLICY)
        elif message["type"] == "http.response.body" and self.scope["method"] == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    def _embedded(self) -> bool:
        """Whether a page of another origin may show the answer; what a page fetches for an image names no origin."""
        return bool(self.shell.embedders) and self.headers.get(b"origin") in (None, *self.shell.embedders)

    def _below_the_prefix(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        return (name, self.shell.prefix + value) if name == b"location" and value.startswith(b"/") else (name, value)

    def _note(self) -> None:
        scope = self.scope
        state: dict[str, Any] = scope["state"]
        route = getattr(scope.get("route"), "path_format", "")
        seconds = time.perf_counter() - self.started - state.get("waited", 0.0)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        _requests(method).observe(seconds)
        _routes(method, route).observe(seconds)
        _answers(f"{self.status // 100}xx").inc()
        problem: Problem | None = state.get("problem")
        trail = state.get("access_trail")
        if trail is not None:
            trail.note(scope, self.status, problem)
        reason = getattr(problem, "reason", "")
        if problem is not None:
            PROBLEMS.labels(problem.code, reason).inc()
        if reason == DEADLOCK:  # the traceback says whose lock was out of order
            log.error("deadlock", request_id=state["request_id"], exc_info=problem)
        actor = state.get("actor")
        log.info(
            "request",
            request_id=state["request_id"],
            method=method,
            route=route,
            status=self.status,
            ms=round(seconds * 1000, 2),
            problem=problem.code if problem is not None else None,
            **({"reason": reason} if reason else {}),
            subject_id=str(actor.subject_id) if actor is not None else None,
            **({"client_request_id": given} if (given := state["client_request_id"]) else {}),
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
