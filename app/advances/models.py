"""Tables of advances. What is disbursed, released, repaid, waived and written off stands on the advance's own row,
which refuses the cent too many. Versions of a schedule and their lines are written once.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from app.advances.position import EarlyChoice, VersionCause
from app.advances.receipts.models import PARTS
from app.advances.rules import AMENDABLE, Settled
from app.advances.schedule import RATE_MAX_BP
from app.awards.door import stands_at_the_door
from app.awards.models import (
    STANDS,
    Award,
    begins,
    check_award,
    check_award_of_a_decision,
    counts_awards,
    follows_the_holder,
    gives_back_by_the_ledger,
    keeps_what_it_rests_on,
    links,
    override_of,
    rests_on,
)
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only, keep
from app.envelopes.models import AMOUNT
from app.projects.models import check_plan_awards


class AdvanceStatus(StrEnum):
    """The life of an advance: decided, being paid out, being repaid, repaid, closed by a waiver or a write-off,
    cancelled unpaid, or reversed as a mistake.
    """

    AWARDED = "awarded"
    PAYING = "paying"
    REPAYING = "repaying"
    REPAID = "repaid"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


class RepaymentStatus(StrEnum):
    """A repayment stands, was sent back by the bank, or was reversed as a mistake."""

    RECORDED = "recorded"
    BOUNCED = "bounced"
    REVERSED = "reversed"


class OfCapital:
    """The capital of an advance, by what became of it: what is outstanding follows."""

    disbursed_cents: Mapped[int]
    capitalised_cents: Mapped[int]
    repaid_cents: Mapped[int]
    waived_cents: Mapped[int]
    written_off_cents: Mapped[int]

    @hybrid_property
    def outstanding_cents(self) -> int:
        """Capital that the firm owes, due or not: of a row, and in SQL."""
        lent = self.disbursed_cents + self.capitalised_cents
        return lent - self.repaid_cents - self.waived_cents - self.written_off_cents


class Advance(OfCapital, Award, Identified, Versioned, Base):
    """A decided repayable advance, with the terms of its repayment."""

    __tablename__ = "advances"
    __table_args__ = (
        UniqueConstraint("id", "territory", "awarded_by"),
        UniqueConstraint("territory", "id", name="advances_territory_id_key"),
        Index("advances_external_id_key", "territory", "external_id", unique=True, postgresql_where=text(STANDS)),
        Index(
            "advances_decision_reference_key",
            "territory",
            "decision_reference",
            unique=True,
            postgresql_where=text(STANDS),
        ),
        Index(None, "territory", "decision_reference"),
        ForeignKeyConstraint(
            ["awarded_by", "awarder_kind"], ["subjects.id", "subjects.kind"], name="advance_awarded_by_a_person"
        ),
        override_of("advances"),
        shape("awarder_kind = 'person'", name="advance_awarder_kind"),
        shape(AMOUNT, name="advance_amount"),
        shape(
            "least(disbursed_cents, in_flight_cents, released_cents, repaid_cents, waived_cents, written_off_cents,"
            " capitalised_cents) >= 0",
            name="advance_amounts",
        ),
        CheckConstraint(
            "disbursed_cents + in_flight_cents + released_cents <= amount_cents", name="tranches_exceed_award"
        ),
        CheckConstraint(
            "repaid_cents + waived_cents + written_off_cents <= disbursed_cents + capitalised_cents",
            name="repayment_exceeds_outstanding",
        ),
        shape(one_of("settled_as", Settled), name="advance_settled_as"),
        shape("written_off_cents = 0 OR written_off_on IS NOT NULL", name="advance_written_off"),
        shape(
            f"amended_terms - ARRAY[{', '.join(f'{name!r}' for name in AMENDABLE)}] = '{{}}'",
            name="advance_amended_terms",
        ),
        shape(one_of("status", AdvanceStatus), name="advance_status"),
        shape("status NOT IN ('cancelled', 'reversed') OR disbursed_cents = 0", name="advance_cancelled_but_paid"),
        shape("status <> 'reversed' OR released_cents = 0", name="advance_reversed_but_released"),
        shape("planned_disbursement_on >= decided_on", name="advance_planned_disbursement"),
        Index(None, "siren"),
        *links("advances"),
        *rests_on("advances", "advance"),
    )

    disbursed_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    repaid_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    waived_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    written_off_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # less what was recovered since
    capitalised_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    in_flight_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # tranches proposed, approved or sent
    settled_as: Mapped[str | None]  # what took the last cent, where nothing is outstanding
    accelerated_on: Mapped[date | None]
    in_proceedings_on: Mapped[date | None]
    written_off_on: Mapped[date | None]
    # What the last settlement counted: the days until this one, so many changes of proceedings, and so many rates.
    counted_until_on: Mapped[date | None]
    counted_judgments: Mapped[int | None] = mapped_column(BigInteger)
    counted_rates: Mapped[int | None] = mapped_column(BigInteger)
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    amended_terms: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")  # these hold in their place
    planned_disbursement_on: Mapped[date | None]

    @hybrid_property
    def terms_in_force(self) -> dict[str, Any]:
        """The terms as amendments have left them: of a row, and in SQL."""
        return {**self.terms, **self.amended_terms}

    @terms_in_force.inplace.expression
    @classmethod
    def _terms_in_force(cls) -> ColumnElement[Any]:
        return cls.terms.op("||", return_type=JSONB())(cls.amended_terms)


class Repayment(Identified, Versioned, Base):
    """What a receipt repays of an advance, unless the bank sent it back (*rejet de prélèvement*): its assignment.

    Its parts are those of the advance's account (`app/advances/account.py`); their past is kept.
    """

    __tablename__ = "advance_repayments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["advance_id", "territory", "awarded_by"],
            ["advances.id", "advances.territory", "advances.awarded_by"],
            name="advance_repayments_advance_fkey",
        ),
        ForeignKeyConstraint(
            ["territory", "receipt_id"], ["receipts.territory", "receipts.id"], name="advance_repayments_receipt_fkey"
        ),
        Index(
            "advance_repayments_receipt_key", "receipt_id", "advance_id", unique=True,
            postgresql_where=text("status = 'recorded'"),
        ),
        UniqueConstraint("receipt_id", "id", name="advance_repayments_receipt_id_key"),
        Index(None, "advance_id"),
        # Of what stands: one that was recorded before this rule can still be sent back or reversed, by somebody else.
        CheckConstraint(
            "status <> 'recorded' OR recorded_by <> awarded_by OR before_the_rule", name="decider_receives"
        ),
        shape(AMOUNT, name="repayment_amount"),
        shape("(status <> 'recorded') = (reason IS NOT NULL)", name="repayment_reason"),
        shape(one_of("status", RepaymentStatus), name="repayment_status"),
        shape(
            "(bounced_on IS NULL) = (bank_reference IS NULL)"
            " AND CASE status WHEN 'recorded' THEN bounced_on IS NULL WHEN 'bounced' THEN bounced_on IS NOT NULL"
            " ELSE true END",
            name="repayment_bounced",
        ),
        CheckConstraint("bounced_on >= received_on", name="bounced_before_receipt"),
        shape(f"amount_cents = {' + '.join(PARTS)}", name="repayment_parts"),
        shape(f"least({', '.join(PARTS)}, refunded_cents) >= 0", name="repayment_no_part_below_zero"),
        shape("status <> 'recorded' OR refunded_cents <= overpaid_cents", name="repayment_refunds"),
        CheckConstraint("status <> 'reversed' OR refunded_cents = 0", name="repayment_refunded"),
        shape(one_of("choice", EarlyChoice), name="repayment_choice"),
    )  # fmt: skip

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    awarded_by: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    received_on: Mapped[date]
    reference: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    bounced_on: Mapped[date | None]
    bank_reference: Mapped[str | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    receipt_id: Mapped[UUID]
    value_on: Mapped[date]
    principal_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    interest_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    late_interest_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    fees_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    success_fee_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    overpaid_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    refunded_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    after_write_off: Mapped[bool] = mapped_column(server_default="false")  # it was recorded after the write-off
    before_the_rule: Mapped[bool] = mapped_column(
        server_default="false"
    )  # its decider recorded it, when that was taken
    choice: Mapped[str | None]  # what an early repayment that was announced does


class Allocation(Identified, Base):
    """What the parts of a repayment were from an instant on: the newest one holds. A trigger writes each change."""

    __tablename__ = "advance_allocations"
    __table_args__ = (Index(None, "repayment_id", "recorded_at"),)

    repayment_id: Mapped[UUID] = mapped_column(ForeignKey("advance_repayments.id"))
    recorded_at: Mapped[datetime]
    principal_cents: Mapped[int] = mapped_column(BigInteger)
    interest_cents: Mapped[int] = mapped_column(BigInteger)
    late_interest_cents: Mapped[int] = mapped_column(BigInteger)
    fees_cents: Mapped[int] = mapped_column(BigInteger)
    success_fee_cents: Mapped[int] = mapped_column(BigInteger)
    overpaid_cents: Mapped[int] = mapped_column(BigInteger)


class ScheduleVersion(Identified, Base):
    """A schedule as it was made by an act, from a day on. The last one made whose day has come is in force.

    `outstanding_cents` is what was outstanding as known when it was made: its open lines come to it. What it waived or
    capitalised of that, and what it carries of lines that it replaces, is `position.Carried`.
    """

    __tablename__ = "advance_versions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="advance_versions_advance_fkey"
        ),
        UniqueConstraint("advance_id", "number", name="advance_versions_number_key"),
        shape(one_of("cause", VersionCause), name="advance_version_cause"),
        shape(
            "number >= 1 AND least(outstanding_cents, lines, waived_cents, capitalised_cents, carried_interest_cents,"
            " carried_fees_cents, carried_late_interest_cents) >= 0",
            name="advance_version_amounts",
        ),
        shape(f"annual_rate_bp BETWEEN 0 AND {RATE_MAX_BP}", name="advance_version_rate"),
    )

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    number: Mapped[int]
    from_on: Mapped[date]
    cause: Mapped[str]
    outstanding_cents: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int] = mapped_column(SmallInteger)
    waived_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    capitalised_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    carried_interest_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    carried_fees_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    carried_late_interest_cents: Mapped[int | None] = mapped_column(BigInteger)
    interest_free_until_on: Mapped[date | None]  # lines until then that ask nothing are a grace without interest
    annual_rate_bp: Mapped[int | None]  # from its day on, where it changed the rate
    act_id: Mapped[UUID | None]
    recorded_at: Mapped[datetime]
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))


class ScheduleLine(Base):
    """A line of a version. A kept one was paid when the version was made, or is the paid part of one that was cut."""

    __tablename__ = "advance_lines"
    __table_args__ = (
        shape(
            "position >= 1 AND least(principal_cents, interest_cents, capitalised_cents, fees_cents,"
            " late_interest_cents) >= 0",
            name="advance_line_amounts",
        ),
        shape("due_on BETWEEN '1900-01-01' AND '2199-12-31'", name="advance_line_due_on"),
    )

    version_id: Mapped[UUID] = mapped_column(ForeignKey("advance_versions.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    due_on: Mapped[date]
    principal_cents: Mapped[int] = mapped_column(BigInteger)
    interest_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    capitalised_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    fees_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    late_interest_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # from before the version
    kept: Mapped[bool] = mapped_column(server_default="false")


# A repayment written without a receipt has one of its own: that of the day on which it was received.
COMPLETE_REPAYMENT = """
CREATE FUNCTION complete_repayment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.before_the_rule := false;
    IF NEW.receipt_id IS NULL THEN
        NEW.value_on := NEW.received_on;
        NEW.principal_cents := NEW.amount_cents;
        INSERT INTO receipts (territory, reference, received_on, value_on, amount_cents, unassigned_cents, recorded_by,
            created_at, updated_at)
        VALUES (NEW.territory, NEW.reference, NEW.received_on, NEW.received_on, NEW.amount_cents, NEW.amount_cents,
            NEW.recorded_by, NEW.created_at, NEW.updated_at)
        RETURNING id INTO NEW.receipt_id;
    END IF;
    RETURN NEW;
