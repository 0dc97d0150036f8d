"""Routes: found by their literal segments, guarded by the permission they name, documented by what they answer.

`include_router` matches linearly and twice; one look-up in a tree costs a microsecond whatever the number of routes.
A `Route` asks its permission first (401, 403 and 404 come before any word about the body), reads the body strictly,
and calls the endpoint without FastAPI's binding: there is nothing to bind but the request, the caller and the body.
"""

import email.message
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Protocol, cast

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.faults import FieldError
from app.core.messages import UNEXPECTED_BODY, UNKNOWN_FIELD
from app.core.problems import (
    MOST_ERRORS,
    MalformedJson,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.core.reading.negotiation import ranked, weights
from app.core.reading.query import pairs
from app.core.reading.tabular import JSON_SUFFICES
from app.core.schemas import hints, holds_marked
from app.core.serving.operations import MEDIA_TYPES, responses
from app.core.validation import NAME, field_errors, pointer_of
from app.core.values import INVALID_UUID
from app.core.writing import strictjson

_MISSING: dict[str, Any] = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}


class Gate(Protocol):
    """What `require(…)` of the access domain makes: it says who the caller is, or refuses."""

    permission: str

    def __call__(self, request: Request) -> Awaitable[Any]: ...


class Route(APIRoute):
    """A route of the API. `gate` is its permission, None where anyone may come.

    `kept_nowhere`: its answers have personal or confidential fields, and say `no-store`.
    """

    gate: Gate | None
    kept_nowhere: bool

    def __init__(self, *given: Any, **more: Any) -> None:
        documented = more.get("responses") or {}
        others = documented.get(200, {}).get("content", {})
        self.offered = list(dict.fromkeys(("application/json", *others)))  # the media types of what it answers
        if others or "GET" in (more.get("methods") or ("GET",)):
            more["responses"] = {**documented, **_refused_forms(documented)}
        super().__init__(*given, **more)
        self.app = _answering(self.get_route_handler())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        calls = [dependency.call for dependency in self.dependant.dependencies]
        self.gate = gate = next((cast("Gate", call) for call in calls if hasattr(call, "permission")), None)
        wanted = set(inspect.signature(self.endpoint).parameters)
        changing = "GET" not in (self.methods or ())
        uploads = "requestBody" in (self.openapi_extra or {})  # the endpoint itself reads the file that comes
        body_field = self.body_field
        endpoint = self.endpoint
        offered = self.offered
        answered = [each.get("model") for code, each in self.responses.items() if str(code).startswith("2")]
        self.kept_nowhere = gate is not None and any(map(holds_marked, [self.response_model, *answered]))
        kept_nowhere = self.kept_nowhere
        negotiates = gate is not None and (not changing or len(offered) > 1)
        parameters = (self.openapi_extra or {}).get("parameters", ())
        forms = next((each["schema"]["enum"] for each in parameters if each["name"] == "format"), ())
        # Of its own: FastAPI's takes whatever has attributes, a number that is read as a Decimal too, as an object.
        adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", body_field and body_field.field_info.annotation))

        @cache
        def most_names() -> int:
            return strictjson.names_in(adapter.json_schema())

        async def body_of(request: Request) -> Any:
            assert body_field is not None
            info = body_field.field_info
            raw = await _json_body(request)
            if not raw and not info.is_required():
                return body_field.get_default()
            errors, total = [_MISSING], 1
            if raw:
                try:
                    return adapter.validate_python(_parse(raw, most_names))
                except ValidationError as refused:
                    total = refused.error_count()
                    told = refused.errors(include_url=False)[:MOST_ERRORS]
                    errors = [{**error, "loc": ("body", *error["loc"])} for error in told]
            model = cast("Any", info.annotation)
            known = hints(model, errors) if issubclass(model, BaseModel) else {}
            raise ValidationFailed(errors=field_errors(errors, known), total=total)

        async def handle(request: Request) -> Response:
            arguments: dict[str, Any] = {"request": request}
            if gate is not None:
                arguments["actor"] = await gate(request)
            if negotiates:
                _refuse_unknown_form(request, offered, forms)
            if body_field is not None:
                arguments["body"] = await body_of(request)
            elif changing and not uploads:
                request.state.body = await _no_body(request)
            answer: Response = await endpoint(**{name: arguments[name] for name in wanted})
            if kept_nowhere:  # whatever its form: what is personal or confidential stays in no cache
                answer.headers["Cache-Control"] = "no-store"
            return answer

        return handle


