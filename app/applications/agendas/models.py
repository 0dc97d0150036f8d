"""Tables of agendas. A frozen agenda never changes, whoever writes; reopening it makes the next one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.applications.agendas.rules import WITH_AMOUNTS, AgendaState, Proposal
from app.committees.rules import Level
from app.core import clock
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only, keep
from app.core.values import MAX_AMOUNT_CENTS
from app.core.writing.sealing import HASHED


class MeetingSeries(Base):
    """How many meetings of a level of a territory have decided in a year: the last number given to one."""

    __tablename__ = "meeting_series"
    __table_args__ = (shape("last_number >= 0", name="meeting_series_last_number"),)

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"), primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    last_number: Mapped[int] = mapped_column(SmallInteger)


class Agenda(Versioned, Base):
    """The agenda of a meeting. `number` is the one that is drafted or frozen now; each reopening makes the next.

    The row counts the decisions of the meeting. Its first decision gives the meeting its number in the series of its
    level and year.
    """

    __tablename__ = "agendas"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "committee_id"], ["committees.territory", "committees.id"]),
        UniqueConstraint("territory", "level", "year", "meeting_number", name="agendas_meeting_number_key"),
        shape(one_of("level", Level), name="agenda_level"),
        shape(one_of("state", AgendaState), name="agenda_state"),
        shape("number >= 1", name="agenda_number"),
        shape(
            "decisions_made >= 0 AND num_nulls(year, meeting_number) IN (0, 2)"
            " AND (decisions_made = 0 OR meeting_number IS NOT NULL)",
            name="agenda_decisions_made",
        ),
    )

    committee_id: Mapped[UUID] = mapped_column(primary_key=True)
    territory: Mapped[str]
    level: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=AgendaState.DRAFT.value)
    number: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    year: Mapped[int | None] = mapped_column(SmallInteger)
    meeting_number: Mapped[int | None] = mapped_column(SmallInteger)
    decisions_made: Mapped[int] = mapped_column(server_default="0")


class AgendaItem(Base):
    """A file on an agenda, with what is proposed for it."""

    __tablename__ = "agenda_items"
    __table_args__ = (
        ForeignKeyConstraint(["committee_id"], ["agendas.committee_id"]),
        ForeignKeyConstraint(["territory", "application_id"], ["applications.territory", "applications.id"]),
        UniqueConstraint("committee_id", "number", "position", name="agenda_items_position_key"),
        shape("position >= 1", name="agenda_item_position"),
        shape(one_of("proposal", Proposal), name="agenda_item_proposal"),
        shape(
            f"grant_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS} AND advance_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS}"
            f" AND ({one_of('proposal', WITH_AMOUNTS)} OR grant_cents + advance_cents = 0)"
            " AND (proposal <> 'grant' OR grant_cents + advance_cents > 0)",
            name="agenda_item_amounts",
        ),
        Index(None, "application_id"),
    )

    committee_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    application_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    territory: Mapped[str]
    proposal: Mapped[str]
    grant_cents: Mapped[int] = mapped_column(BigInteger)
    advance_cents: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str | None]


class FrozenAgenda(Identified, Base):
    """What a meeting was given to decide, sealed: canonical JSON and its hash. Append-only."""

    __tablename__ = "frozen_agendas"
    __table_args__ = (
        ForeignKeyConstraint(["committee_id"], ["agendas.committee_id"]),
        UniqueConstraint("committee_id", "number", name="frozen_agendas_number_key"),
        shape("number >= 1", name="frozen_agenda_number"),
        shape(HASHED, name="frozen_agenda_hash"),
    )

    committee_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(SmallInteger)
    territory: Mapped[str]
    content: Mapped[str]
    content_hash: Mapped[str]
    frozen_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    frozen_at: Mapped[datetime] = mapped_column(default=clock.now)


class AgendaReopening(Base):
    """Why a frozen agenda was reopened. Append-only, once of each."""

    __tablename__ = "agenda_reopenings"
    __table_args__ = (
        ForeignKeyConstraint(["committee_id", "number"], ["frozen_agendas.committee_id", "frozen_agendas.number"]),
        shape("reason <> ''", name="agenda_reopening_reason"),
    )

    committee_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    territory: Mapped[str]
    reason: Mapped[str]
    reopened_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    reopened_at: Mapped[datetime] = mapped_column(default=clock.now)


# An agenda is frozen by what was sealed, and drafted anew by a reopening; of a meeting that is over nothing changes.
# The meeting is held first, so that none closes beside the change.
GUARD_AGENDA = """
CREATE FUNCTION guard_agenda() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an agenda stays' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'agendas_append_only';
    END IF;
    PERFORM FROM committees WHERE id = NEW.committee_id FOR SHARE;
    IF EXISTS (SELECT FROM committees WHERE id = NEW.committee_id AND status IN ('closed', 'cancelled')) THEN
        RAISE EXCEPTION 'the meeting is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    IF NOT EXISTS (SELECT FROM committees WHERE id = NEW.committee_id AND level = NEW.level) THEN
        RAISE EXCEPTION 'of another level' USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_of_its_meeting';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.state, NEW.number, NEW.decisions_made) <> ('draft', 1, 0) OR NEW.meeting_number IS NOT NULL THEN
            RAISE EXCEPTION 'an agenda begins as a draft'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_of_its_meeting';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.committee_id, OLD.territory, OLD.level) <> (NEW.committee_id, NEW.territory, NEW.level)
        OR NEW.decisions_made < OLD.decisions_made
        OR (OLD.meeting_number IS NOT NULL
            AND (OLD.year, OLD.meeting_number) IS DISTINCT FROM (NEW.year, NEW.meeting_number))
    THEN
        RAISE EXCEPTION 'an agenda keeps its meeting and its numbers'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_of_its_meeting';
    END IF;
    IF (OLD.state, OLD.number) <> (NEW.state, NEW.number) AND NOT (CASE
        WHEN (OLD.state, NEW.state) = ('draft', 'frozen') THEN NEW.number = OLD.number AND EXISTS (
            SELECT FROM frozen_agendas f WHERE f.committee_id = NEW.committee_id AND f.number = NEW.number)
        WHEN (OLD.state, NEW.state) = ('frozen', 'draft') THEN NEW.number = OLD.number + 1 AND EXISTS (
            SELECT FROM agenda_reopenings r WHERE r.committee_id = NEW.committee_id AND r.number = OLD.number)
        ELSE false
    END) THEN
        RAISE EXCEPTION 'not frozen, or not reopened'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_frozen';
    END IF;
    RETURN NEW;
