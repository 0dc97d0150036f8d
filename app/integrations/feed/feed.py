"""The change feed and audit trail: one query over the event table, as each caller may see it."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BeforeValidator, Field
from pydantic_core import to_json
from sqlalchemy import (
    BigInteger,
    Boolean,
    Text,
    Uuid,
    all_,
    any_,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.core import values
from app.core.db import KEPT_SHAPES, Statement, param
from app.core.problems import ValidationFailed
from app.core.reading import cursors
from app.core.reading.answers import ONLY_WITH_JSON, private
from app.core.reading.listing import LIMIT, USUAL_LIMIT, json_object
from app.core.reading.negotiation import wanted
from app.core.reading.query import Parameter, read
from app.core.reading.streams import Pass, passing_on, while_listening
from app.core.schemas import Read
from app.core.writing.events import FOLLOWED, Event, _e
from app.integrations.feed.kinds import EventKind, Sight
from app.integrations.feed.live import LONGEST, Listener, Question


class EventActor(Read):
    """Who caused a change."""

    id: values.Uuid | None = Field(
        description="Subject (person or service account) whose key was used; null where the service itself acted, and"
        " in events about a firm that a territory sees because it follows the firm."
    )
    kind: str = Field(
        examples=["person"], description="person, service_account, or system where the service itself acted."
    )
    organisation_id: values.Uuid | None = Field(
        description="Organisation of the subject at that moment; null where `id` is null."
    )


class EventResource(Read):
    """The object that was changed."""

    type: str = Field(examples=["time_entry"], description="Kind of object, in the singular; with `id` it names one.")
    id: str = Field(description="The object's key: a UUID, a SIREN, a SIRET, a slug or a year, as in its address.")
    version: int | None = Field(
        description="Version that the object had after the change; versions of one object come in order. Null for"
        " objects that have no version."
    )


class FeedEvent(Read):
    """A change: `data` is the object as it was read at the end of the write, without what is personal."""

    id: values.Uuid = Field(description="UUIDv7 of the event: use it to recognise one that was read before.")
    type: str = Field(
        examples=["time_entry.created"], description="What happened: kind of object, a point, and what was done to it."
    )
    occurred_at: values.Instant = Field(
        description="Instant in UTC at which the write began. The order of the feed is not that of this field."
    )
    territory: str | None = Field(description="Slug of the object's territory; null for what belongs to none.")
    actor: EventActor = Field(description="Who caused the change, by ids alone: names are personal data.")
    request_id: str | None = Field(
        description="X-Request-Id of the answer to the request that made the change; null where the id of `actor` is"
        " withheld."
    )
    client_request_id: str | None = Field(
        description="X-Request-Id that the client sent with that request: its own name for it, which proves nothing;"
        " null where it sent none, and where the id of `actor` is withheld."
    )
    resource: EventResource = Field(description="Which object was changed, and its version after the change.")
    data: dict[str, Any] = Field(
        description="The object as GET showed it right after the change, without personal and confidential fields."
        " It is never rewritten: a field that was renamed since has its old name here."
    )


class Feed(Read):
    """A page of the feed."""

    items: list[FeedEvent] = Field(description="Events after the cursor, in the order of the feed; empty at its end.")
    next_cursor: str = Field(
        description="Send it as `after` for what follows, also when `items` was empty; never null."
    )


FILTERS: Mapping[str, Parameter] = {
    "territory": Parameter(values.Slug, "Events of any of these territories, by slug.", many=True),
    "type": Parameter(
        Annotated[str, values.text(100)], "Events of any of these types, such as time_entry.created.", many=True
    ),
    "resource_type": Parameter(
        values.Code, "Events about any of these kinds of object, such as time_entry.", many=True
    ),
    "resource_id": Parameter(
        Annotated[str, values.text(100)],
        "Events about objects with any of these keys; give resource_type too.",
        many=True,
    ),
    "actor": Parameter(values.Uuid, "Events caused by any of these persons or service accounts.", many=True),
    "occurred_from": Parameter(values.Instant, "Events that occurred at this instant or later."),
}


PARAMETERS: Mapping[str, Parameter] = {
    **FILTERS,
    "after": Parameter(
        Annotated[str, values.text(500, as_it_is=True)],
        "next_cursor of the previous answer; without it the feed starts at its beginning. `now`: from now on.",
    ),
    "limit": LIMIT,
    "wait": Parameter(
        Annotated[int, Field(ge=1, le=30), BeforeValidator(lambda text: values.parse_int(text, 1, 30))],
        "Seconds, 1 to 30, that the answer may wait where there is no event yet: it comes with the first, or empty.",
    ),
    "format": Parameter(
        Literal["json", "sse"],
        "The representation; it outweighs Accept. sse: events as they come (text/event-stream), `id` is the cursor.",
    ),
}
LAST_EVENT_ID: Mapping[str, Any] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "Of text/event-stream: the last `id` that came, after which it goes on; it outweighs `after`.",
    "schema": {"type": "string"},
}
FORMS = {"application/json": "json", "text/event-stream": "sse"}


_COLUMN = {"type": _e.type, "resource_type": _e.resource_type, "resource_id": _e.resource_id}


def _among(name: str) -> Any:
    return any_(param(name, ARRAY(Text())))


def _followed(everywhere: bool) -> Any:
    """The topics that the reader's territories follow, each once."""
    every = union_all(*FOLLOWED).subquery("followed")
    topics = select(every.c.topic).distinct()
    if not everywhere:
        topics = topics.where(every.c.territory == _among("territory"))
    return topics.subquery("topics")


