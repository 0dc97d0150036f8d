"""The columns of a decided aid, which grants and advances share."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column


class AwardStatus(StrEnum):
    """The life of an award: decided, being paid, finished (paid up, or the rest released), or cancelled unpaid.

    A mistaken one is reversed, as if it had never been decided: nothing of it is released.
    """

    AWARDED = "awarded"
    PAYING = "paying"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


# Of which acts the references and external ids are taken: who takes an award back frees its names.
STANDS = "status NOT IN ('cancelled', 'reversed')"


def override_of_award(table: str) -> ForeignKeyConstraint:
    """An award names the override that names it, of its own territory and firm: so an override serves once."""
    return ForeignKeyConstraint(
        ["override_id", "territory", "siren", "id"],
        ["overrides.id", "overrides.territory", "overrides.siren", "overrides.used_by_id"],
        name=f"{table}_override_fkey",
    )


def override_of_payment(table: str) -> ForeignKeyConstraint:
    """A payment names the override that names it, of its own territory; `check_money_door` looks at the firm."""
    return ForeignKeyConstraint(
        ["override_id", "territory", "id"],
        ["overrides.id", "overrides.territory", "overrides.used_by_id"],
        name=f"{table}_override_fkey",
    )


class Award:
    """Columns of a decided aid: what, to whom, by which decision of which person. A mixin of its table."""

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str] = mapped_column("firm_siren", ForeignKey("firms.siren"), key="siren")
    project_title: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    released_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    decided_on: Mapped[date]
    decision_reference: Mapped[str]
    external_id: Mapped[str | None]
    override_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="awarded")
    reason: Mapped[str | None]
    awarded_by: Mapped[UUID]
    awarder_kind: Mapped[str] = mapped_column(server_default="person")