END
$$
"""
# Items belong to the draft, and are replaced, never changed. The agenda is held against its freezing: an item that is
# written beside it comes first.
GUARD_AGENDA_ITEM = """
CREATE FUNCTION guard_agenda_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    item agenda_items := coalesce(NEW, OLD);
BEGIN
    PERFORM FROM agendas WHERE committee_id = item.committee_id FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' OR NOT EXISTS (
        SELECT FROM agendas a JOIN committees c ON c.id = a.committee_id
        WHERE a.committee_id = item.committee_id AND a.territory = item.territory AND a.state = 'draft'
            AND a.number = item.number AND c.status IN ('planned', 'held')
    ) THEN
        RAISE EXCEPTION 'the agenda is frozen' USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_frozen';
    END IF;
    RETURN item;
END
$$
"""
# At COMMIT what was frozen of a number is what the agenda became by it; so is a reopening.
CHECK_FROZEN_AGENDA = """
CREATE FUNCTION check_frozen_agenda() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM agendas a WHERE a.committee_id = NEW.committee_id AND (
            a.number > NEW.number
            OR TG_TABLE_NAME = 'frozen_agendas' AND a.number = NEW.number AND a.state = 'frozen')
    ) THEN
        RAISE EXCEPTION 'the agenda says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'frozen_agenda_of_its_agenda';
    END IF;
    RETURN NULL;
END
$$
"""
AGENDA_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON agendas FOR EACH ROW EXECUTE FUNCTION guard_agenda()"
)
AGENDA_ITEM_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON agenda_items"
    " FOR EACH ROW EXECUTE FUNCTION guard_agenda_item()"
)


def _of_its_agenda(table: str) -> str:
    return (
        f"CREATE CONSTRAINT TRIGGER check_agenda AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION check_frozen_agenda()"
    )


FROZEN_AGENDAS_CHECKED = _of_its_agenda("frozen_agendas")
REOPENINGS_CHECKED = _of_its_agenda("agenda_reopenings")

keep(FrozenAgenda)
keep(AgendaReopening)
for _table, _statements in (
    (Agenda.__table__, (GUARD_AGENDA, AGENDA_GUARD, append_only("agendas", "TRUNCATE"))),
    (AgendaItem.__table__, (GUARD_AGENDA_ITEM, AGENDA_ITEM_GUARD, append_only("agenda_items", "TRUNCATE"))),
    (FrozenAgenda.__table__, (CHECK_FROZEN_AGENDA, FROZEN_AGENDAS_CHECKED)),
    (AgendaReopening.__table__, (REOPENINGS_CHECKED,)),
):
    for _statement in _statements:
        event.listen(_table, "after_create", DDL(_statement))
