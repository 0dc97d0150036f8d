"""The table of seals, and what it seals: the database itself computes the digests.

Whoever keeps a seal elsewhere can tell later whether the events up to it are still what they were: a digest covers each
column of each event of its range, and the digest before it.
"""

from datetime import datetime

from sqlalchemy import DDL, BigInteger, ForeignKeyConstraint, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, shape
from app.core.routines import keep


class EventSeal(Base):
    """The digest of the events whose sequence numbers follow `after` and end at `upto`; between them may be holes.

    Seals follow each other without a gap, and the first one begins before the first event.
    """

    __tablename__ = "event_seals"
    __table_args__ = (
        UniqueConstraint("number", "upto", "sha256"),
        ForeignKeyConstraint(
            ["previous_number", "after", "previous"], ["event_seals.number", "event_seals.upto", "event_seals.sha256"]
        ),
        shape("number = coalesce(previous_number, 0) + 1", name="event_seal_number"),
        shape("(previous_number IS NULL) = (previous IS NULL)", name="event_seal_previous"),
        shape("previous_number IS NOT NULL OR after = 0", name="event_seal_first"),
        shape("upto > after", name="event_seal_range"),
        shape("count > 0", name="event_seal_count"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    after: Mapped[int] = mapped_column(BigInteger)
    upto: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    previous_number: Mapped[int | None] = mapped_column(BigInteger)
    previous: Mapped[str | None]
    sealed_at: Mapped[datetime]


keep(EventSeal)

# An event as text: its columns in this order, the instant in microseconds since 1970. A column that events get later
# comes last, and only where it has a value: seals that stand stay right.
SEALED_TEXT = """
CREATE FUNCTION sealed_text(sealed events) RETURNS text LANGUAGE sql STABLE
RETURN (jsonb_build_array(
    sealed.sequence, sealed.id, sealed.type, (extract(epoch FROM sealed.occurred_at) * 1000000)::bigint,
    sealed.territory, sealed.actor_id, sealed.actor_kind, sealed.actor_organisation_id, sealed.request_id,
    sealed.resource_type, sealed.resource_id, sealed.resource_version, sealed.topic, sealed.owner_organisation_id,
    sealed.data
) || CASE WHEN sealed.client_request_id IS NULL THEN '[]'::jsonb
    ELSE jsonb_build_array(sealed.client_request_id) END)::text
"""

# The digest of a seal: a line of its number, range, count and the digest before, then a line for each event in order.
SEAL_OF = """
CREATE FUNCTION seal_of(
    number bigint, after bigint, upto bigint, previous text, OUT count bigint, OUT sha256 text
) LANGUAGE sql STABLE AS $$
    SELECT count(*), encode(sha256(convert_to(
        concat_ws(' ', number, after, upto, count(*), previous)
        || coalesce(string_agg(E'\\n' || sealed_text(e), '' ORDER BY e.sequence), ''), 'UTF8'
    )), 'hex')
    FROM events e WHERE e.sequence > after AND e.sequence <= upto
$$
"""

# Nobody writes a digest: a new seal has that of the events that there are.
SEAL_EVENTS = """
CREATE FUNCTION seal_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.count, s.sha256 INTO NEW.count, NEW.sha256 FROM seal_of(NEW.number, NEW.after, NEW.upto, NEW.previous) s;
    RETURN NEW;
END
$$
"""
SEALS = "CREATE TRIGGER sealed BEFORE INSERT ON event_seals FOR EACH ROW EXECUTE FUNCTION seal_events()"

for _statement in (SEALED_TEXT, SEAL_OF, SEAL_EVENTS, SEALS):
    event.listen(EventSeal.__table__, "after_create", DDL(_statement.replace("%", "%%")))
