"""The columns, the constraints and the guard that payments of every instrument share: of grants, and of advances.

Who proposed, approved and recorded each stands on its row, with the bank details to which it goes and who made them
what they are, so that nobody approves a payment to an account of their own making.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    event,
    text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from app.awards.models import override_of_payment
from app.awards.payments.rules import PaymentStatus
from app.core.db import Base, one_of, shape
from app.envelopes.models import AMOUNT


class AwardPayment:
    """Columns of a payment of an award. Who decided the aid does not pay it (*ordonnateur* and *comptable*).

    A mixin of its table, which names the award in a column of its own (`award_id`).
    """

    territory: Mapped[str]
    awarded_by: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    planned_on: Mapped[date | None]
    paid_on: Mapped[date | None]
    override_id: Mapped[UUID | None]
    bank_details_id: Mapped[UUID | None]
    details_proposed_by: Mapped[UUID | None]
    details_decided_by: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    approved_by: Mapped[UUID | None]
    approver_kind: Mapped[str] = mapped_column(server_default="person")
    sent_on: Mapped[date | None]
    rejected_on: Mapped[date | None]
    rejection_reason: Mapped[str | None]
    exceeds: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    seen_at: Mapped[datetime | None]

    @declared_attr
    def proposed_by(cls) -> Mapped[UUID | None]:  # noqa: N805  # declared_attr hands the class over
        """Who proposed it; null where it was recorded as it was made."""
        return mapped_column(ForeignKey("subjects.id"))

    @declared_attr
    def recorded_by(cls) -> Mapped[UUID | None]:  # noqa: N805  # declared_attr hands the class over
        """Who recorded it; null while nobody has."""
        return mapped_column(ForeignKey("subjects.id"))

    @declared_attr
    def seen_by(cls) -> Mapped[UUID | None]:  # noqa: N805  # declared_attr hands the class over
        """Who has seen what it exceeds; null while nobody has."""
        return mapped_column(ForeignKey("subjects.id"))

    @property
    def transfer_cents(self) -> int:
        """What the bank pays."""
        return self.amount_cents


def pays(table: str, noun: str, award: str) -> tuple[Any, ...]:
    """The constraints and indexes of a table of payments of `award` (`grant`, `advance`); `noun` begins their names."""
    return (
        ForeignKeyConstraint(
            [f"{award}_id", "territory", "awarded_by"],
            [f"{award}s.id", f"{award}s.territory", f"{award}s.awarded_by"],
            name=f"{table}_{award}_fkey",
        ),
        ForeignKeyConstraint(
            ["bank_details_id", "territory", "details_proposed_by", "details_decided_by"],
            ["firm_bank_details.id", "firm_bank_details.territory", "firm_bank_details.proposed_by",
             "firm_bank_details.decided_by"],
            name=f"{table}_bank_details_fkey",
        ),
        ForeignKeyConstraint(
            ["approved_by", "approver_kind"], ["subjects.id", "subjects.kind"], name=f"{noun}_approved_by_a_person"
        ),
        override_of_payment(table),
        Index(
            f"{table}_reference_key", f"{award}_id", "reference", unique=True,
            postgresql_where=text("status NOT IN ('cancelled', 'reversed')"),
        ),
        Index(None, f"{award}_id"),
        Index(None, "bank_details_id", postgresql_where=text("status IN ('proposed', 'approved', 'sent')")),
        Index(
            f"{table}_in_flight_idx", "territory", "id",
            postgresql_where=text("status IN ('proposed', 'approved', 'sent')"),
        ),
        Index(
            f"{table}_to_see_idx", "territory", "id",
            postgresql_where=text("exceeds <> '{}' AND seen_by IS NULL"),
        ),
        CheckConstraint("awarded_by <> ALL (ARRAY[proposed_by, approved_by, recorded_by])", name="decider_pays"),
        CheckConstraint("approved_by <> proposed_by", name="payment_own_approval"),
        CheckConstraint(
            "approved_by <> ALL (ARRAY[details_proposed_by, details_decided_by])", name="payment_to_own_bank_details"
        ),
        CheckConstraint("seen_by <> recorded_by", name="recorder_sees"),
        shape("approver_kind = 'person'", name=f"{noun}_approver_kind"),
        shape(AMOUNT, name=f"{noun}_amount"),
        shape("(status IN ('cancelled', 'reversed')) = (reason IS NOT NULL)", name=f"{noun}_reason"),
        shape(one_of("status", PaymentStatus), name=f"{noun}_status"),
        shape(
            "CASE WHEN status IN ('recorded', 'reversed') THEN paid_on IS NOT NULL AND recorded_by IS NOT NULL"
            " ELSE paid_on IS NULL AND recorded_by IS NULL AND bank_details_id IS NOT NULL"
            " AND proposed_by IS NOT NULL END"
            " AND CASE status WHEN 'proposed' THEN num_nonnulls(approved_by, sent_on) = 0"
            " WHEN 'approved' THEN approved_by IS NOT NULL AND sent_on IS NULL"
            " WHEN 'sent' THEN num_nulls(approved_by, sent_on) = 0 ELSE true END",
            name=f"{noun}_state",
        ),
        shape(
            "num_nulls(bank_details_id, details_proposed_by, details_decided_by) IN (0, 3)",
            name=f"{noun}_bank_details",
        ),
        shape("num_nulls(rejected_on, rejection_reason) <> 1", name=f"{noun}_rejection"),
        shape(
            "num_nulls(seen_by, seen_at) <> 1 AND (seen_by IS NULL OR exceeds <> '{}')"
            " AND (exceeds = '{}' OR status IN ('recorded', 'reversed'))",
            name=f"{noun}_exceeds",
        ),
    )  # fmt: skip


# A payment passes from one state to the next, what was approved stays as it was, and nothing is deleted. A payment that
# is proposed, approved or sent goes to the approved bank details of the award's firm; they are held until COMMIT.
GUARD_FUNCTION = """
CREATE FUNCTION guard_{noun}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (CASE TG_OP
        WHEN 'DELETE' THEN true
        WHEN 'INSERT' THEN NEW.status IN ('approved', 'sent')
        ELSE ({old})
                IS DISTINCT FROM
                ({new})
            OR NEW.status <> 'proposed' AND OLD.bank_details_id IS DISTINCT FROM NEW.bank_details_id
            OR OLD.status <> 'proposed' AND NEW.status <> 'proposed'
                AND OLD.approved_by IS DISTINCT FROM NEW.approved_by
            OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
                ('proposed', 'approved'), ('proposed', 'recorded'), ('proposed', 'cancelled'),
                ('approved', 'proposed'), ('approved', 'sent'), ('approved', 'recorded'), ('approved', 'cancelled'),
                ('sent', 'proposed'), ('sent', 'approved'), ('sent', 'recorded'), ('recorded', 'reversed')
            )
        END)
    THEN
        RAISE EXCEPTION 'no such change of a payment'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_transition';
    END IF;
    IF NEW.status IN ('approved', 'sent')
        OR NEW.status = 'proposed' AND (TG_OP = 'INSERT' OR OLD.bank_details_id IS DISTINCT FROM NEW.bank_details_id)
    THEN
        PERFORM FROM firm_bank_details d JOIN {award}s g ON g.territory = d.territory AND g.firm_siren = d.siren
        WHERE d.id = NEW.bank_details_id AND d.status = 'approved' AND g.id = NEW.{award}_id FOR SHARE OF d;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the bank details are not approved'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_details_unapproved';
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""


def guarded(table: type[Base], noun: str, award: str, *kept: str) -> None:
    """Let a row of the table change by an act alone: said beside its model. `kept`: what else of it never changes."""
    names = ("territory", f"{award}_id", "amount_cents", *kept, "proposed_by", "created_at")
    old, new = (", ".join(f"{row}.{name}" for name in names) for row in ("OLD", "NEW"))
    trigger = (
        f"CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON {table.__tablename__}"
        f" FOR EACH ROW EXECUTE FUNCTION guard_{noun}()"
    )
    for statement in (GUARD_FUNCTION.format(noun=noun, award=award, old=old, new=new), trigger):
        event.listen(table.__table__, "after_create", DDL(statement))