END
$$
"""
COMPLETE = (
    "CREATE TRIGGER complete BEFORE INSERT ON advance_repayments FOR EACH ROW EXECUTE FUNCTION complete_repayment()"
)

# The receipt counts the parts of what is assigned of it and stands, and each change of the parts is kept.
COUNT_REPAYMENT = """
CREATE FUNCTION count_repayment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before integer := CASE WHEN TG_OP = 'UPDATE' AND OLD.status = 'recorded' THEN 1 ELSE 0 END;
    now_on integer := CASE WHEN NEW.status = 'recorded' THEN 1 ELSE 0 END;
    was advance_repayments := CASE TG_OP WHEN 'UPDATE' THEN OLD ELSE NEW END;
BEGIN
    UPDATE receipts SET
        principal_cents = principal_cents + now_on * NEW.principal_cents - before * was.principal_cents,
        interest_cents = interest_cents + now_on * NEW.interest_cents - before * was.interest_cents,
        late_interest_cents = late_interest_cents + now_on * NEW.late_interest_cents
            - before * was.late_interest_cents,
        fees_cents = fees_cents + now_on * NEW.fees_cents - before * was.fees_cents,
        success_fee_cents = success_fee_cents + now_on * NEW.success_fee_cents - before * was.success_fee_cents,
        overpaid_cents = overpaid_cents + now_on * NEW.overpaid_cents - before * was.overpaid_cents,
        unassigned_cents = unassigned_cents - now_on * NEW.amount_cents + before * was.amount_cents,
        refunded_cents = refunded_cents + NEW.refunded_cents
            - CASE TG_OP WHEN 'UPDATE' THEN was.refunded_cents ELSE 0 END
    WHERE id = NEW.receipt_id;
    IF TG_OP = 'INSERT'
        OR (OLD.principal_cents, OLD.interest_cents, OLD.late_interest_cents, OLD.fees_cents, OLD.success_fee_cents,
            OLD.overpaid_cents)
            IS DISTINCT FROM
            (NEW.principal_cents, NEW.interest_cents, NEW.late_interest_cents, NEW.fees_cents, NEW.success_fee_cents,
            NEW.overpaid_cents)
    THEN
        INSERT INTO advance_allocations (repayment_id, recorded_at, principal_cents, interest_cents,
            late_interest_cents, fees_cents, success_fee_cents, overpaid_cents)
        VALUES (NEW.id, now(), NEW.principal_cents, NEW.interest_cents, NEW.late_interest_cents, NEW.fees_cents,
            NEW.success_fee_cents, NEW.overpaid_cents);
    END IF;
    RETURN NULL;