_RANGE = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+", re.ASCII)  # a media range (RFC 9110 §12.5.1)


def _refuse_unknown_form(request: Request, offered: Sequence[str], forms: Sequence[str]) -> None:
    """Refuse a form that the address does not have: by its name, or where Accept takes nothing that there is.

    Raises `NotAcceptable`. A word that names no form at all is a fault of the query.
    """
    named = None
    if b"format=" in request.scope["query_string"]:
        named = next((value for name, value in pairs(request) if name == "format"), None)
        if named in ("json", *MEDIA_TYPES) and named not in forms:
            raise NotAcceptable(offered=list(offered))
    accept = request.headers.get("accept", "*/*")
    if named is not None or accept in JSON_SUFFICES:
        return
    legible = any(_RANGE.fullmatch(name) for name, _ in weights(accept))
    if legible and not ranked(accept, offered):
        raise NotAcceptable(offered=list(offered))


def _refused_forms(documented: Mapping[int | str, Any]) -> dict[int | str, dict[str, Any]]:
    return {**responses(NotAcceptable), **({406: documented[406]} if 406 in documented else {})}


def _answering(handler: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """A handler as an ASGI application, without FastAPI's stacks of what to close after it: it opens nothing."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    return app


async def _json_body(request: Request) -> bytes:
    """The bytes of a body that says it is JSON, or of none."""
    raw = await request.body()
    if not _is_json(request) and (raw or "content-type" in request.headers):
        raise UnsupportedMediaType
    request.state.body = raw
    return raw


async def _no_body(request: Request) -> bytes:
    """The body of an action that takes none: nothing, or an empty object; anything else would be ignored in silence."""
    raw = await request.body()
    if raw.strip() in (b"", b"{}"):
        return raw
    sent = _parse(raw)
    fields = sent if isinstance(sent, dict) else ()
    faults = [UNKNOWN_FIELD.at(pointer_of([name if NAME.fullmatch(name) else "?"])) for name in fields]
    raise ValidationFailed(errors=faults or [UNEXPECTED_BODY.at("")])


def _is_json(request: Request) -> bool:
    """application/json or application/merge-patch+json; a charset other than UTF-8 is another type."""
    if request.headers.get("content-type") == "application/json":  # as nearly all say it
        return True
    message = email.message.Message()
    message["content-type"] = request.headers.get("content-type", "")
    subtype = message.get_content_type()
    charset = (message.get_param("charset", "utf-8") or "utf-8") if message["content-type"] else ""
    return subtype in ("application/json", "application/merge-patch+json") and str(charset).lower() in ("utf-8", "utf8")


def _parse(raw: bytes, most_names: Callable[[], int] = lambda: strictjson.FEW_NAMES) -> Any:
    try:
        return strictjson.loads(raw, most_names)
    except strictjson.NotJson as error:
        raise MalformedJson(reason=error.reason, **error.figures) from None
    except strictjson.UnacceptableJson as error:
        raise ValidationFailed(errors=[error.fault]) from None


def router(tag: str) -> APIRouter:
    """A domain's router: flat addresses, our routes, names that make good SDK methods."""
    return APIRouter(route_class=Route, tags=[tag], generate_unique_id_function=lambda route: route.name)


# --- how routes document themselves ----------------------------------------------------------------------------------


# --- finding a route -------------------------------------------------------------------------------------------------


class _Node:
    """A place in the tree of addresses: what follows literally, what follows as a parameter, what answers here."""

    __slots__ = ("literal", "names", "params", "routes")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.params: list[tuple[re.Pattern[str], Callable[[str], Any], FieldError, _Node]] = []
        self.routes: dict[str, Any] = {}
        self.names: dict[str, list[str]] = {}  # method → its route's own names for the parameters on the way


def _takes(pattern: re.Pattern[str], convert: Callable[[str], Any], segment: str) -> bool:
    try:
        return pattern.fullmatch(segment) is not None and convert(segment) is not None
    except ValueError:
        return False


class Finder:
    """The application's routes as a tree of path segments; takes the place of the router's linear search."""

    def __init__(self, app: FastAPI) -> None:
        self.fallback: ASGIApp = app.router.app
        self.root = _Node()
        for route in app.router.routes:
            self._add(route)

    def _add(self, route: Any) -> None:
        node = self.root
        names = []
        for segment in route.path.strip("/").split("/"):
            match = re.fullmatch(r"\{(\w+)(?::\w+)?\}", segment)
            if match is None:
                node = node.literal.setdefault(segment, _Node())
                continue
            names.append(match[1])
            convertor = route.param_convertors[match[1]]
            known = next((child for pattern, *_, child in node.params if pattern.pattern == convertor.regex), None)
            if known is None:
                known = _Node()
                fault = getattr(convertor, "fault", INVALID_UUID.at(""))
                node.params.append((re.compile(convertor.regex), convertor.convert, fault, known))
            node = known
        for method in route.methods:
            node.routes[method] = route
            node.names[method] = names

    def find(self, path: str) -> tuple[_Node, list[Any]] | None:
        """The place at `path` and the values of its parameters, or None."""
        if not path.startswith("/"):  # «*»
            return None
        node = self.root
        values = []
        for segment in path[1:].split("/"):
            following = node.literal.get(segment)
            if following is not None:
                node = following
                continue
            for pattern, convert, _, child in node.params:
                if pattern.fullmatch(segment):
                    try:
                        values.append(convert(segment))
                    except ValueError:
                        return None
                    node = child
                    break
            else:
                return None
        return (node, values) if node.routes else None

    def faults(self, path: str) -> list[FieldError]:
        """What is wrong with the values of an address that would be found with others; nothing where no address is.

        It is asked after `find` alone, so it may walk where a parameter stands beside the literals.
        """
        places: list[tuple[_Node, list[FieldError | None]]] = [(self.root, [])]
        for segment in path.removeprefix("/").split("/"):
            following = []
            for node, told in places:
                if segment in node.literal:
                    following.append((node.literal[segment], told))
                elif segment:
                    following += [
                        (child, [*told, None if _takes(pattern, convert, segment) else fault])
                        for pattern, convert, fault, child in node.params
                    ]
            places = following
        for node, told in places:
            if node.routes:
                names = next(iter(node.names.values()))
                return [replace(fault, pointer=name) for name, fault in zip(names, told, strict=True) if fault]
        return []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.fallback(scope, receive, send)
            return
        match = self.find(scope["path"])
        if match is None:
            if faults := self.faults(scope["path"]):
                raise NotFound.but_for(faults)
            raise NotFound
        place, given = match
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        route = place.routes.get(method)
        if route is None:
            allowed = sorted({*place.routes, *({"HEAD"} if "GET" in place.routes else ())})
            raise MethodNotAllowed(headers={"Allow": ", ".join(allowed)})
        scope["path_params"] = dict(zip(place.names[method], given, strict=True))
        scope["route"] = route
        scope["endpoint"] = route.endpoint
        await route.app(scope, receive, send)


def install(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Mount the domains' routes flat, and find them by the tree."""
    for each in routers:
        app.router.routes.extend(each.routes)
    app.router.middleware_stack = Finder(app)