def _part(kinds: tuple[EventKind, ...]) -> Any:
    """What an event is about: its kind, with the part of it where some see parts alone."""
    kind, slash, value_of = _e.resource_type, literal_column("'/'", Text()), _e.data.op("->>", return_type=Text())
    named = {each.noun: literal_column(f"'{each.part[0]}'", Text()) for each in kinds if each.part is not None}
    parts = [
        (kind == literal_column(f"'{noun}'", Text()), kind + slash + value_of(name)) for noun, name in named.items()
    ]
    return case(*parts, else_=kind) if parts else kind


def _shown(found: Any) -> Statement:
    """The events of these numbers, as they are shown.

    `data` is as PostgreSQL stores it, with spaces: to take them out would cost four times the rest of the page. What is
    withheld today is cut out of it, whatever was written.

    Who acts on what many follow may be one of those who follow: the actor of such an event, and the name of the
    request, are shown to national readers alone, and are nothing to be found by for others.
    """
    shown = Event.__table__.alias("shown")
    e, open_ = shown.c, _open(shown.c)

    def unless_closed(value: Any) -> Any:
        return case((open_, value), else_=null())

    names = func.jsonb_array_elements_text(param("withheld", JSONB()).op("->")(e.resource_type))
    withheld = func.array(select(names).correlate(shown).scalar_subquery())
    shape = json_object(
        id=e.id, type=e.type, occurred_at=e.occurred_at, territory=e.territory,
        actor=json_object(
            id=unless_closed(e.actor_id), kind=e.actor_kind, organisation_id=unless_closed(e.actor_organisation_id)),
        request_id=unless_closed(e.request_id),
        client_request_id=unless_closed(e.client_request_id),
        resource=json_object(type=e.resource_type, id=e.resource_id, version=e.resource_version),
        data=cast(e.data.op("-")(withheld), JSON),
    )  # fmt: skip
    those = found.subquery("found")
    rows = select(e.sequence, cast(shape, Text).label("body")).join(those, those.c.sequence == e.sequence)
    return Statement(rows.order_by(e.sequence))


def _open(e: Any) -> Any:
    return e.topic.is_(None) | param("whole", Boolean())


def _between(given: frozenset[str]) -> list[Any]:
    """The conditions on an event: between cursor and horizon, and the filters."""
    conditions = [_e.sequence > param("after", BigInteger()), _e.sequence <= param("horizon", BigInteger())]
    conditions += [column == any_(param(name, ARRAY(column.type))) for name, column in _COLUMN.items() if name in given]
    if "actor" in given:
        conditions.append((_e.actor_id == any_(param("actor", ARRAY(Uuid())))) & _open(_e))
    if "occurred_from" in given:
        conditions.append(_e.occurred_at >= param("occurred_from", _e.occurred_at.type))
    return conditions


