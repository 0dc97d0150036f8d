"""A problem as it travels."""

import re

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from app.core.problems import MEDIA_TYPE, Problem
from app.core.reading.negotiation import language_of


def respond(request: Request, problem: Problem) -> Response:
    """The problem as it travels, in the caller's language."""
    state = request.scope.get("state", {})
    language = language_of(request, state.get("default_language", "en"))
    path = request.scope.get("path", "")
    instance = path if re.fullmatch(r"[\w/.~:@%-]*", path, re.ASCII) else ""
    body = problem.body(language, instance=instance[:200], request_id=state.get("request_id", ""))
    request.scope.setdefault("state", {})["problem"] = problem
    headers = {"Content-Language": language, "Vary": "Accept, Accept-Language", "Cache-Control": "no-store"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="rebond"'
    return Response(to_json(body) + b"\n", problem.status, headers | problem.headers, media_type=MEDIA_TYPE)
