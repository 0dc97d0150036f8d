"""Tables of aids (what one decision gives one firm), and the columns that its awards, grants and advances, share."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from app.committees.models import Committee
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only, keep
from app.programme.models import Territory


class AwardStatus(StrEnum):
    """The life of an award: decided, being paid, finished (paid up, or the rest released), or cancelled unpaid.

    A mistaken one is reversed, as if it had never been decided: nothing of it is released.
    """

    AWARDED = "awarded"
    PAYING = "paying"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


class Ending(StrEnum):
    """How an award ended: its final amount is paid, it was terminated, lapsed, was cancelled, or reversed."""

    CLOSED = "closed"
    TERMINATED = "terminated"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


class AidAct(StrEnum):
    """Acts on an aid, or on one of its awards."""

    PLAN = "plan"
    NOTIFY = "notify"
    SIGN = "sign"
    GUARANTEE = "guarantee"
    START = "start"
    EXTEND_START = "extend_start"
    COMPLETE = "complete"
    AMEND = "amend"
    TRANSFER = "transfer"
    CLOSE = "close"
    REOPEN = "reopen"
    TERMINATE = "terminate"
    LAPSE = "lapse"
    CANCEL = "cancel"
    REVERSE = "reverse"
    START_MISSING = "start_missing"


# Of which acts the references and external ids are taken: who takes an award back frees its names.
STANDS = "status NOT IN ('cancelled', 'reversed')"


def override_of(table: str) -> ForeignKeyConstraint:
    """What gives money names the override that names it, of its own territory: so an override serves once.

    `check_money_door` looks at the firm when the override is named: the aid can pass to another firm later.
    """
    return ForeignKeyConstraint(
        ["override_id", "territory", "id"],
        ["overrides.id", "overrides.territory", "overrides.used_by_id"],
        name=f"{table}_override_fkey",
    )


_SHA256 = "~ '^[0-9a-f]{64}$'"


class Aid(Identified, Versioned, Base):
    """What one decision gives one firm: a grant, an advance, or both. The database makes it with its first award.

    `awards` counts those that stand; a second award of the decision joins the aid where they agree. `parameters` null:
    its awards are held by their amount alone.
    """

    __tablename__ = "aids"
    __table_args__ = (
        UniqueConstraint("territory", "id", name="aids_territory_id_key"),
        Index(
            "aids_decision_reference_key", "territory", "siren", "decision_reference", unique=True,
            postgresql_where=text("awards > 0 AND joins"),
        ),
        ForeignKeyConstraint(
            ["territory", "application_id"], ["applications.territory", "applications.id"],
            name="aids_application_fkey",
        ),
        Index(None, "application_id", postgresql_where=text("application_id IS NOT NULL")),
        Index("aids_not_started_idx", "notified_on", postgresql_where=text("started_on IS NULL AND awards > 0")),
        shape(
            "awards >= 0 AND open_claims >= 0 AND certified_cents BETWEEN 0 AND coalesce(base_cents, 0)",
            name="aid_counts",
        ),
        shape(
            "CASE WHEN closed_on IS NULL THEN closing_payment_id IS NULL"
            " ELSE completed_on IS NOT NULL AND closed_on >= completed_on AND open_claims = 0 END",
            name="aid_closed",
        ),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str] = mapped_column("firm_siren", key="siren")  # that holds it now; its awards refer to the firm
    decision_reference: Mapped[str]
    decided_on: Mapped[date]
    funder_id: Mapped[UUID]
    application_id: Mapped[UUID | None]
    scheme: Mapped[str | None]
    base_cents: Mapped[int | None] = mapped_column(BigInteger)
    parameters: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    awards: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    joins: Mapped[bool] = mapped_column(
        server_default="true"
    )  # false: passed to another firm, or of before aids were kept
    notified_on: Mapped[date | None]
    planned_start_on: Mapped[date | None]
    planned_end_on: Mapped[date | None]
    conditions: Mapped[str | None]
    payment_terms: Mapped[str | None]
    recovery_terms: Mapped[str | None]
    start_extension_months: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    extended_on: Mapped[date | None]
    start_by_on: Mapped[date | None] = mapped_column(server_default=FetchedValue(), server_onupdate=FetchedValue())
    started_on: Mapped[date | None]
    start_proof_sha256: Mapped[str | None]
    start_missing_on: Mapped[date | None]
    statement_by_on: Mapped[date | None] = mapped_column(server_default=FetchedValue(), server_onupdate=FetchedValue())
    completed_on: Mapped[date | None]
    completion_declared_on: Mapped[date | None]
    final_cost_cents: Mapped[int | None] = mapped_column(BigInteger)
    public_aid: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    agreement_reference: Mapped[str | None]
    agreement_sha256: Mapped[str | None]
    signed_by_firm_on: Mapped[date | None]
    signed_by_funder_on: Mapped[date | None]
    agreed_on: Mapped[date | None] = mapped_column(server_default=FetchedValue(), server_onupdate=FetchedValue())
    guarantor: Mapped[str | None]
    guarantee_reference: Mapped[str | None]
    guarantee_cents: Mapped[int | None] = mapped_column(BigInteger)
    guaranteed_until_on: Mapped[date | None]
    guarantee_sha256: Mapped[str | None]
    certified_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    open_claims: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    closed_on: Mapped[date | None]
    closing_payment_id: Mapped[UUID | None]  # the balance that closed it; null: it was closed by an act of its own

    @hybrid_property
    def stands(self) -> Any:
        """Whether an award of the aid stands."""
        return self.awards > 0

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805  # declared_attr hands the class over
        return {"version_id_col": cls.__table__.c.version, "eager_defaults": True}  # what the database derives


class AidLine(Identified, Base):
    """A line of the base of an aid, as decided, and what is certified of it."""

    __tablename__ = "aid_lines"
    __table_args__ = (
        UniqueConstraint("aid_id", "id", name="aid_lines_aid_id_key"),
        UniqueConstraint("aid_id", "position", name="aid_lines_position_key"),
        shape("amount_cents > 0", name="aid_line_amount"),
        shape("certified_cents BETWEEN 0 AND amount_cents", name="over_line"),
    )

    aid_id: Mapped[UUID] = mapped_column(ForeignKey("aids.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    label: Mapped[str]
    kind: Mapped[str | None]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    certified_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")


class AidActRecord(Identified, Base):
    """An act on an aid, or on one of its awards, as it was recorded."""

    __tablename__ = "aid_acts"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "aid_id"], ["aids.territory", "aids.id"], name="aid_acts_aid_fkey"),
        ForeignKeyConstraint(["territory", "grant_id"], ["grants.territory", "grants.id"], name="aid_acts_grant_fkey"),
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="aid_acts_advance_fkey"
        ),
        shape("num_nonnulls(grant_id, advance_id) < 2", name="aid_act_of_one_award"),
        shape(one_of("act", AidAct), name="aid_act"),
        shape(f"document_sha256 {_SHA256}", name="aid_act_document"),
        shape(
            "num_nonnulls(from_siren, to_siren) = CASE act WHEN 'transfer' THEN 2 ELSE 0 END"
            " AND from_siren <> to_siren",
            name="aid_act_transfer",
        ),
        Index("aid_acts_transfers_idx", "aid_id", postgresql_where=text("act = 'transfer'")),
        Index(None, "from_siren", postgresql_where=text("from_siren IS NOT NULL")),
        Index(None, "to_siren", postgresql_where=text("to_siren IS NOT NULL")),
        Index(None, "aid_id"),
        Index(None, "grant_id", postgresql_where=text("grant_id IS NOT NULL")),
        Index(None, "advance_id", postgresql_where=text("advance_id IS NOT NULL")),
    )

    territory: Mapped[str]
    aid_id: Mapped[UUID]
    grant_id: Mapped[UUID | None]
    advance_id: Mapped[UUID | None]
    act: Mapped[str]
    on_day: Mapped[date]
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))  # null: the service itself
    reason: Mapped[str | None]
    document_sha256: Mapped[str | None]
    from_siren: Mapped[str | None] = mapped_column(ForeignKey("firms.siren"))  # of a transfer: who held the aid before
    to_siren: Mapped[str | None] = mapped_column(ForeignKey("firms.siren"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


keep(AidActRecord)
# What holds of the facts about an aid, and the days that follow from them. A trigger and no CHECKs: an award makes its
# aid with every request, and each CHECK would be set up anew for a row that says none of these facts yet.
GUARD_AID = """
CREATE FUNCTION guard_aid() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    begins date;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF num_nonnulls(NEW.notified_on, NEW.planned_start_on, NEW.planned_end_on, NEW.extended_on, NEW.start_by_on,
            NEW.started_on, NEW.start_proof_sha256, NEW.start_missing_on, NEW.statement_by_on, NEW.completed_on,
            NEW.completion_declared_on, NEW.final_cost_cents, NEW.public_aid, NEW.agreement_reference,
            NEW.agreement_sha256, NEW.signed_by_firm_on, NEW.signed_by_funder_on, NEW.agreed_on, NEW.guarantor,
            NEW.guarantee_reference, NEW.guarantee_cents, NEW.guaranteed_until_on, NEW.guarantee_sha256) > 0
            OR NEW.start_extension_months <> 0
        THEN
            RAISE EXCEPTION 'a new aid says what was decided'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'aid_facts';
        END IF;
        RETURN NEW;
    END IF;
    begins := NEW.notified_on + make_interval(months => (NEW.parameters ->> 'start_months')::integer);
    NEW.start_by_on := NEW.notified_on
        + make_interval(months => (NEW.parameters ->> 'start_months')::integer + NEW.start_extension_months);
    NEW.statement_by_on := NEW.planned_end_on
        + make_interval(months => (NEW.parameters ->> 'completion_statement_months')::integer);
    NEW.agreed_on := CASE WHEN num_nulls(NEW.signed_by_firm_on, NEW.signed_by_funder_on) = 0
        THEN greatest(NEW.signed_by_firm_on, NEW.signed_by_funder_on) END;
    broken := CASE
        WHEN NEW.extended_on > begins THEN 'start_extension_late'
        WHEN NEW.start_extension_months > coalesce((NEW.parameters ->> 'start_extension_months')::integer, 0)
            THEN 'start_extension_too_long'
        WHEN NEW.completed_on IS NOT NULL AND NEW.started_on IS NULL THEN 'completed_unstarted'
        WHEN NEW.completed_on < NEW.started_on THEN 'completed_before_start'
        WHEN NEW.planned_end_on < NEW.planned_start_on OR NEW.notified_on < NEW.decided_on
            OR NEW.completion_declared_on < NEW.completed_on OR NEW.start_extension_months < 0
            OR (NEW.start_extension_months = 0) <> (NEW.extended_on IS NULL)
            OR num_nulls(NEW.started_on, NEW.start_proof_sha256) = 1
            OR num_nulls(NEW.completed_on, NEW.completion_declared_on, NEW.final_cost_cents, NEW.public_aid)
                NOT IN (0, 4)
            OR NEW.final_cost_cents < 0 OR jsonb_typeof(NEW.public_aid) <> 'array'
            OR num_nulls(NEW.agreement_reference, NEW.agreement_sha256) = 1
            OR NEW.agreement_reference IS NULL AND num_nonnulls(NEW.signed_by_firm_on, NEW.signed_by_funder_on) > 0
            OR num_nulls(NEW.guarantor, NEW.guarantee_reference, NEW.guarantee_cents, NEW.guaranteed_until_on,
                NEW.guarantee_sha256) NOT IN (0, 5)
            OR NEW.guarantee_cents <= 0 OR NEW.start_proof_sha256 !~ '^[0-9a-f]{64}$'
            OR NEW.agreement_sha256 !~ '^[0-9a-f]{64}$' OR NEW.guarantee_sha256 !~ '^[0-9a-f]{64}$'
            THEN 'aid_facts'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'the aid cannot say this' USING ERRCODE = 'check_violation', CONSTRAINT = broken;
    END IF;
    RETURN NEW;