@lru_cache(maxsize=KEPT_SHAPES)
def _feed(
    kinds: tuple[EventKind, ...], everywhere: bool, about: bool, owned: bool, follows: bool, given: frozenset[str]
) -> Statement:
    """A page of the feed. Who sees all territories reads by number alone; others territory by territory, what is seen
    of their own organisation alone (`owned`) by the organisation, and what belongs to no territory (`about`) kind by
    kind and, where they see of it what they follow (`follows`), topic by topic. Each part has an index of its own.
    """
    conditions, limit = _between(given), param("limit", BigInteger())
    local, shared, kind = _e.territory.is_not(None), _e.territory.is_(None), _e.resource_type
    place = kind + literal_column("' '") + _e.territory
    whole = param("whole", Boolean()) & (kind != all_(param("known", ARRAY(Text()))))
    here = (kind == _among("everywhere")) | (place == _among("places")) | whole
    part = _part(kinds)
    ours = (part == _among("own")) | (part + literal_column("' '") + _e.territory == _among("own"))
    mine = _e.owner_organisation_id == param("organisation", Uuid())

    def page(*seen: Any) -> Any:
        return select(_e.sequence).where(*conditions, *seen).order_by(_e.sequence).limit(limit)

    if everywhere:
        seen = local & (here | mine & ours)
        if about:
            common = (kind == _among("common")) | mine & (part == _among("common_own")) | whole
            if follows:  # what has a topic is told to who follows it
                topics = select(_followed(everywhere).c.topic)
                common = _e.topic.is_(None) & common | _e.topic.in_(topics) & (kind == _among("followed"))
            seen |= shared & common
        return _shown(page(seen))

    def of_each(source: Any, name: str, *seen: Any) -> Any:
        each = page(*seen).lateral(name)
        return select(each.c.sequence).select_from(source.join(each, true()))

    def given_as(name: str) -> Any:
        return func.unnest(param(name, ARRAY(Text()))).table_valued("name").render_derived("each_" + name)

    territories, commons, topics = given_as("territory"), given_as("common"), _followed(everywhere)
    parts = [of_each(territories, "there", _e.territory == territories.c.name, here)]
    if owned:
        seen = ours & (_e.territory == _among("territory"))
        if about:
            seen |= shared & (part == _among("common_own"))
        parts.append(select(page(mine, seen).subquery("owned").c.sequence))
    if about:
        parts.append(of_each(commons, "shared", shared, _e.topic.is_(None), kind == commons.c.name))
    if about and follows:
        parts.append(of_each(topics, "about", shared, _e.topic == topics.c.topic, kind == _among("followed")))
    every = union_all(*parts).subquery("every") if len(parts) > 1 else parts[0].subquery("every")
    return _shown(select(every.c.sequence).order_by(every.c.sequence).limit(limit))


async def feed(request: Request, kinds: tuple[EventKind, ...], sight: Sight) -> Response:
    """Events after the cursor that this caller may see: nothing missed, nothing twice, never backwards.

    `next_cursor` is always there: ask again with it, also after an empty page. Raises `InvalidCursor` (422), and where
    the caller waits `QuotaExceeded` (429) and `TooManyListeners` (503).
    """
    state = request.state
    query = read(request, PARAMETERS)
    form = wanted(request, query, FORMS)
    limit, wait, token = query.pop("limit", None), query.pop("wait", 0), query.pop("after", None)
    if form == "sse":
        faults = [ONLY_WITH_JSON.at(name) for name, given in (("limit", limit), ("wait", wait)) if given]
        if faults:
            raise ValidationFailed(errors=faults)
        token = request.headers.get("last-event-id") or token
    told_apart = sorted((name, str(value)) for name, value in query.items())
    bookmark = Bookmark(state, to_json([str(state.actor.subject_id), "events", told_apart]))
    after = bookmark.opened(token)
    horizon = max(await state.horizon.advance(state.engine), 0)
    if token == NOW:
        after = horizon
    question = _question(query, kinds, sight, state.actor.organisation_id)
    if form == "sse":
        return EventStream(state, question, bookmark, after)
    limit = limit or USUAL_LIMIT
    told, reached = await question.page(state.engine, after, horizon, limit)
    if wait and not told:
        state.time_limit.reschedule(asyncio.get_running_loop().time() + wait + LONGEST)
        with state.live.listening(state, question, reached) as listener:
            told = await while_listening(request.receive, listener.following(wait))
        reached = told[limit - 1][0] if len(told) > limit else listener.position
    items = ",".join(body for _, body in told[:limit])
    return private(f'{{"items":[{items}],"next_cursor":"{bookmark.cursor(reached)}"}}', vary="Accept")


