"""The columns of a decided aid, which grants and advances share."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey
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
    status: Mapped[str] = mapped_column(server_default="awarded")
    reason: Mapped[str | None]
    awarded_by: Mapped[UUID]
    awarder_kind: Mapped[str] = mapped_column(server_default="person")