END
$$
"""
COUNT = (
    "CREATE TRIGGER count AFTER INSERT OR UPDATE OF status, refunded_cents, principal_cents, interest_cents,"
    " late_interest_cents, fees_cents, success_fee_cents, overpaid_cents ON advance_repayments"
    " FOR EACH ROW EXECUTE FUNCTION count_repayment()"
)

# A version has all its lines when its transaction ends, and the open ones come to what was outstanding then.
CHECK_VERSION_LINES = """
CREATE FUNCTION check_version_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM advance_lines WHERE version_id = NEW.id
        HAVING count(*) = NEW.lines
            AND coalesce(sum(principal_cents - capitalised_cents) FILTER (WHERE NOT kept), 0) = NEW.outstanding_cents
    ) THEN
        RAISE EXCEPTION 'the open lines do not come to what is outstanding'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'version_lines_are_outstanding';
    END IF;
    RETURN NULL;
END
$$
"""
VERSION_LINES = (
    "CREATE CONSTRAINT TRIGGER check_version_lines AFTER INSERT ON advance_versions DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION check_version_lines()"
)
# A version has as many lines as it says, and no line after them: none is added later.
CHECK_LINE = """
CREATE FUNCTION check_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position > (SELECT lines FROM advance_versions WHERE id = NEW.version_id) THEN
        RAISE EXCEPTION 'the version has all its lines'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'advance_lines_append_only';
    END IF;
    RETURN NEW;