NOW = "now"  # the cursor of who begins at what comes from now on


class Bookmark:
    """Where a caller is in what it asks for, as a cursor says it; the cursor is good for both alone."""

    def __init__(self, state: Any, seal: bytes) -> None:
        self._secrets, self._seal = state.cursor_secrets, seal

    def opened(self, token: str | None) -> int:
        """The number of an event. Raises `InvalidCursor` (422)."""
        if token is None or token == NOW:
            return 0
        return int.from_bytes(cursors.unseal(self._secrets, self._seal, token))

    def cursor(self, number: int) -> str:
        return cursors.close(self._secrets, self._seal, number.to_bytes(8))


def _question(query: dict[str, Any], kinds: tuple[EventKind, ...], sight: Sight, organisation: Any) -> Question:
    """What is asked by these filters, within what is seen."""
    filters = dict(query)
    territories = sight.territories
    asked = filters.pop("territory", None)
    if asked is not None:
        territories = tuple(slug for slug in dict.fromkeys(asked) if territories is None or slug in territories)
    shape = (territories is None, asked is None, bool(sight.own or sight.common_own), not sight.whole)
    bound = {**filters, "known": [kind.noun for kind in kinds]}
    bound |= {"withheld": {kind.noun: kind.withheld for kind in kinds if kind.withheld}}
    bound |= {**vars(sight), "territory": list(territories or ()), "organisation": organisation}
    return Question(_feed(kinds, *shape, frozenset(filters)), bound, territories)


HEARTBEAT = 15.0  # seconds of silence after which a stream says that it is there: proxies end what is silent


class EventStream(Response):
    """The feed as server-sent events, from a number on, until the client leaves or the stream is over.

    It begins with where the reader is (`event: cursor`), and says so again where that has moved although nothing was
    shown. A client that stops reading is disconnected; it comes again with the last id that it has.
    """

    media_type = "text/event-stream"

    def __init__(self, state: Any, question: Question, bookmark: Bookmark, after: int) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"})
        del self.headers["content-length"]
        self.state, self.question, self.bookmark, self.after = state, question, bookmark, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.state.live.listening(self.state, self.__dict__.pop("question"), self.after) as listener:
            self.state.time_limit.reschedule(None)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                pass_on = passing_on(send, self.state.send_timeout)
                await while_listening(receive, self._tell(listener, pass_on))
            await send({"type": "http.response.body", "body": b""})

    async def _tell(self, listener: Listener, pass_on: Pass) -> None:
        cursor = self.bookmark.cursor
        said, first = listener.position, f"retry: 1000\n{self._here(listener.position)}"
        await pass_on(first.encode())
        while not listener.over:
            told = await listener.following(HEARTBEAT)
            if told:
                said = told[-1][0]
                lines = "".join(f"id: {cursor(number)}\ndata: {body}\n\n" for number, body in told)
            elif said != listener.position:
                said, lines = listener.position, self._here(listener.position)
            else:
                lines = ":\n"
            await pass_on(lines.encode())

    def _here(self, number: int) -> str:
        cursor = self.bookmark.cursor(number)
        return f'event: cursor\nid: {cursor}\ndata: {{"next_cursor":"{cursor}"}}\n\n'