END
$$
"""
event.listen(Aid.__table__, "after_create", DDL(GUARD_AID.replace("%", "%%")))
event.listen(
    Aid.__table__,
    "after_create",
    DDL("CREATE TRIGGER guard_aid BEFORE INSERT OR UPDATE ON aids FOR EACH ROW EXECUTE FUNCTION guard_aid()"),
)
# An aid passes to another firm by an act, which its standing awards follow. Asked when the transaction ends.
CHECK_HOLDER = """
CREATE FUNCTION check_holder() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    aid uuid := coalesce(to_jsonb(NEW) ->> 'aid_id', to_jsonb(NEW) ->> 'id');
    holder text := (SELECT firm_siren FROM aids WHERE id = aid);
BEGIN
    IF holder IS DISTINCT FROM
        (SELECT to_siren FROM aid_acts WHERE aid_id = aid AND act = 'transfer' ORDER BY id DESC LIMIT 1)
        OR EXISTS (
            SELECT FROM grants
            WHERE aid_id = aid AND status NOT IN ('cancelled', 'reversed') AND firm_siren <> holder
            UNION ALL
            SELECT FROM advances
            WHERE aid_id = aid AND status NOT IN ('cancelled', 'reversed') AND firm_siren <> holder
        )
    THEN
        RAISE EXCEPTION 'the aid is held by another firm'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'held_by_transfer';
    END IF;
    RETURN NULL;
