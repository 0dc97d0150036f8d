"""HTTP of the search."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core import values
from app.core.db import fetch
from app.core.reading.answers import private
from app.core.reading.query import Parameter, read
from app.core.serving.operations import shows
from app.core.serving.routing import router
from app.programme.routes import T
from app.reports.search.queries import SOURCES, asked, search
from app.reports.search.schemas import SearchKind, SearchResults

searching = router("reports")

USUAL_LIMIT = 10
QUESTION = {
    "q": Parameter(
        Annotated[str, values.text(100), Field(examples=["atelier"])],
        "What each list takes as `q`: words or parts of names, without accents or case; of firms a SIREN too.",
        required=True,
    ),
    "kind": Parameter(SearchKind, "Of any of these kinds; all by default.", many=True),
    "limit": Parameter(
        Annotated[int, Field(ge=1, le=50), BeforeValidator(lambda value: values.parse_int(value, 1, 50))],
        f"Results of each kind, 1 to 50; {USUAL_LIMIT} by default.",
    ),
}


@searching.get(T + "/search", **shows(SearchResults, parameters=QUESTION))
async def search_territory(request: Request, actor: Actor = require("me:read")) -> Response:
    """What answers a question among all that the caller may list in the territory, the first of each kind by title.

    `q` of the list of a kind finds the rest.
    """
    query = read(request, QUESTION)
    territory = request.path_params["territory"]
    wanted = query.get("kind") or SOURCES
    kinds = tuple(
        kind for kind, source in SOURCES.items() if kind in wanted and actor.may(source.permission, territory)
    )
    if not kinds:
        return private({"items": []})
    bound = {"territory": territory, "limit": query.get("limit", USUAL_LIMIT), **asked(kinds, query["q"])}
    rows = await fetch(request.state.engine, search(kinds), bound)
    return private({"items": [dict(row) for row in rows]})
