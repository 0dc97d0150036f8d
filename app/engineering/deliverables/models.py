"""Tables of deliverables: what is ordered, and the acts that say what state it is in."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.passage_tables import PassageRow, chained, hold_last, last_act
from app.core.values import MAX_AMOUNT_CENTS
from app.engineering.deliverables.rules import (
    NEED_REASON,
    PASSAGES,
    VERIFIABLE,
    DeliverableKind,
    DeliverableState,
)

_REDUCTION = f"reduced_days > 0 AND mod(reduced_days, 0.25) = 0 AND reduced_cents BETWEEN 1 AND {MAX_AMOUNT_CENTS}"
_VERIFIABLE = ", ".join(f"'{state.value}'::text" for state in VERIFIABLE)

# As PostgreSQL itself spells them: the text of a computed column is compared. The day on which silence admits, and the
# day by which a version is awaited: what `rebond tick` finds, and what lists and to-do lists ask for.
SILENCE_ON = f"CASE WHEN state = ANY (ARRAY[{_VERIFIABLE}]) THEN verification_ends_on + 1 ELSE NULL::date END"
AWAITED_ON = "CASE state WHEN 'expected'::text THEN due_on WHEN 'deferred'::text THEN until_on ELSE NULL::date END"


class Deliverable(Identified, Versioned, Base):
    """What a mission delivers by a day. Its state is its last act's; what its acts come to stands on the row.

    `deliverers` are all who delivered a version: none of them decides. `late_on` is the day from which it was last told
    to be late. `reduced_days` and `reduced_cents` are what a reduction takes off what may be invoiced.
    """

    __tablename__ = "deliverables"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"]),
        last_act("deliverable"),
        ForeignKeyConstraint(
            ["id", "delivery_number"], ["deliverable_passages.deliverable_id", "deliverable_passages.number"],
            name="deliverables_delivery_fkey", use_alter=True, deferrable=True, initially="DEFERRED",
        ),
        ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="deliverable_decided_by_a_person"
        ),
        CheckConstraint("decided_by <> ALL (deliverers)", name="deliverer_decides"),
        shape("decider_kind = 'person'", name="deliverable_decider_kind"),
        shape(one_of("kind", DeliverableKind), name="deliverable_kind"),
        shape(one_of("state", DeliverableState), name="deliverable_state"),
        shape("title <> ''", name="deliverable_title"),
        shape("weight_bp BETWEEN 1 AND 10000", name="deliverable_weight"),
        shape(
            "num_nulls(passage_number, delivery_number, verification_ends_on) = CASE state WHEN 'expected' THEN 3"
            " ELSE 0 END",
            name="deliverable_delivered_once",
        ),
        shape("(state = 'deferred') = (until_on IS NOT NULL)", name="deliverable_until"),
        shape(
            "num_nonnulls(reduced_days, reduced_cents) = CASE state WHEN 'admitted_with_reduction' THEN 1 ELSE 0 END"
            f" AND {_REDUCTION}",
            name="deliverable_reduction",
        ),
        Index(None, "territory", "state"),
        Index(None, "territory", "due_on"),
        Index(None, "mission_id"),
        Index("deliverables_silence_on_idx", "silence_on", "id", postgresql_where=text("silence_on IS NOT NULL")),
        Index("deliverables_awaited_on_idx", "awaited_on", "id", postgresql_where=text("awaited_on IS NOT NULL")),
    )  # fmt: skip

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    kind: Mapped[str]
    title: Mapped[str]
    due_on: Mapped[date]
    weight_bp: Mapped[int | None] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(server_default=DeliverableState.EXPECTED.value)
    passage_number: Mapped[int | None]
    delivery_number: Mapped[int | None]
    verification_ends_on: Mapped[date | None]
    until_on: Mapped[date | None]
    reduced_days: Mapped[Decimal | None]
    reduced_cents: Mapped[int | None] = mapped_column(BigInteger)
    deliverers: Mapped[list[UUID]] = mapped_column(server_default=text("'{}'"))
    decided_by: Mapped[UUID | None]
    decider_kind: Mapped[str] = mapped_column(server_default="person")
    late_on: Mapped[date | None]
    silence_on: Mapped[date | None] = mapped_column(Computed(SILENCE_ON, persisted=True))
    awaited_on: Mapped[date | None] = mapped_column(Computed(AWAITED_ON, persisted=True))


class DeliverablePassage(PassageRow, Base):
    """An act on a deliverable, in both times. Append-only; each follows the one before, by foreign key.

    A version that stands on a roadmap or on a meeting's record has its
    hash, by foreign key. `verification_ends_on` is the last day to verify the version that is delivered.
    """

    __tablename__ = "deliverable_passages"
    __table_args__ = (
        *chained("deliverable", DeliverableState.EXPECTED, sorted(PASSAGES)),
        ForeignKeyConstraint(
            ["territory", "roadmap_version_id"], ["roadmap_versions.territory", "roadmap_versions.id"],
            name="deliverable_passages_roadmap_fkey",
        ),
        ForeignKeyConstraint(
            ["roadmap_version_id", "document_sha256"], ["roadmap_versions.id", "roadmap_versions.content_hash"],
            name="deliverable_passages_roadmap_hash_fkey",
        ),
        ForeignKeyConstraint(
            ["territory", "committee_id"], ["committees.territory", "committees.id"],
            name="deliverable_passages_committee_fkey",
        ),
        ForeignKeyConstraint(
            ["committee_id", "document_sha256"], ["committees.id", "committees.record_hash"],
            name="deliverable_passages_record_hash_fkey",
        ),
        shape(
            "(act = 'reverse_silence') = (reverses_number IS NOT NULL) AND reverses_number < number"
            f" AND (NOT {one_of('act', NEED_REASON)} OR reason IS NOT NULL)"
            " AND num_nonnulls(document_version, document_sha256, verification_ends_on)"
            " = CASE act WHEN 'deliver' THEN 3 ELSE 0 END"
            " AND num_nonnulls(roadmap_version_id, committee_id) <= CASE act WHEN 'deliver' THEN 1 ELSE 0 END"
            " AND (act = 'defer') = (until_on IS NOT NULL)"
            " AND num_nonnulls(reduced_days, reduced_cents) = CASE act WHEN 'admit_with_reduction' THEN 1 ELSE 0 END",
            name="deliverable_passage_members",
        ),
        shape(_REDUCTION, name="deliverable_passage_reduction"),
        shape("document_sha256 ~ '^[0-9a-f]{64}$' AND document_version >= 1", name="deliverable_passage_document"),
        shape("verification_ends_on >= effective_on AND until_on >= effective_on", name="deliverable_passage_days"),
        Index(None, "roadmap_version_id", postgresql_where=text("roadmap_version_id IS NOT NULL")),
        Index(None, "committee_id", postgresql_where=text("committee_id IS NOT NULL")),
    )  # fmt: skip

    deliverable_id: Mapped[UUID] = mapped_column(primary_key=True)
    document_version: Mapped[int | None] = mapped_column(SmallInteger)
    document_sha256: Mapped[str | None]
    roadmap_version_id: Mapped[UUID | None]
    committee_id: Mapped[UUID | None]
    verification_ends_on: Mapped[date | None]
    until_on: Mapped[date | None]
    reduced_days: Mapped[Decimal | None]
    reduced_cents: Mapped[int | None] = mapped_column(BigInteger)


# What is ordered stays once a version was delivered, nothing is deleted, and who delivered stays named. Deliverables of
# a mission weigh what a whole has at most; the mission's row is held, so that they are weighed one after the other.
GUARD_DELIVERABLE = """
CREATE FUNCTION guard_deliverable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (
        (OLD.id, OLD.territory, OLD.mission_id) IS DISTINCT FROM (NEW.id, NEW.territory, NEW.mission_id)
        OR OLD.passage_number IS NOT NULL
            AND (OLD.kind, OLD.title, OLD.due_on, OLD.weight_bp)
            IS DISTINCT FROM (NEW.kind, NEW.title, NEW.due_on, NEW.weight_bp)
        OR NOT NEW.deliverers @> OLD.deliverers
    ) THEN
        RAISE EXCEPTION 'the deliverable stays as it was ordered'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'deliverable_delivered';
    END IF;
    IF NEW.weight_bp IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.weight_bp IS DISTINCT FROM OLD.weight_bp) THEN
        PERFORM FROM missions WHERE id = NEW.mission_id FOR NO KEY UPDATE;
        IF NEW.weight_bp + (
            SELECT coalesce(sum(weight_bp), 0) FROM deliverables WHERE mission_id = NEW.mission_id AND id <> NEW.id
        ) > 10000 THEN
            RAISE EXCEPTION 'more than the whole'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'weights_exceeded';
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""
# The last version is verified and decided within its delay, silence admits it on the day after, and a reversal takes
# back a silence that was still to come on its day.
GUARD_DELIVERABLE_PASSAGE = """
CREATE FUNCTION guard_deliverable_passage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_day date := (
        SELECT verification_ends_on FROM deliverable_passages
        WHERE deliverable_id = NEW.deliverable_id AND act = 'deliver' ORDER BY number DESC LIMIT 1
    );
BEGIN
    IF NEW.act IN ('verify', 'admit', 'defer', 'admit_with_reduction', 'reject') AND NEW.effective_on > last_day
        OR NEW.act = 'silence_admits' AND NEW.effective_on <> last_day + 1
        OR NEW.act = 'reverse_silence' AND NOT EXISTS (
            SELECT FROM deliverable_passages p
            WHERE p.deliverable_id = NEW.deliverable_id AND p.number = NEW.reverses_number
                AND p.act = 'silence_admits' AND p.effective_on > NEW.effective_on
                AND (p.from_state, p.to_state) = (NEW.to_state, NEW.from_state)
        )
    THEN
        RAISE EXCEPTION 'the delay says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'deliverable_passage_delay';
    END IF;
    RETURN NEW;
END
$$
"""
# In a mission that was a mistake nothing is delivered or decided. Its row is held against its cancellation, and the
# look is a statement of its own. What silence admits is no act, and `rebond tick` leaves such a mission out.
GUARD_PASSAGE_MISSION = """
CREATE FUNCTION guard_deliverable_passage_mission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM missions m JOIN deliverables d ON d.mission_id = m.id WHERE d.id = NEW.deliverable_id
    FOR KEY SHARE OF m;
    IF EXISTS (
        SELECT FROM missions m JOIN deliverables d ON d.mission_id = m.id
        WHERE d.id = NEW.deliverable_id AND m.status = 'cancelled'
    ) THEN
        RAISE EXCEPTION 'the mission was cancelled'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mission_cancelled';
    END IF;
    RETURN NEW;
END
$$
"""
DELIVERABLE_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON deliverables"
    " FOR EACH ROW EXECUTE FUNCTION guard_deliverable()"
)
DELIVERABLE_PASSAGE_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT ON deliverable_passages FOR EACH ROW WHEN (NEW.act <> 'deliver')"
    " EXECUTE FUNCTION guard_deliverable_passage()"
)
PASSAGE_MISSION_GUARD = (
    "CREATE TRIGGER guard_mission BEFORE INSERT ON deliverable_passages FOR EACH ROW"
    " WHEN (NEW.act <> 'silence_admits') EXECUTE FUNCTION guard_deliverable_passage_mission()"
)

hold_last(Deliverable, DeliverablePassage, "deliverable")
for _function in (GUARD_DELIVERABLE, GUARD_DELIVERABLE_PASSAGE, GUARD_PASSAGE_MISSION):
    event.listen(Base.metadata, "before_create", DDL(_function))
for _table, _statements in (
    (Deliverable, (DELIVERABLE_GUARD,)),
    (DeliverablePassage, (DELIVERABLE_PASSAGE_GUARD, PASSAGE_MISSION_GUARD)),
):
    for _statement in _statements:
        event.listen(_table.__table__, "after_create", DDL(_statement))
