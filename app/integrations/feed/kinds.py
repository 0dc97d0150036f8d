"""The kinds of object that events are about: which permission shows them, as the routes that read them say."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel

from app.access.rules import Actor
from app.core.reading.listing import LISTINGS, OWN, Narrow
from app.core.schemas import Read

_ANYWHERE = ""  # a territory of which nothing is known: what is held there is held in all
_IN_A_TERRITORY = "/v1/territories/{territory"


@dataclass(frozen=True, eq=False)  # found by identity: what is seen and asked for is remembered by all of them
class EventKind:
    """A kind of object by its noun, and the permissions without which no address shows one.

    `local`: objects of it belong to a territory; `shared`: there are some that belong to none. `narrowed`: of these a
    listing shows some callers a part that the event does not tell. `part` is the field by whose values it shows some
    callers a part that the event does tell, and what says which values. `withheld` are fields that no event shows,
    whatever was written.
    """

    noun: str
    permissions: tuple[str, ...]
    local: bool
    shared: bool
    narrowed: bool
    part: tuple[str, Narrow] | None
    withheld: tuple[str, ...]

    def names(self, actor: Actor, place: str | None) -> list[str]:
        """The kind, or the parts of it that the actor sees in a place."""
        values = self.part[1](actor, place) if self.part is not None else None
        return [self.noun] if values is None else [f"{self.noun}/{value}" for value in values]


def kinds_of(routes: Iterable[Any]) -> tuple[EventKind, ...]:
    """The kinds that these routes read: those of the schemas with which a GET answers."""
    shown: dict[str, list[tuple[type[Read], str, bool]]] = {}
    for route in routes:
        schema, gate = _schema_of(route), getattr(route, "gate", None)
        if schema is not None and gate is not None:
            local = route.path.startswith(_IN_A_TERRITORY)
            shown.setdefault(schema.noun(), []).append((schema, gate.permission, local))
    narrowed = {listing.schema.noun() for listing in LISTINGS if set(listing.scopes) - {OWN} and not listing.national}
    parts = {
        listing.schema.noun(): (name, values_of)
        for listing in LISTINGS
        for name, (_, values_of) in listing.narrows.items()
    }
    return tuple(
        EventKind(
            noun,
            tuple(sorted({permission for _, permission, _ in reads})),
            any(local for *_, local in reads),
            not all(local for *_, local in reads),
            noun in narrowed,
            parts.get(noun),
            tuple(sorted({name for schema, *_ in reads for name in schema.withheld()})),
        )
        for noun, reads in sorted(shown.items())
    )


def _schema_of(route: Any) -> type[Read] | None:
    """What a GET answers with, or a page of what. A national list has the objects of territories' lists."""
    if "GET" not in (getattr(route, "methods", None) or ()) or "x-national" in (route.openapi_extra or {}):
        return None
    schema = getattr(route, "response_model", None)
    if isinstance(schema, type) and issubclass(schema, BaseModel) and "next_cursor" in schema.model_fields:
        [schema] = get_args(schema.model_fields["items"].annotation)
    return schema if isinstance(schema, type) and issubclass(schema, Read) else None


@dataclass(frozen=True)
class Sight:
    """What a caller may see of the feed: the events of these territories (None: of all), of the kinds that it may read.

    `everywhere` are kinds seen in every territory, `places` others (kind, space, territory); `own` (a kind everywhere,
    or in a place) where only what is its organisation's is seen. `common` and `common_own` are the same of what belongs
    to no territory, and `followed` of what is told to who follows its topic. `whole`: also what is about no kind that
    is known today.
    """

    territories: tuple[str, ...] | None
    whole: bool
    everywhere: tuple[str, ...]
    places: tuple[str, ...]
    own: tuple[str, ...]
    common: tuple[str, ...]
    common_own: tuple[str, ...]
    followed: tuple[str, ...]


@lru_cache(maxsize=1024)
def sight_of(kinds: tuple[EventKind, ...], actor: Actor) -> Sight:
    """What the actor may see: of each kind what the permissions to read it show, and no more."""
    territories = actor.territories("events:read")
    slugs = sorted({grant.territory for grant in actor.grants if grant.territory})
    everywhere: list[str] = []
    places: list[str] = []
    own: list[str] = []
    common: list[str] = []
    common_own: list[str] = []
    followed: list[str] = []
    for kind in kinds:
        if all(actor.territories(each) is None for each in kind.permissions):
            if _sees_only_own(actor, kind, _ANYWHERE):
                own += kind.names(actor, _ANYWHERE)
            else:
                everywhere.append(kind.noun)
        for slug in slugs if kind.local else ():
            if _may(actor, kind, slug) and _sees_only_own(actor, kind, slug):
                own += [f"{name} {slug}" for name in kind.names(actor, slug)]
            elif _may(actor, kind, slug):
                places.append(f"{kind.noun} {slug}")
        if kind.shared and (actor.reads_everything or not kind.narrowed) and _may(actor, kind, None):
            if _sees_only_own(actor, kind, None):
                common_own += kind.names(actor, None)
            else:
                common.append(kind.noun)
        if all(_may(actor, kind, slug) for slug in territories or (_ANYWHERE,)):
            followed.append(kind.noun)
    named = (everywhere, places, own, common, common_own, followed)
    limits = None if territories is None else tuple(territories)
    return Sight(limits, actor.reads_everything, *(tuple(each) for each in named))


def _may(actor: Actor, kind: EventKind, place: str | None) -> bool:
    return all(actor.may(each, place) for each in kind.permissions)


def _sees_only_own(actor: Actor, kind: EventKind, place: str | None) -> bool:
    return any(actor.sees_only_own(each, place) for each in kind.permissions)
