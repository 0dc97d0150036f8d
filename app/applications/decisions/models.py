"""Tables of decisions and of the sealed records of meetings. Neither ever changes, but that a decision is reversed."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.applications.agendas.rules import OUTCOMES, WITH_AMOUNTS, DecisionOutcome
from app.applications.decisions.rules import NEED_REASONS
from app.applications.models import ApplicationPassage
from app.applications.rules import UNDECIDED
from app.committees.models import Committee, CommitteeMember
from app.committees.rules import Level
from app.core import clock
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only, keep
from app.core.values import MAX_AMOUNT_CENTS
from app.core.writing.sealing import HASHED

_PARIS_DAY = "(timezone('Europe/Paris', {}))::date"
_TAKEN = " OR ".join(f"(level = '{level}' AND {one_of('outcome', outcomes)})" for level, outcomes in OUTCOMES.items())


class CommitteeDecision(Identified, Versioned, Base):
    """What a meeting decided about a file of its agenda, or (`corrects_id`) an erratum to the words of a closed one.

    Decisions of a meeting are numbered without a gap, by foreign key; a reversed one keeps its number.
    """

    __tablename__ = "committee_decisions"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "committee_id"], ["committees.territory", "committees.id"]),
        ForeignKeyConstraint(["territory", "application_id"], ["applications.territory", "applications.id"]),
        ForeignKeyConstraint(
            ["committee_id", "agenda_number", "application_id"],
            ["agenda_items.committee_id", "agenda_items.number", "agenda_items.application_id"],
            name="committee_decisions_agenda_item_fkey",
        ),
        ForeignKeyConstraint(
            ["committee_id", "previous_number"],
            ["committee_decisions.committee_id", "committee_decisions.number"],
            name="committee_decisions_previous_fkey",
        ),
        ForeignKeyConstraint(
            ["application_id", "passage_number"],
            ["application_passages.application_id", "application_passages.number"],
            name="committee_decisions_passage_fkey",
        ),
        ForeignKeyConstraint(
            ["corrects_id", "application_id", "outcome", "grant_cents", "advance_cents"],
            ["committee_decisions.id", "committee_decisions.application_id", "committee_decisions.outcome",
             "committee_decisions.grant_cents", "committee_decisions.advance_cents"],
            name="committee_decisions_corrects_fkey",
        ),
        ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="committee_decided_by_a_person"
        ),
        UniqueConstraint("committee_id", "number", name="committee_decisions_number_key"),
        UniqueConstraint("territory", "reference", name="committee_decisions_reference_key"),
        UniqueConstraint("territory", "id", name="committee_decisions_territory_id_key"),
        UniqueConstraint(
            "id", "application_id", "outcome", "grant_cents", "advance_cents", name="committee_decisions_corrected_key"
        ),
        Index(
            "already_decided", "committee_id", "application_id", unique=True,
            postgresql_where=text("reversed_at IS NULL AND corrects_id IS NULL"),
        ),
        Index(None, "application_id"),
        Index(None, "territory", "decided_on"),
        Index(None, "territory", "updated_at"),
        Index(None, "corrects_id", postgresql_where=text("corrects_id IS NOT NULL")),
        shape(
            "CASE WHEN number = 1 THEN previous_number IS NULL ELSE number > 1 AND previous_number = number - 1 END",
            name="committee_decision_number",
        ),
        shape(one_of("level", Level), name="committee_decision_level"),
        shape(one_of("outcome", DecisionOutcome), name="committee_decision_outcome"),
        CheckConstraint(f"corrects_id IS NOT NULL OR {_TAKEN}", name="outcome_of_another_level"),
        shape(
            f"grant_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS} AND advance_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS}"
            f" AND ({one_of('outcome', WITH_AMOUNTS)} OR grant_cents + advance_cents = 0)"
            " AND (outcome <> 'grant' OR grant_cents + advance_cents > 0)",
            name="committee_decision_amounts",
        ),
        shape(
            f"NOT {one_of('outcome', NEED_REASONS)} OR reasons IS NOT NULL", name="committee_decision_reasons"
        ),
        shape(
            "votes_for >= 0 AND votes_against >= 0 AND votes_abstained >= 0"
            " AND votes_for + votes_against + votes_abstained <= members_present",
            name="committee_decision_votes",
        ),
        CheckConstraint("quorum IS NULL OR members_present >= quorum", name="quorum_not_reached"),
        shape(
            "(corrects_id IS NULL) = (agenda_number IS NOT NULL) AND (corrects_id IS NULL) = (passage_number IS NOT"
            " NULL) AND (corrects_id IS NULL) = (correction_reason IS NULL)",
            name="committee_decision_corrects",
        ),
        shape("decider_kind = 'person'", name="committee_decider_kind"),
        shape("num_nulls(reversed_at, reversed_by, reversal_reason) IN (0, 3)", name="committee_decision_reversed"),
        shape(f"decided_on <= {_PARIS_DAY.format('created_at')}", name="committee_decision_future"),
    )  # fmt: skip

    territory: Mapped[str]
    committee_id: Mapped[UUID]
    level: Mapped[str]
    number: Mapped[int] = mapped_column(SmallInteger)
    previous_number: Mapped[int | None] = mapped_column(SmallInteger)
    reference: Mapped[str]
    agenda_number: Mapped[int | None] = mapped_column(SmallInteger)
    application_id: Mapped[UUID]
    passage_number: Mapped[int | None]
    outcome: Mapped[str]
    grant_cents: Mapped[int] = mapped_column(BigInteger)
    advance_cents: Mapped[int] = mapped_column(BigInteger)
    conditions: Mapped[str | None]
    reasons: Mapped[str | None]
    votes_for: Mapped[int] = mapped_column(SmallInteger)
    votes_against: Mapped[int] = mapped_column(SmallInteger)
    votes_abstained: Mapped[int] = mapped_column(SmallInteger)
    members_present: Mapped[int] = mapped_column(SmallInteger)
    quorum: Mapped[int | None] = mapped_column(SmallInteger)
    decided_on: Mapped[date]
    decided_by: Mapped[UUID]
    decider_kind: Mapped[str] = mapped_column(server_default="person")
    corrects_id: Mapped[UUID | None]
    correction_reason: Mapped[str | None]
    reversed_at: Mapped[datetime | None]
    reversed_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    reversal_reason: Mapped[str | None]


class CommitteeRecord(Base):
    """The record of a closed meeting: canonical JSON and its hash. Append-only."""

    __tablename__ = "committee_records"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "committee_id"], ["committees.territory", "committees.id"]),
        shape(HASHED, name="committee_record_hash"),
    )

    committee_id: Mapped[UUID] = mapped_column(primary_key=True)
    territory: Mapped[str]
    content: Mapped[str]
    content_hash: Mapped[str]
    sealed_at: Mapped[datetime] = mapped_column(default=clock.now)


# A decision is taken by a meeting that was held and is not closed, on its frozen agenda, as of its day, with the
# members who came. Afterwards it is reversed once, or stays as it is.
GUARD_DECISION = """
CREATE FUNCTION guard_committee_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    meeting committees;
    agenda agendas;
    present bigint;
    kept jsonb := '["reversed_at", "reversed_by", "reversal_reason", "version", "updated_at"]';
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a decision stays'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'committee_decisions_append_only';
    END IF;
    SELECT * INTO meeting FROM committees WHERE id = NEW.committee_id FOR SHARE;
    IF meeting.status = 'closed' THEN
        RAISE EXCEPTION 'the meeting is closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.reversed_at IS NOT NULL OR NEW.reversed_at IS NULL
            OR to_jsonb(OLD) - ARRAY(SELECT jsonb_array_elements_text(kept))
                <> to_jsonb(NEW) - ARRAY(SELECT jsonb_array_elements_text(kept))
        THEN
            RAISE EXCEPTION 'a decision stays as it was taken'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'committee_decisions_append_only';
        END IF;
        RETURN NEW;
    END IF;
    SELECT * INTO agenda FROM agendas WHERE committee_id = NEW.committee_id FOR NO KEY UPDATE;
    SELECT count(*) FILTER (WHERE attendance IN ('present', 'represented')) INTO present
    FROM committee_members WHERE committee_id = NEW.committee_id;
    IF meeting.status <> 'held' OR NEW.reversed_at IS NOT NULL
        OR (NEW.territory, NEW.level, NEW.decided_on) IS DISTINCT FROM
            (meeting.territory, meeting.level, (timezone('Europe/Paris', meeting.held_at))::date)
        OR (NEW.corrects_id IS NULL
            AND (NEW.members_present, NEW.quorum) IS DISTINCT FROM (present, meeting.quorum))
        OR NEW.number IS DISTINCT FROM agenda.decisions_made
    THEN
        RAISE EXCEPTION 'not a decision of this meeting'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_decision_of_its_meeting';
    END IF;
    IF NEW.corrects_id IS NULL AND (agenda.state, agenda.number) IS DISTINCT FROM ('frozen', NEW.agenda_number) THEN
        RAISE EXCEPTION 'the agenda is not frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_not_frozen';
    END IF;
    IF EXISTS (
        SELECT FROM application_reviews WHERE application_id = NEW.application_id AND NEW.decided_by = ANY (authors)
    ) THEN
        RAISE EXCEPTION 'who reviewed the file does not decide it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reviewer_decides';
    END IF;
    IF NEW.corrects_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM committee_decisions d JOIN committees c ON c.id = d.committee_id
        WHERE d.id = NEW.corrects_id AND (d.territory, d.level) = (NEW.territory, NEW.level) AND d.corrects_id IS NULL
            AND d.reversed_at IS NULL AND c.status = 'closed' AND c.held_at < meeting.held_at
    ) THEN
        RAISE EXCEPTION 'an erratum is of a later meeting than the closed one that it corrects'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erratum_refused';
    END IF;
    RETURN NEW;
