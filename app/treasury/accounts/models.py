"""The table of the accounts that organisations pay from."""

from datetime import date
from uuid import UUID

from sqlalchemy import DDL, ForeignKey, Index, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import shape
from app.firms.bank_details.models import ProposedAccount, guarded, proposed_account


class BankAccount(ProposedAccount):
    """An account of an organisation. It may have several, each known by its label."""

    __tablename__ = "organisation_bank_accounts"
    __table_args__ = (
        *proposed_account(),
        shape("label <> ''", name="bank_account_label"),
        shape("from_on BETWEEN '1900-01-01' AND '2199-12-31'", name="bank_account_from_on"),
        shape("creditor_identifier ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{4,31}$'", name="bank_account_creditor_identifier"),
        Index(
            "bank_account_already_proposed", "organisation_id", "label", unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index(
            "organisation_bank_accounts_approved_idx", "organisation_id", "label", unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
        Index(None, "organisation_id", "id"),
    )  # fmt: skip

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    label: Mapped[str]
    creditor_identifier: Mapped[str | None]
    from_on: Mapped[date]


event.listen(BankAccount.__table__, "after_create", DDL(guarded("organisation_bank_accounts")))
