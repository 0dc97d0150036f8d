"""The table of claims that are declared to proceedings."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, shape
from app.core.values import MAX_AMOUNT_CENTS


class DebtClaim(Identified, Versioned, Base):
    """The claim of the creditor of an advance in a proceeding of the firm (*déclaration de créance*): to be declared,
    declared, and what is admitted of it.
    """

    __tablename__ = "advance_claims"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="advance_claims_advance_fkey"
        ),
        UniqueConstraint("advance_id", "proceeding_id", name="advance_claims_proceeding_key"),
        shape(f"amount_cents BETWEEN 1 AND {MAX_AMOUNT_CENTS}", name="debt_claim_amount"),
        shape("proof_sha256 ~ '^[0-9a-f]{64}$'", name="debt_claim_proof"),
        shape("num_nulls(declared_on, amount_cents, proof_sha256, declared_by) IN (0, 4)", name="debt_claim_declared"),
        shape("admitted_on IS NULL OR declared_on IS NOT NULL", name="debt_claim_admitted_undeclared"),
        shape("(admitted_on IS NULL) = (admitted_cents IS NULL)", name="debt_claim_admitted"),
        shape("plan_sha256 ~ '^[0-9a-f]{64}$'", name="debt_claim_plan"),
        CheckConstraint("admitted_cents BETWEEN 0 AND amount_cents", name="admitted_exceeds_claim"),
        CheckConstraint("admitted_on >= declared_on", name="claim_admitted_before_declared"),
        Index(None, "proceeding_id"),
    )

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    proceeding_id: Mapped[UUID] = mapped_column(ForeignKey("proceedings.id"))
    declared_on: Mapped[date | None]
    amount_cents: Mapped[int | None] = mapped_column(BigInteger)
    proof_sha256: Mapped[str | None]
    admitted_on: Mapped[date | None]
    admitted_cents: Mapped[int | None] = mapped_column(BigInteger)
    planned_on: Mapped[date | None]
    plan_sha256: Mapped[str | None]
    declared_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
