"""What is sealed, as it is read: its text byte for byte, and the document that says it on paper."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Text, select
from starlette.requests import Request
from starlette.responses import Response

from app.core.db import Base, Statement, fetchrow, param
from app.core.problems import NotFound
from app.core.reading import documents
from app.core.reading.answers import private, show
from app.core.reading.listing import Listing
from app.core.reading.query import read


@cache
def _content(sealed: type[Base], own: bool) -> Statement:
    """The canonical JSON of one row of a territory, of the caller's organisation where `own`."""
    c = sealed.__table__.c
    conditions = [c.territory == param("territory", Text()), c.id == param("id", c.id.type)]
    if own:
        conditions.append(c.organisation_id == param("organisation", c.organisation_id.type))
    return Statement(select(c.content).where(*conditions))


async def content_of(request: Request, sealed: type[Base], own: Mapping[str, Any]) -> str:
    """The sealed text of one row, found by the path; `own` limits it to an organisation. Raises `NotFound`."""
    row = await fetchrow(request.state.engine, _content(sealed, bool(own)), {**request.path_params, **own})
    if row is None:
        raise NotFound
    text: str = row["content"]
    return text


async def show_content(request: Request, sealed: type[Base], own: Mapping[str, Any]) -> Response:
    """The answer with the sealed text of one row. Raises `NotFound`."""
    read(request, {})
    return private(await content_of(request, sealed, own))


async def show_sealed(
    request: Request,
    form: str,
    listing: Listing,
    document: documents.Document,
    statement: Callable[[bool], Statement],
    own: Mapping[str, Any],
) -> Response:
    """One object in the form that the caller wants: `json` as the listing shows it, or the document.

    `statement(own)` finds what the document says of it. Raises `NotFound`, `PdfNotInstalled` (501).
    """
    if form == "json":
        return await show(request, listing, {}, **own)
    bound = {**request.path_params, **{f"scope_{name}": value for name, value in own.items()}}
    row = await fetchrow(request.state.engine, statement(bool(own)), bound)
    if row is None:
        raise NotFound
    return await documents.answer(request, document, from_json(row["body"]), form)