END
$$
"""


def held_by_transfer(table: str, moment: str, moved: str) -> str:
    """The trigger by which who holds an aid, or an award of it, changes by an act alone."""
    return (
        f"CREATE CONSTRAINT TRIGGER check_holder AFTER {moment} ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        f" WHEN ({moved}) EXECUTE FUNCTION check_holder()"
    )


_MOVED = "NEW.firm_siren <> OLD.firm_siren"
event.listen(Base.metadata, "before_create", DDL(CHECK_HOLDER))
event.listen(Aid.__table__, "after_create", DDL(held_by_transfer("aids", "UPDATE OF firm_siren", _MOVED)))
event.listen(
    AidActRecord.__table__, "after_create", DDL(held_by_transfer("aid_acts", "INSERT", "NEW.act = 'transfer'"))
)


def follows_the_holder(table: str) -> str:
    """The trigger by which an award has the firm of its aid."""
    return held_by_transfer(table, "UPDATE OF firm_siren", _MOVED)


# The parameters are not among them: an amendment changes those of the aid, which hold for its awards too. Each award
# keeps those of its decision.
_OF_THE_DECISION = "territory, decision_reference, decided_on, funder_id, application_id, scheme, base_cents"
for _table, _kept in ((Aid, _OF_THE_DECISION), (AidLine, "aid_id, position, label, kind, amount_cents")):
    _stays = "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    for _trigger in (
        append_only(_table.__tablename__, f"UPDATE OF {_kept}"),
        _stays.format(_table.__tablename__),
    ):
        event.listen(_table.__table__, "after_create", DDL(_trigger))


class Award:
    """Columns of a decided aid: what, to whom, by which decision of which person. A mixin of its table."""

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str] = mapped_column("firm_siren", ForeignKey("firms.siren"), key="siren")
    aid_id: Mapped[UUID]  # the database finds or makes it
    project_id: Mapped[UUID | None]
    project_title: Mapped[str]
    committee_id: Mapped[UUID | None]
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # absent: the organisation of who awards
    application_id: Mapped[UUID | None]
    decision_id: Mapped[UUID | None]
    scheme: Mapped[str | None] = mapped_column(Text, ForeignKey("schemes.code"))
    base_cents: Mapped[int | None] = mapped_column(BigInteger)
    lines: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    parameters: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    released_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    final_cents: Mapped[int | None] = mapped_column(BigInteger)
    decided_on: Mapped[date]
    decision_reference: Mapped[str]
    external_id: Mapped[str | None]
    override_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="awarded")
    ended_as: Mapped[str | None]
    ended_on: Mapped[date | None]
    reason: Mapped[str | None]
    awarded_by: Mapped[UUID]
    awarder_kind: Mapped[str] = mapped_column(server_default="person")

    @hybrid_property
    def holds_cents(self) -> Any:
        """What the award comes to now: awarded, raised by amendments, less all that was given back."""
        return self.amount_cents - self.released_cents


# What an award rests on, from the day of its decision on.
FROZEN = ("aid_id", "funder_id", "application_id", "decision_id", "scheme", "base_cents", "lines", "parameters")


def rests_on(table: str, noun: str) -> tuple[ForeignKeyConstraint | Index | CheckConstraint, ...]:
    """What an award rests on: the file and the decision of a committee that it was made by, the base that bounds it."""
    return (
        ForeignKeyConstraint(
            ["territory", "application_id"], ["applications.territory", "applications.id"],
            name=f"{table}_application_fkey", info={"field": "application_id"},
        ),
        ForeignKeyConstraint(
            ["territory", "decision_id"], ["committee_decisions.territory", "committee_decisions.id"],
            name=f"{table}_decision_fkey",
        ),
        CheckConstraint("amount_cents - released_cents <= base_cents", name="award_above_base"),
        shape("num_nulls(scheme, base_cents, lines, parameters) IN (0, 4)", name=f"{noun}_frozen"),
        shape(
            "jsonb_typeof(lines) = 'array' AND jsonb_typeof(parameters) = 'object'", name=f"{noun}_frozen_kinds"
        ),
        shape("decision_id IS NULL OR application_id IS NOT NULL", name=f"{noun}_decision_of_a_file"),
        Index(f"{table}_application_key", "application_id", unique=True, postgresql_where=text(STANDS)),
        Index(None, "decision_id", postgresql_where=text("decision_id IS NOT NULL")),
        Index(None, "funder_id"),
        ForeignKeyConstraint(["territory", "aid_id"], ["aids.territory", "aids.id"], name=f"{table}_aid_fkey"),
        Index(None, "aid_id"),
        shape(one_of("ended_as", Ending), name=f"{noun}_ended_as"),
        shape("final_cents BETWEEN 0 AND amount_cents", name=f"{noun}_final"),
        shape(
            "num_nulls(ended_as, ended_on) <> 1 AND CASE ended_as WHEN 'reversed' THEN status = 'reversed'"
            " WHEN 'lapsed' THEN status = 'cancelled' WHEN 'cancelled' THEN status = 'cancelled'"
            " ELSE ended_as IS NULL OR status <> 'reversed' END",
            name=f"{noun}_ended",
        ),
    )  # fmt: skip


def links(table: str) -> tuple[ForeignKeyConstraint | Index, ...]:
    """What an award names: a project of its territory that its firm holds, and a meeting of its territory.

    That the firm holds the project is checked at COMMIT: who holds a project is replaced as a whole.
    """
    return (
        ForeignKeyConstraint(
            ["territory", "project_id"], ["projects.territory", "projects.id"], name=f"{table}_project_fkey",
            info={"field": "project_id"},
        ),
        ForeignKeyConstraint(
            ["project_id", "siren"], ["project_holders.project_id", "project_holders.firm_siren"],
            name=f"{table}_project_firm_fkey", info={"field": "project_id"}, deferrable=True, initially="DEFERRED",
        ),
        ForeignKeyConstraint(
            ["territory", "committee_id"], ["committees.territory", "committees.id"], name=f"{table}_committee_fkey",
            info={"field": "committee_id"},
        ),
        Index(None, "project_id", postgresql_where=text("project_id IS NOT NULL")),
        Index(None, "committee_id", postgresql_where=text("committee_id IS NOT NULL")),
    )  # fmt: skip


# What a new award names, where rows of other tables decide it. The territory is held, so that the day from which it is
# served does not change meanwhile; a meeting that was held stays so, and keeps its day (`keep_day_of_awards`). Who
# funds it is, unless it says so, the organisation of who awards it. A query stands inside the IF that asks whether the
# award names anything: in one condition with it, it would run for every award.
# The award joins the aid of its decision, or makes it. An aid that stands is not waited for where an act holds it: that
# act may wait for the project, which the award holds already.
CHECK_AWARD = """
CREATE FUNCTION check_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    served_since date;
BEGIN
    IF NEW.project_id IS NULL THEN
        SELECT served_since_on INTO served_since FROM territories WHERE slug = NEW.territory FOR SHARE;
        IF NEW.decided_on >= served_since THEN
            RAISE EXCEPTION 'for which project?' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_missing';
        END IF;
    END IF;
    IF NEW.committee_id IS NOT NULL THEN
        PERFORM FROM committees WHERE id = NEW.committee_id FOR KEY SHARE;
        IF EXISTS (
            SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
                AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
        ) THEN
            RAISE EXCEPTION 'not held by then'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
        END IF;
    END IF;
    IF NEW.funder_id IS NULL THEN
        NEW.funder_id := (SELECT organisation_id FROM subjects WHERE id = NEW.awarded_by);
    END IF;
    IF NEW.lines IS NOT NULL THEN
        IF NEW.base_cents IS DISTINCT FROM
            (SELECT sum((line ->> 'amount_cents')::numeric) FROM jsonb_array_elements(NEW.lines) AS line)
        THEN
            RAISE EXCEPTION 'the lines do not come to the base'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'award_lines_are_base';
        END IF;
    END IF;
    IF NEW.application_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM applications WHERE id = NEW.application_id AND firm_siren = NEW.firm_siren
                AND project_id = NEW.project_id
        ) THEN
            RAISE EXCEPTION 'a file of another project' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'application_of_another_project';
        END IF;
        IF EXISTS (
            SELECT FROM application_reviews
            WHERE application_id = NEW.application_id AND NEW.awarded_by = ANY (authors)
        ) THEN
            RAISE EXCEPTION 'who reviewed the file does not decide it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'reviewer_decides';
        END IF;
    END IF;
    IF NEW.decision_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM committee_decisions d WHERE d.id = NEW.decision_id AND d.application_id = NEW.application_id
                AND d.committee_id = NEW.committee_id AND d.reference = NEW.decision_reference
                AND d.decided_on = NEW.decided_on AND d.outcome = 'grant' AND d.reversed_at IS NULL
                AND NEW.amount_cents =
                    CASE TG_TABLE_NAME WHEN 'grants' THEN d.grant_cents ELSE d.advance_cents END
        ) THEN
            RAISE EXCEPTION 'the decision says otherwise'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'award_is_what_was_decided';
        END IF;
    END IF;
    INSERT INTO aids (territory, firm_siren, decision_reference, decided_on, funder_id, application_id, scheme,
        base_cents, parameters, created_at, updated_at)
    VALUES (NEW.territory, NEW.firm_siren, NEW.decision_reference, NEW.decided_on, NEW.funder_id, NEW.application_id,
        NEW.scheme, NEW.base_cents, NEW.parameters, now(), now())
    ON CONFLICT (territory, firm_siren, decision_reference) WHERE awards > 0 AND joins DO NOTHING
    RETURNING id INTO NEW.aid_id;
    IF NEW.aid_id IS NULL THEN
        NEW.aid_id := join_aid(to_jsonb(NEW), TG_TABLE_NAME);
    ELSIF NEW.scheme IS NOT NULL THEN
        PERFORM fill_aid(to_jsonb(NEW));
    END IF;
    RETURN NEW;