END
$$
"""
# What a decision rests on stays while the meeting has decided: when it was held, its quorum, and who came.
GUARD_DECIDED_MEETING = """
CREATE FUNCTION guard_decided_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    meeting uuid := to_jsonb(coalesce(NEW, OLD)) ->>
        CASE TG_TABLE_NAME WHEN 'committees' THEN 'id' ELSE 'committee_id' END;
BEGIN
    IF EXISTS (SELECT FROM committee_decisions WHERE committee_id = meeting AND reversed_at IS NULL) THEN
        RAISE EXCEPTION 'the meeting has decided' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_decided';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
# A meeting closes with its sealed record, and with an outcome for every file of its frozen agenda.
GUARD_CLOSING_MEETING = """
CREATE FUNCTION guard_closing_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM agendas a JOIN agenda_items i ON i.committee_id = a.committee_id AND i.number = a.number
        WHERE a.committee_id = NEW.id AND a.state <> 'frozen'
    ) THEN
        RAISE EXCEPTION 'the agenda is not frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_not_frozen';
    END IF;
    IF EXISTS (
        SELECT FROM agendas a
        JOIN agenda_items i ON i.committee_id = a.committee_id AND i.number = a.number
        JOIN applications f ON f.id = i.application_id
        WHERE a.committee_id = NEW.id
            AND __UNDECIDED__
            AND NOT EXISTS (
                SELECT FROM committee_decisions d
                WHERE d.committee_id = NEW.id AND d.application_id = i.application_id AND d.reversed_at IS NULL
                    AND d.corrects_id IS NULL
            )
    ) THEN
        RAISE EXCEPTION 'a file has no outcome'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_not_finished';
    END IF;
    RETURN NEW;
END
$$
""".replace("__UNDECIDED__", one_of("f.state", UNDECIDED))
_AWARDED_ELSEWHERE = """
            SELECT application_id, decision_reference, decided_on FROM grants
            WHERE decision_id IS NULL AND status NOT IN ('cancelled', 'reversed')
            UNION ALL
            SELECT application_id, decision_reference, decided_on FROM advances
            WHERE decision_id IS NULL AND status NOT IN ('cancelled', 'reversed')
        """
