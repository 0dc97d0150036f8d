"""The list of a territory over all of them: the same rows, filters, sorts and forms, where the caller may see them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Text, any_, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.visitors import iterate, replacement_traverse
from starlette.requests import Request
from starlette.responses import Response

from app.access.rules import Actor
from app.core.db import param
from app.core.reading.answers import page
from app.core.reading.listing import Filter, Listing, any_of
from app.core.reading.query import Parameter
from app.core.values import Slug
from app.programme.models import RegionCode, Territory
from app.programme.queries import WaveNumber

_t = Territory


def national(listing: Listing, territory: Any) -> Listing:
    """The list over all territories; `territory` is the column by which `listing` shows one of them alone.

    What else asks for the territory of the address, in a subquery for example, is refused: it would have to be the
    row's.
    """
    here = territory == param("territory", Text())

    def everywhere(element: Any, **_: Any) -> Any:
        return true() if isinstance(element, ColumnElement) and element.compare(here) else None

    whole: Any = listing.rows
    rows = replacement_traverse(whole, {}, everywhere)
    if any(isinstance(part, BindParameter) and part.key == "p_territory" for part in iterate(rows)) or listing.narrows:
        raise ValueError(f"the list of {listing.schema.__name__} cannot be read over all territories as it is")
    owner = listing.owner

    def in_places(name: str) -> ColumnElement[bool]:
        named: ColumnElement[bool] = territory == any_(param(name, ARRAY(Text())))
        return named

    def own_or_in_places(name: str) -> ColumnElement[bool]:
        assert owner is not None
        return or_(in_places(name), owner == param("scope_member", owner.type))

    return replace(
        listing,
        rows=rows,
        filters={
            "territory": any_of(territory, Slug, "Of any of these territories."),
            "wave_number": _of_territories(territory, _t.wave_number, WaveNumber, "of any of these waves, by number"),
            "region_code": _of_territories(territory, _t.region_code, RegionCode, "in any of these regions"),
            **listing.filters,
        },
        scopes={
            "visible": in_places, "whole": own_or_in_places, "member": lambda _: true(),
        },
        national=True,
    )  # fmt: skip


def _of_territories(territory: Any, column: Any, type_: Any, words: str) -> Filter:
    return Filter(
        Parameter(type_, f"Of territories {words}.", many=True),
        lambda name: territory.in_(select(_t.slug).where(column == any_(param(name, ARRAY(column.type))))),
    )


def seen(actor: Actor, permission: str) -> Mapping[str, Any]:
    """The scopes of a national list: `visible` territories, and `whole` where others than the actor's are seen there.

    Where a role shows the part of its own organisation alone, as in a territory's list, that part is seen (`member`).
    """
    places = actor.territories(permission)
    of_all = places is None and not actor.sees_only_own(permission, None)
    if of_all:
        return {}
    slugs = places if places is not None else sorted({grant.territory for grant in actor.grants if grant.territory})
    whole = [slug for slug in slugs if actor.sees_all(permission, slug)]
    scopes: dict[str, Any] = {} if places is None else {"visible": places}
    return scopes if whole == places else scopes | {"whole": whole, "member": actor.organisation_id}


async def page_of_all(request: Request, actor: Actor, permission: str, listing: Listing) -> Response:
    """A page of a national list, as far as the caller may see it, or all of that in another form."""
    return await page(request, listing, **seen(actor, permission))
