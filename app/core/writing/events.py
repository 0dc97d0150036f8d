"""The append-only event table. The audit trail, the change feed, delta sync and (later) webhooks all read from it.

Order is the event's sequence number, shown up to a horizon below which no transaction is still open. (Ordering by
transaction id would be wrong: a transaction takes its id long before it gets the object's lock.)
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    Index,
    Select,
    Text,
    Uuid,
    cast,
    func,
    insert,
    literal_column,
    null,
    select,
    text,
    true,
)
from sqlalchemy import Sequence as SqlSequence
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, param
from app.core.routines import keep

SEQUENCE = SqlSequence("events_sequence", metadata=Base.metadata)


class Event(Base):
    """A change, with the object as it was read at the end of the write."""

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "territory", "sequence"),
        Index(None, "resource_type", "resource_id", "sequence"),
        Index(None, "topic", "sequence", postgresql_where=text("topic IS NOT NULL")),
        Index(None, "owner_organisation_id", "sequence", postgresql_where=text("owner_organisation_id IS NOT NULL")),
        Index(None, "resource_type", "sequence", postgresql_where=text("territory IS NULL AND topic IS NULL")),
    )

    # The transaction's id is taken before the number: the horizon rests on it.
    sequence: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        autoincrement=False,
        server_default=text(
            "CASE WHEN (pg_current_xact_id() IS NOT NULL) THEN nextval('events_sequence'::regclass)"
            " ELSE NULL::bigint END"
        ),
    )
    id: Mapped[UUID] = mapped_column(server_default=func.uuidv7())
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    territory: Mapped[str | None]
    actor_id: Mapped[UUID | None]
    actor_kind: Mapped[str]
    actor_organisation_id: Mapped[UUID | None]
    request_id: Mapped[str]
    resource_type: Mapped[str]
    resource_id: Mapped[str]
    resource_version: Mapped[int | None]
    client_request_id: Mapped[str | None]  # what the client called the request
    topic: Mapped[str | None]  # what a national event is about: territories that follow it see it too
    # Of what some see for their own organisation alone: whose it is. Without it only who sees those of all is told.
    owner_organisation_id: Mapped[UUID | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


keep(Event)

BEFORE = param("known_before", Event.__table__.c.occurred_at.type)


def last_event(kind: str, ids: Any, before: Any = BEFORE) -> Any:
    """What the last event about each of these objects said by the instant; none for what was gone or not yet there."""
    e = Event.__table__.c
    last = (
        select(e.type, e.data)
        .where(
            e.resource_type == literal_column(f"'{kind}'", Text()),
            e.resource_id == cast(ids.c.id, Text),
            e.occurred_at < before,
        )
        .order_by(e.resource_type.desc(), e.resource_id.desc(), e.sequence.desc())
        .limit(1)
        .lateral(f"last_of_{kind}")
    )
    told = select(ids.c.id, last.c.data).select_from(ids.join(last, true()))
    return told.where(last.c.type != literal_column(f"'{kind}.deleted'", Text())).subquery(f"{kind}_then")


def said(then: Any, name: str, type_: Any) -> Any:
    """A field of what an event said, as a value of this type."""
    return cast(then.c.data.op("->>")(literal_column(f"'{name}'", Text())), type_)


_e = Event.__table__.c


COLUMNS = [c.key for c in Event.__table__.columns if c.key not in ("sequence", "id")]


def append() -> Any:
    """INSERT of one event per (key, version, body, topic, owner), in their order."""
    given = (
        func.unnest(
            param("keys", ARRAY(Text())),
            param("versions", ARRAY(BigInteger())),
            param("bodies", ARRAY(Text())),
            param("topics", ARRAY(Text())),
            param("owners", ARRAY(Uuid())),
        )
        .table_valued("key", "version", "body", "topic", "owner", with_ordinality="place")
        .render_derived()
    )
    each = _events(given.c.key, given.c.version, given.c.body, given.c.topic, given.c.owner)
    return insert(Event).from_select(COLUMNS, each.order_by(given.c.place))


def append_from(shown: CTE) -> Any:
    """The same as a part of a hot write: one event of the row (id, version, owner, body) that it has just shown."""
    s = shown.c
    return insert(Event).from_select(COLUMNS, _events(cast(s.id, Text), s.version, s.body, null(), s.owner))


def _events(key: Any, version: Any, body: Any, topic: Any, owner: Any) -> Any:
    """The columns of an event in their order. Personal and confidential fields are cut out of the body."""
    return select(
        param("type", Text()),
        param("occurred_at", _e.occurred_at.type),
        param("territory", Text()),
        param("actor_id", _e.actor_id.type),
        param("actor_kind", Text()),
        param("actor_organisation_id", _e.actor_organisation_id.type),
        param("request_id", Text()),
        param("resource_type", Text()),
        key,
        version,
        param("client_request_id", Text()),
        cast(topic, Text),
        cast(owner, Uuid),
        cast(body, JSONB).op("-")(param("withheld", ARRAY(Text()))),
    )


# Who follows what: Selects of (territory, topic). A domain adds its own; the events of these topics belong to no
# territory, and are shown to those that follow them.
FOLLOWED: list[Select[str, str]] = []