END
$$
"""
# A second award of a decision: an award of the other instrument that stands says the same of the decision. Of the same
# award at once the first one stands, and the others are told so: they do not ask for the aid.
JOIN_AID = """
CREATE FUNCTION join_aid(award jsonb, instrument text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    aid uuid;
    said text[] := '{decided_on, funder_id, application_id, decision_id, scheme, base_cents, lines, parameters}';
BEGIN
    IF award ->> 'status' NOT IN ('cancelled', 'reversed') AND EXISTS (
        SELECT FROM grants g
        WHERE instrument = 'grants' AND g.territory = award ->> 'territory'
            AND g.decision_reference = award ->> 'decision_reference' AND g.status NOT IN ('cancelled', 'reversed')
        UNION ALL
        SELECT FROM advances a
        WHERE instrument = 'advances' AND a.territory = award ->> 'territory'
            AND a.decision_reference = award ->> 'decision_reference' AND a.status NOT IN ('cancelled', 'reversed')
    ) THEN
        RAISE EXCEPTION 'the same award twice' USING ERRCODE = 'unique_violation', TABLE = instrument,
            CONSTRAINT = instrument || '_decision_reference_key';
    END IF;
    SELECT id INTO STRICT aid FROM aids
    WHERE territory = award ->> 'territory' AND firm_siren = award ->> 'firm_siren'
        AND decision_reference = award ->> 'decision_reference' AND awards > 0 AND joins
    FOR NO KEY UPDATE NOWAIT;
    IF EXISTS (
        SELECT FROM (
            SELECT to_jsonb(g) AS other FROM grants g
            WHERE instrument <> 'grants' AND g.aid_id = aid AND g.status NOT IN ('cancelled', 'reversed')
            UNION ALL
            SELECT to_jsonb(a) FROM advances a
            WHERE instrument <> 'advances' AND a.aid_id = aid AND a.status NOT IN ('cancelled', 'reversed')
        ) AS standing, unnest(said) AS name
        WHERE other -> name IS DISTINCT FROM award -> name
    ) THEN
        RAISE EXCEPTION 'another award of the decision says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_differs_from_aid';
    END IF;
    UPDATE aids SET awards = awards + 1 WHERE id = aid;
    RETURN aid;
END
$$
"""
# What a new aid takes of its award, its file and its decision.
FILL_AID = """
CREATE FUNCTION fill_aid(award jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    aid uuid := award ->> 'aid_id';
BEGIN
    INSERT INTO aid_lines (aid_id, position, label, kind, amount_cents)
    SELECT aid, line.position, line.said ->> 'label', line.said ->> 'kind', (line.said ->> 'amount_cents')::bigint
    FROM jsonb_array_elements(award -> 'lines') WITH ORDINALITY AS line (said, position);
    UPDATE aids SET planned_start_on = f.planned_start_on, planned_end_on = f.planned_end_on,
        conditions = (SELECT conditions FROM committee_decisions WHERE id = (award ->> 'decision_id')::uuid)
    FROM applications f WHERE aids.id = aid AND f.id = aids.application_id;
END
$$
"""
# An aid stands as long as one of its awards does. Who ends an award holds the aid already.
COUNT_AWARDS = """
CREATE FUNCTION count_awards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE aids SET awards = awards - (NEW.status IN ('cancelled', 'reversed'))::integer
        + (OLD.status IN ('cancelled', 'reversed'))::integer
    WHERE id = NEW.aid_id;
    RETURN NULL;
END
$$
"""
# An award of a decision is reversed in the transaction that reverses the decision.
CHECK_AWARD_OF_A_DECISION = """
CREATE FUNCTION check_award_of_a_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM committee_decisions d WHERE d.id = NEW.decision_id AND d.reversed_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the decision stands'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_of_a_decision',
            DETAIL = json_build_object('decision_reference', NEW.decision_reference,
                'committee_id', NEW.committee_id, 'decision_id', NEW.decision_id);
    END IF;
    RETURN NULL;
END
$$
"""
# A new award has had no act yet. After the row, so that what it says of others is judged first.
REFUSE_BEGUN_AWARD = """
CREATE FUNCTION refuse_begun_award() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a new award is awarded, and nothing else'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'award_begins';
END
$$
"""
# What an award gave back is what the ledger says that it did, when a transaction that changes it ends.
CHECK_RELEASED = """
CREATE FUNCTION check_released() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    committed text := TG_TABLE_NAME || '_committed';
    released bigint;
BEGIN
    -- The row as it is now: it can have changed again since.
    IF TG_TABLE_NAME = 'grants' THEN
        released := (SELECT released_cents FROM grants WHERE id = NEW.id);
    ELSE
        released := (SELECT released_cents FROM advances WHERE id = NEW.id);
    END IF;
    IF released <> (
        SELECT coalesce(sum(CASE e.debit WHEN 'released' THEN e.amount_cents ELSE -e.amount_cents END), 0)
        FROM ledger_entries e
        WHERE e.award_id = NEW.id AND (e.debit, e.credit) IN (('released', committed), (committed, 'released'))
    ) THEN
        RAISE EXCEPTION 'the ledger says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'released_by_the_ledger';
    END IF;
    RETURN NULL;
END
$$
"""
CHECK_SERVED_SINCE = """
CREATE FUNCTION check_served_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM grants WHERE territory = NEW.slug AND project_id IS NULL
            AND status NOT IN ('cancelled', 'reversed')
            AND decided_on >= NEW.served_since_on AND decided_on < OLD.served_since_on
        UNION ALL
        SELECT FROM advances WHERE territory = NEW.slug AND project_id IS NULL
            AND status NOT IN ('cancelled', 'reversed')
            AND decided_on >= NEW.served_since_on AND decided_on < OLD.served_since_on
    ) THEN
        RAISE EXCEPTION 'they name no project'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'awards_without_project';
    END IF;
    RETURN NEW;
END
$$
"""
SERVED_SINCE_GUARD = (
    "CREATE TRIGGER check_served_since BEFORE UPDATE OF served_since_on ON territories FOR EACH ROW"
    " WHEN (NEW.served_since_on < OLD.served_since_on) EXECUTE FUNCTION check_served_since()"
)


def check_award(table: str) -> str:
    """The trigger that looks at what a new award names."""
    return f"CREATE TRIGGER check_award BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION check_award()"


def check_award_of_a_decision(table: str) -> str:
    """The trigger that holds an award of a decision to it."""
    return (
        f"CREATE CONSTRAINT TRIGGER check_award_of_a_decision AFTER UPDATE OF status ON {table}"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " WHEN (NEW.decision_id IS NOT NULL AND NEW.status = 'reversed')"
        " EXECUTE FUNCTION check_award_of_a_decision()"
    )


def counts_awards(table: str) -> str:
    """The trigger that counts the awards of an aid that stand."""
    return (
        f"CREATE TRIGGER count_awards AFTER UPDATE OF status ON {table} FOR EACH ROW"
        " WHEN ((OLD.status IN ('cancelled', 'reversed')) <> (NEW.status IN ('cancelled', 'reversed')))"
        " EXECUTE FUNCTION count_awards()"
    )


def begins(table: str, *moved: str) -> str:
    """The trigger that lets an award begin as awarded alone: `moved` are what its acts count, in cents."""
    nothing = " OR ".join(f"NEW.{column} <> 0" for column in ("released_cents", *moved))
    return (
        f"CREATE TRIGGER begins AFTER INSERT ON {table} FOR EACH ROW WHEN (NEW.status <> 'awarded' OR {nothing}"
        " OR num_nonnulls(NEW.ended_as, NEW.ended_on, NEW.final_cents) > 0)"
        " EXECUTE FUNCTION refuse_begun_award()"
    )


def gives_back_by_the_ledger(table: str) -> str:
    """The trigger that holds what an award gave back to the ledger, when the transaction ends."""
    return (
        f"CREATE CONSTRAINT TRIGGER check_released AFTER UPDATE OF released_cents ON {table}"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.released_cents <> OLD.released_cents)"
        " EXECUTE FUNCTION check_released()"
    )


# An award is decided by a meeting of its day or before: so the meeting is not moved to a later one. Whoever names it
# holds it as a foreign key does, and is waited for.
KEEP_DAY_OF_AWARDS = """
CREATE FUNCTION keep_day_of_awards() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    in_awards bigint;
BEGIN
    PERFORM FROM committees WHERE id = NEW.id FOR UPDATE;
    SELECT count(*) INTO in_awards FROM (
        SELECT decided_on FROM grants WHERE committee_id = NEW.id AND status <> 'reversed'
        UNION ALL
        SELECT decided_on FROM advances WHERE committee_id = NEW.id AND status <> 'reversed'
    ) award WHERE decided_on < (timezone('Europe/Paris', NEW.held_at))::date;
    IF in_awards > 0 THEN
        RAISE EXCEPTION 'awards were decided before' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'meeting_day_in_use', DETAIL = json_build_object('awards', in_awards, 'roadmaps', 0);
    END IF;
    RETURN NULL;
END
$$
"""
DAY_OF_AWARDS = (
    "CREATE TRIGGER keep_day_of_awards AFTER UPDATE OF held_at ON committees FOR EACH ROW"
    " WHEN (OLD.held_at < NEW.held_at) EXECUTE FUNCTION keep_day_of_awards()"
)


def keeps_what_it_rests_on(table: str) -> str:
    """The trigger that keeps what an award rests on as it was decided."""
    return append_only(table, f"UPDATE OF {', '.join(FROZEN)}")


for _function in (CHECK_AWARD, JOIN_AID, FILL_AID, COUNT_AWARDS, REFUSE_BEGUN_AWARD, CHECK_RELEASED):
    event.listen(Base.metadata, "before_create", DDL(_function))
event.listen(Base.metadata, "before_create", DDL(CHECK_AWARD_OF_A_DECISION))
for _statement in (KEEP_DAY_OF_AWARDS, DAY_OF_AWARDS):
    event.listen(Committee.__table__, "after_create", DDL(_statement))
for _statement in (CHECK_SERVED_SINCE, SERVED_SINCE_GUARD):
    event.listen(Territory.__table__, "after_create", DDL(_statement))