# At COMMIT an act of a committee on a file has its decision: the same outcome, the same day. A grant can have been
# decided elsewhere: its award, which names the file, is the decision.
CHECK_DECIDED = """
CREATE FUNCTION check_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM committee_decisions d
        WHERE d.application_id = NEW.application_id AND d.passage_number = NEW.number AND d.outcome = NEW.act
            AND d.decided_on = NEW.effective_on AND d.corrects_id IS NULL
    ) AND NOT (NEW.act = 'grant' AND EXISTS (
        SELECT FROM (__AWARDS__) award WHERE award.application_id = NEW.application_id
            AND award.decision_reference = NEW.reference AND award.decided_on = NEW.effective_on
    )) THEN
        RAISE EXCEPTION 'nobody decided it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_decided';
    END IF;
    RETURN NULL;
END
$$
""".replace("__AWARDS__", _AWARDED_ELSEWHERE)
# At COMMIT an act that is taken back has no decision any more, taken here or elsewhere.
CHECK_TAKEN_BACK = """
CREATE FUNCTION check_taken_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM committee_decisions d
        WHERE d.application_id = NEW.application_id AND d.passage_number = NEW.reverses_number
            AND d.corrects_id IS NULL AND d.reversed_at IS NULL
    ) OR EXISTS (
        SELECT FROM application_passages p JOIN (__AWARDS__) award ON award.application_id = p.application_id
            AND award.decision_reference = p.reference AND award.decided_on = p.effective_on
        WHERE p.application_id = NEW.application_id AND p.number = NEW.reverses_number AND p.act = 'grant'
    ) THEN
        RAISE EXCEPTION 'the decision stands'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_decision_stands';
    END IF;
    RETURN NULL;
END
$$
""".replace("__AWARDS__", _AWARDED_ELSEWHERE)
# A decision is reversed with the act that it is, in one transaction.
CHECK_REVERSED_DECISION = """
CREATE FUNCTION check_reversed_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM application_passages p
        WHERE p.application_id = NEW.application_id AND p.reverses_number = NEW.passage_number
            AND p.act = 'reverse_decision'
    ) THEN
        RAISE EXCEPTION 'the file still says so'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_decision_reversed_alone';
    END IF;
    RETURN NULL;
END
$$
"""
# The hash of a record stands on the row of its meeting, whichever of the two is written first (`guard_committee`).
NAME_RECORD = """
CREATE FUNCTION name_committee_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE committees SET record_hash = NEW.content_hash WHERE id = NEW.committee_id AND status = 'closed';
    RETURN NULL;
END
$$
"""
# At COMMIT a meeting that was closed has its record, with its hash, and a record its closed meeting.
CHECK_RECORDED_MEETING = """
CREATE FUNCTION check_recorded_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    meeting uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'committees' THEN 'id' ELSE 'committee_id' END;
BEGIN
    IF NOT EXISTS (
        SELECT FROM committees c JOIN committee_records r ON r.committee_id = c.id
        WHERE c.id = meeting AND c.status = 'closed' AND c.record_hash = r.content_hash
    ) THEN
        RAISE EXCEPTION 'a meeting is closed with its record'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_closed_with_its_record';
    END IF;
    RETURN NULL;
END
$$
"""
DECISION_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON committee_decisions"
    " FOR EACH ROW EXECUTE FUNCTION guard_committee_decision()"
)
DECIDED_MEETING_GUARD = (
    "CREATE TRIGGER guard_decided BEFORE UPDATE OF held_at, quorum ON committees FOR EACH ROW"
    " WHEN (OLD.held_at IS DISTINCT FROM NEW.held_at OR OLD.quorum IS DISTINCT FROM NEW.quorum)"
    " EXECUTE FUNCTION guard_decided_meeting()"
)
DECIDED_MEMBERS_GUARD = (
    "CREATE TRIGGER guard_decided BEFORE INSERT OR UPDATE OR DELETE ON committee_members FOR EACH ROW"
    " EXECUTE FUNCTION guard_decided_meeting()"
)
CLOSING_MEETING_GUARD = (
    "CREATE TRIGGER guard_closing BEFORE UPDATE OF status ON committees FOR EACH ROW"
    " WHEN (NEW.status = 'closed') EXECUTE FUNCTION guard_closing_meeting()"
)
DECIDED_PASSAGES = (
    "CREATE CONSTRAINT TRIGGER check_decided AFTER INSERT ON application_passages DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW WHEN (NEW.act IN ('pre_select', 'grant', 'defer', 'reject')) EXECUTE FUNCTION check_decided()"
)
REVERSED_DECISIONS = (
    "CREATE CONSTRAINT TRIGGER check_reversed AFTER UPDATE OF reversed_at ON committee_decisions"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.corrects_id IS NULL)"
    " EXECUTE FUNCTION check_reversed_decision()"
)
RECORDED_MEETINGS = (
    "CREATE CONSTRAINT TRIGGER check_recorded AFTER UPDATE OF status ON committees"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'closed')"
    " EXECUTE FUNCTION check_recorded_meeting()"
)
NAMED_RECORDS = (
    "CREATE TRIGGER name_record AFTER INSERT ON committee_records FOR EACH ROW EXECUTE FUNCTION name_committee_record()"
)
RECORDS_OF_MEETINGS = (
    "CREATE CONSTRAINT TRIGGER check_recorded AFTER INSERT ON committee_records"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_recorded_meeting()"
)
TAKEN_BACK_PASSAGES = (
    "CREATE CONSTRAINT TRIGGER check_taken_back AFTER INSERT ON application_passages DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW WHEN (NEW.act = 'reverse_decision') EXECUTE FUNCTION check_taken_back()"
)

keep(CommitteeRecord)
for _function in (
    GUARD_DECISION, GUARD_DECIDED_MEETING, GUARD_CLOSING_MEETING, CHECK_DECIDED, CHECK_TAKEN_BACK,
    CHECK_REVERSED_DECISION, NAME_RECORD, CHECK_RECORDED_MEETING,
):  # fmt: skip
    event.listen(CommitteeDecision.__table__, "after_create", DDL(_function.replace("%", "%%")))
for _table, _statements in (
    (CommitteeDecision, (DECISION_GUARD, REVERSED_DECISIONS, append_only("committee_decisions", "TRUNCATE"))),
    (CommitteeRecord, (NAMED_RECORDS, RECORDS_OF_MEETINGS)),
    (Committee, (DECIDED_MEETING_GUARD, CLOSING_MEETING_GUARD, RECORDED_MEETINGS)),
    (CommitteeMember, (DECIDED_MEMBERS_GUARD,)),
    (ApplicationPassage, (DECIDED_PASSAGES, TAKEN_BACK_PASSAGES)),
):
    for _statement in _statements:
        event.listen(CommitteeDecision.__table__, "after_create", DDL(_statement))
