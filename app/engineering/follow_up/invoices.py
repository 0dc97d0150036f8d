"""How far what is certified has been invoiced, in both times: numbers and days, never amounts.

An invoice counts from the day on which it was made, in the state of its last act by the day that stands.
"""

from typing import Any

from sqlalchemy import CTE, Text, case, cast, exists, func, literal_column, null, select, true
from sqlalchemy.orm import aliased

from app.core.db import NO_DAYS, literals, paris_day
from app.core.reading.listing import json_object
from app.core.writing.events import BEFORE
from app.engineering.certificates.models import ServiceCertificate
from app.engineering.follow_up.counting import AS_OF, ORGANISATION, READER, Shape, word
from app.engineering.invoices.models import Invoice, InvoicePassage
from app.engineering.invoices.rules import ENDED, InvoiceAct, InvoiceState

_last, _reversal = (aliased(InvoicePassage, name=name) for name in ("last_act", "taken_back"))


def invoices(shape: Shape, of: CTE) -> Any:
    """The number of invoices and credit notes in each state, and the days that are invoiced and to be invoiced.

    Who sees only its own organisation's invoices counts those; None for who sees none.
    """
    if shape.no_invoices:
        return cast(null(), Text)
    i, c, p = Invoice, ServiceCertificate, _last
    reversal = exists().where(_reversal.invoice_id == p.invoice_id, _reversal.reverses_number == p.number)
    acts = [p.invoice_id == i.id, p.effective_on <= AS_OF, p.act != word(InvoiceAct.REVERSE)]
    if shape.known_then:
        reversal = reversal.where(_reversal.recorded_at < BEFORE)
        acts.append(p.recorded_at < BEFORE)
    last = select(p.to_state).where(*acts, ~reversal).order_by(p.number.desc()).limit(literal_column("1"))
    last_act = last.lateral("last_of_invoice")
    state = case((last_act.c.to_state.is_(None), word(InvoiceState.ISSUED)), else_=last_act.c.to_state)

    def seen(table: Any) -> list[Any]:
        conditions = [table.mission_id.in_(select(of.c.id)), paris_day(table.created_at) <= AS_OF]
        if shape.known_then:
            conditions.append(table.created_at < BEFORE)
        if shape.one_member:
            conditions.append(table.organisation_id == ORGANISATION)
        if shape.own_invoices:
            conditions.append(table.organisation_id == READER)
        return conditions

    each = (
        select(i.id, i.days, state.label("state"))
        .select_from(i.__table__.outerjoin(last_act, true()))
        .where(*seen(i))
        .subquery("invoice")
    )
    standing = each.c.state.not_in(literals(ENDED))
    invoiced = func.coalesce(func.sum(each.c.days).filter(standing), NO_DAYS, type_=NO_DAYS.type)
    certified = select(func.coalesce(func.sum(c.days), NO_DAYS, type_=NO_DAYS.type)).where(*seen(c)).scalar_subquery()
    counts = {code.value: func.count(each.c.id).filter(each.c.state == word(code)) for code in InvoiceState}
    figures = json_object(**counts, days_invoiced=invoiced, days_to_invoice=certified - invoiced)
    return select(figures).select_from(each).scalar_subquery()
