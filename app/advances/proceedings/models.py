"""The table of claims that are declared to proceedings."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, shape
from app.core.values import MAX_AMOUNT_CENTS


class DebtClaim(Identified, Versioned, Base):
    """What the creditor of an advance declares to a proceeding of the firm (*déclaration de créance*), and what is
    admitted of it.
    """

    __tablename__ = "advance_claims"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="advance_claims_advance_fkey"
        ),
        UniqueConstraint("advance_id", "proceeding_id", name="advance_claims_proceeding_key"),
        shape(f"amount_cents BETWEEN 1 AND {MAX_AMOUNT_CENTS}", name="debt_claim_amount"),
        shape("proof_sha256 ~ '^[0-9a-f]{64}$'", name="debt_claim_proof"),
        shape("(admitted_on IS NULL) = (admitted_cents IS NULL)", name="debt_claim_admitted"),
        CheckConstraint("admitted_cents BETWEEN 0 AND amount_cents", name="admitted_exceeds_claim"),
        CheckConstraint("admitted_on >= declared_on", name="claim_admitted_before_declared"),
        Index(None, "proceeding_id"),
    )

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    proceeding_id: Mapped[UUID] = mapped_column(ForeignKey("proceedings.id"))
    declared_on: Mapped[date]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    proof_sha256: Mapped[str]
    admitted_on: Mapped[date | None]
    admitted_cents: Mapped[int | None] = mapped_column(BigInteger)
    declared_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
