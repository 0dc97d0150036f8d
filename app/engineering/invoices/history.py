"""The history of one invoice while it is written: the acts that stand, those that are added, and what they come to.

No silence acts on an invoice, so it needs less than `app/core/writing/passages` does.
"""

from datetime import date
from typing import Any, Self

from sqlalchemy import select

from app.core.db import touch
from app.core.writing.writes import Write, put
from app.engineering.invoices import rules
from app.engineering.invoices.models import Invoice, InvoicePassage
from app.engineering.invoices.rules import InvoiceAct, InvoiceLife, InvoiceState


class InvoiceHistory:
    """The acts of an invoice that is held, in the order in which they were recorded."""

    def __init__(self, write: Write, invoice: Invoice, recorded: list[InvoicePassage]) -> None:
        self._write = write
        self._invoice = invoice
        self._recorded = recorded

    @classmethod
    async def of(cls, write: Write, invoice: Invoice) -> Self:
        """The acts of the invoice as they are recorded."""
        p = InvoicePassage
        rows = await write.session.scalars(select(p).where(p.invoice_id == invoice.id).order_by(p.number))
        return cls(write, invoice, list(rows))

    @property
    def life(self) -> InvoiceLife:
        """What the acts come to, those added included."""
        return rules.replay(self._invoice.kind, self._invoice.service_on, self._recorded)

    def add(self, act: InvoiceAct, to: str, on: date, **members: Any) -> None:
        """Add an act of the caller's."""
        last = self._recorded[-1] if self._recorded else None
        self._recorded.append(
            InvoicePassage(
                invoice_id=self._invoice.id,
                number=last.number + 1 if last is not None else 1,
                previous_number=last.number if last is not None else None,
                act=act,
                from_state=last.to_state if last is not None else InvoiceState.ISSUED,
                to_state=to,
                effective_on=on,
                recorded_by=self._write.actor.subject_id,
                recorded_at=self._write.now,
                **members,
            )
        )

    async def write_down(self) -> None:
        """Record the acts that were added, and put onto the invoice what all of them come to."""
        put(self._invoice, {**self.life.situation._asdict(), "passage_number": self._recorded[-1].number})
        touch(self._invoice)
        self._write.session.add_all(self._recorded)
        await self._write.session.flush()