END
$$
"""
LINE = "CREATE TRIGGER check_line BEFORE INSERT ON advance_lines FOR EACH ROW EXECUTE FUNCTION check_line()"

# What a repayment is stays; only its parts, its state and its refunds change.
REPAYMENT_STAYS = append_only(
    "advance_repayments",
    "UPDATE OF territory, advance_id, receipt_id, amount_cents, received_on, value_on, reference, after_write_off,"
    " before_the_rule OR DELETE OR TRUNCATE",
)

for _statement in (
    check_award, check_award_of_a_decision, counts_awards, keeps_what_it_rests_on, gives_back_by_the_ledger,
    follows_the_holder,
):  # fmt: skip
    event.listen(Advance.__table__, "after_create", DDL(_statement("advances")))
event.listen(Advance.__table__, "after_create", DDL(check_plan_awards("advances")))
event.listen(Advance.__table__, "after_create", DDL(begins("advances", "disbursed_cents", "repaid_cents")))
stands_at_the_door(Advance, "territory, firm_siren, decided_on, override_id")
for _made in (COMPLETE_REPAYMENT, COUNT_REPAYMENT, COMPLETE, COUNT, REPAYMENT_STAYS):
    event.listen(Repayment.__table__, "after_create", DDL(_made))
for _made in (CHECK_VERSION_LINES, VERSION_LINES):
    event.listen(ScheduleVersion.__table__, "after_create", DDL(_made))
for _made in (CHECK_LINE, LINE):
    event.listen(ScheduleLine.__table__, "after_create", DDL(_made))
for _table in (Allocation, ScheduleVersion, ScheduleLine):
    keep(_table)
