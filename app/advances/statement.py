"""What is told of an advance's account on a day. No session, no await."""

from collections.abc import Iterable
from datetime import date
from itertools import accumulate
from typing import Any

from app.advances import schedule
from app.advances.account import KnownAccount
from app.advances.arrears.facts import replayed
from app.advances.position import Line, LineState, Position, Version
from app.advances.schedule import CashFlow


def in_force(known: KnownAccount, on: date, number: int | None = None) -> Version | None:
    """The version of this number, else the last one made whose day has come; None where there is none."""
    found = [each for each in known.facts.versions if (each.from_on <= on if number is None else each.number == number)]
    paid = any(each.on <= on for each in known.facts.tranches)
    return found[-1] if found and (paid or number is not None) else None


def shown_lines(lines: Iterable[Line], tranches: Iterable[CashFlow]) -> list[dict[str, Any]]:
    """Lines with what is outstanding before each, with the tranches since the line before, and after it."""
    found = list(lines)
    paid = list(tranches)
    whole = sum(line.principal_cents - line.capitalised_cents for line in found)
    gone = accumulate((line.principal_cents - line.capitalised_cents for line in found), initial=0)
    shown = []
    for number, (line, before) in enumerate(zip(found, gone, strict=False), start=1):
        opening = whole - before - sum(tranche.cents for tranche in paid if tranche.on >= line.due_on)
        shown.append(
            {
                "number": number,
                "due_on": line.due_on,
                "opening_cents": opening,
                "principal_cents": line.principal_cents,
                "interest_cents": line.interest_cents,
                "capitalised_cents": line.capitalised_cents,
                "total_cents": line.principal_cents + line.interest_cents,
                "closing_cents": opening - line.principal_cents + line.capitalised_cents,
                "fees_cents": line.fees_cents,
                "late_interest_cents": line.late_interest_cents,
                "kept": line.kept,
            }
        )
    return shown


def paid_out(known: KnownAccount, on: date) -> list[CashFlow]:
    """The tranches paid by a day."""
    return [CashFlow(each.on, each.cents) for each in known.facts.tranches if each.on <= on]


def held_refunds(known: KnownAccount, on: date) -> int:
    """What the firm holds of refunds by a day although the bank has sent back the money that they were of, in cents."""
    return sum(each.cents for each in known.held_refunds if each.on <= on)


def planned_lines(known: KnownAccount, on: date) -> list[dict[str, Any]]:
    """The lines of an advance of which nothing is paid: as if all were on the planned day; none where it cannot be."""
    terms = known.facts.terms
    payable = known.decided and known.awarded_cents > 0 and known.planned_on < schedule.due_dates(terms)[-1]
    if paid_out(known, on) or not payable:
        return []
    planned = [CashFlow(known.planned_on, known.awarded_cents)]
    made = schedule.lines(terms, planned)
    lines = [Line(line.due_on, line.principal_cents, line.interest_cents, line.capitalised_cents) for line in made]
    return shown_lines(lines, planned)


def statement(known: KnownAccount, on: date) -> dict[str, Any]:
    """The members of an `AdvanceStatement` on a day."""
    position = replayed(known.facts, on)
    version = in_force(known, on)
    shown = shown_lines((state.line for state in position.lines), paid_out(known, on))
    income = sum(split.income_cents for split in position.splits.values())
    return {
        "version": version.number if version else None,
        "disbursed_cents": position.disbursed_cents,
        "capitalised_cents": position.capitalised_cents,
        "due_cents": sum(_total(state.line) for state in position.lines if state.line.due_on <= on),
        "repaid_cents": position.repaid_cents,
        "waived_cents": position.waived_cents,
        "written_off_cents": position.written_off_cents,
        "outstanding_cents": position.outstanding_cents,
        "received_cents": position.repaid_cents + income + position.overpaid_cents,
        "income_cents": income,
        "late_cents": position.overdue_cents,
        "interest_due_cents": position.interest_due_cents,
        "late_interest_cents": position.late_interest_cents,
        "fees_due_cents": position.fees_due_cents,
        "success_fee_due_cents": position.success_fee_due_cents,
        "overpaid_cents": position.overpaid_cents,
        "held_refunds_cents": held_refunds(known, on),
        "days_past_due": position.days_past_due,
        "bucket": position.bucket,
        "next_due_on": position.next_due_on,
        "next_due_cents": position.next_due_cents,
        "lines": [{**line, **_received(state, position)} for line, state in zip(shown, position.lines, strict=True)],
    }


def _total(line: Line) -> int:
    return line.principal_cents + line.interest_cents + line.fees_cents


def _received(state: LineState, position: Position) -> dict[str, Any]:
    line = state.line
    left = 0 if line.kept else state.left_cents
    return {
        "repaid_cents": _total(line) - left,
        "late_cents": left if line.due_on < position.as_of else 0,
        "left_cents": left,
        "late_interest_left_cents": state.late_interest_left_cents,
        "days_past_due": state.days_past_due,
        "settled_on": state.settled_on,
    }
