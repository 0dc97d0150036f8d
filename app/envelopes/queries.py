"""Reads of the envelope."""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Numeric,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    or_,
    select,
    table,
    true,
)

from app.access.models import Organisation, Subject
from app.core.db import Statement, literals, param
from app.core.reading.listing import (
    Filter,
    Listing,
    any_of,
    as_object,
    at_least,
    at_most,
    equals,
    json_array,
    updated_since,
)
from app.core.values import CentsInQuery, Day, ShortLine, Uuid
from app.envelopes import schemas
from app.envelopes.models import BACK, AccountBalance, AccountDay, Contribution, LedgerEntry
from app.envelopes.rules import COMMITTED, PAID, Account, Act, ActStatus, RepaymentPolicy, debit_effect

_territory = param("territory", Text())


def amount_range(column: Any) -> dict[str, Filter]:
    """The bounds of an amount, in cents: `amount_min_cents` and `amount_max_cents`."""
    return {
        "amount_min_cents": at_least(column, CentsInQuery, "Of this many cents or more."),
        "amount_max_cents": at_most(column, CentsInQuery, "Of this many cents or less."),
    }


_shortfall = (
    select(func.coalesce(func.max(AccountBalance.balance_cents), 0))
    .where(
        AccountBalance.territory == Contribution.territory,
        AccountBalance.contribution_id == Contribution.id,
        AccountBalance.account == literal_column(f"'{Account.SHORTFALL}'", Text()),
    )
    .scalar_subquery()
)

CONTRIBUTIONS = Listing(
    schema=schemas.Contribution,
    rows=select(
        Contribution.id,
        Contribution.territory,
        Contribution.organisation_id,
        Organisation.name.label("organisation_name"),
        Contribution.amount_cents,
        Contribution.decided_on,
        Contribution.reference,
        Contribution.repayment_policy,
        Contribution.status,
        Contribution.reason,
        _shortfall.label("shortfall_cents"),
        Contribution.version,
        Contribution.created_at,
        Contribution.updated_at,
    )
    .join(Organisation, Organisation.id == Contribution.organisation_id)
    .where(Contribution.territory == _territory),
    key=Contribution.id,
    version=Contribution.version,
    derived=True,
    filters={
        "organisation_id": equals(Contribution.organisation_id, Uuid, "Contributions of this organisation."),
        "reference": equals(Contribution.reference, ShortLine, "The contribution with this reference."),
        **amount_range(Contribution.amount_cents),
        "status": any_of(Contribution.status, ActStatus, "Recorded, or reversed."),
        "decided_from": at_least(Contribution.decided_on, Day, "Decided on this day or later."),
        "decided_to": at_most(Contribution.decided_on, Day, "Decided on this day or earlier."),
        "repayment_policy": any_of(Contribution.repayment_policy, RepaymentPolicy, "Any of these policies."),
        "updated_since": updated_since(Contribution.updated_at),
    },
    sorts={"decided_on": Contribution.decided_on, "amount_cents": Contribution.amount_cents},
)

_e = LedgerEntry
_recorder = Subject.__table__.alias("recorder")
# The awards of the entries, by the names of their tables: their domains import this one, not the other way round.
_grants, _advances = (
    table(name, column("id", _e.award_id.type), column("project_title", Text())) for name in ("grants", "advances")
)
_repayments = table("advance_repayments", column("id", _e.act_id.type), column("reference", Text()))
ENTRIES = Listing(
    schema=schemas.LedgerEntry,
    rows=select(
        _e.id,
        _e.contribution_id,
        Contribution.reference.label("contribution_reference"),
        Contribution.organisation_id.label("contributor_id"),
        Organisation.name.label("contributor_name"),
        _e.effective_on,
        _e.recorded_at,
        _e.debit,
        _e.credit,
        _e.amount_cents,
        _e.debit_balance_cents,
        _e.credit_balance_cents,
        _e.act,
        _e.act_id,
        _e.award_id,
        func.coalesce(_grants.c.project_title, _advances.c.project_title).label("award_title"),
        _e.reverses_id,
        _e.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
    )
    .join(Contribution, Contribution.id == _e.contribution_id)
    .join(Organisation, Organisation.id == Contribution.organisation_id)
    .outerjoin(_grants, _grants.c.id == _e.award_id)
    .outerjoin(_advances, _advances.c.id == _e.award_id)
    .outerjoin(_recorder, _recorder.c.id == _e.recorded_by)
    .where(_e.territory == _territory),
    key=_e.id,
    filters={
        "contribution_id": equals(_e.contribution_id, Uuid, "Movements of this contribution."),
        "award_id": equals(_e.award_id, Uuid, "Movements of this grant or advance."),
        "act_id": equals(_e.act_id, Uuid, "Movements that this act caused."),
        "act": any_of(_e.act, Act, "Movements caused by any of these acts."),
        "debit": any_of(_e.debit, Account, "Movements into any of these accounts."),
        "credit": any_of(_e.credit, Account, "Movements out of any of these accounts."),
        **amount_range(_e.amount_cents),
        "effective_from": at_least(_e.effective_on, Day, "Counting on this day or later."),
        "effective_to": at_most(_e.effective_on, Day, "Counting on this day or earlier."),
    },
    sorts={"effective_on": _e.effective_on, "amount_cents": _e.amount_cents},
)


# --- the envelope as of a day ----------------------------------------------------------------------------------------

_COMMITTED, _PAID = tuple(COMMITTED.values()), tuple(PAID.values())


def _holding(entry: Any, *accounts: Account) -> Any:
    """What the accounts hold, which are all raised by debits or all by credits."""
    debits, credits_ = entry.c.debit.in_(literals(accounts)), entry.c.credit.in_(literals(accounts))
    return _sum(entry, debits, credits_) if debit_effect(accounts[0]) > 0 else _sum(entry, credits_, debits)


def _flow(entry: Any, into: tuple[Account, ...], out_of: tuple[Account, ...]) -> Any:
    """What has flowed from some accounts into others, less what was taken back."""
    there = and_(entry.c.debit.in_(literals(into)), entry.c.credit.in_(literals(out_of)))
    back = and_(entry.c.debit.in_(literals(out_of)), entry.c.credit.in_(literals(into)))
    return _sum(entry, there, back)


def _sum(entry: Any, plus: Any, minus: Any) -> Any:
    signed = case((plus, entry.c.amount_cents), (minus, -entry.c.amount_cents), else_=0)
    return cast(func.coalesce(func.sum(signed), 0), Numeric)  # whatever its size


# What each figure of `schemas.Amounts`, and `awarded_cents`, is: what accounts hold, or what has flowed from some into
# others.
_HOLDINGS = {
    "contributed_cents": (Account.CONTRIBUTOR,),
    "available_cents": (Account.AVAILABLE,),
    "shortfall_cents": (Account.SHORTFALL,),
    "committed_cents": _COMMITTED,
    "outstanding_cents": (Account.ADVANCES_PAID,),
    "waived_cents": (Account.WAIVED,),
    "written_off_cents": (Account.WRITTEN_OFF,),
}
_FLOWS = {
    "awarded_cents": (_COMMITTED, (Account.AVAILABLE,)),
    "paid_cents": (_PAID, _COMMITTED),
    "released_cents": ((Account.RELEASED,), _COMMITTED),
    "repaid_cents": ((Account.REPAID,), (Account.ADVANCES_PAID, Account.WRITTEN_OFF)),
    "recovered_cents": ((Account.RECOVERED,), (Account.GRANTS_PAID,)),
    "recycled_cents": ((Account.AVAILABLE, Account.SHORTFALL), (Account.REPAID, Account.RECOVERED)),
}
_SELDOM = ("released_cents", "repaid_cents", "recovered_cents", "recycled_cents")  # by entries of the accounts `BACK`
_FIGURES = [name for name in schemas.Amounts.model_fields if name in _HOLDINGS or name in _FLOWS]


def figure(entry: Any, name: str) -> Any:
    """One figure, aggregated over ledger entries."""
    return _flow(entry, *_FLOWS[name]) if name in _FLOWS else _holding(entry, *_HOLDINGS[name])


def amounts(entry: Any) -> list[Any]:
    """The columns of `schemas.Amounts`, aggregated over ledger entries."""
    return [figure(entry, name).label(name) for name in _FIGURES]


def released(entry: Any) -> Any:
    """What was released, aggregated over ledger entries."""
    return figure(entry, "released_cents")


def _amounts_by_closings(closing: Any, entry: Any) -> Any:
    """The same by contributor: what accounts hold by their closings; what was released and came back, by those entries.

    What was paid is what is out, and what came back of it.
    """

    def holding(accounts: tuple[Account, ...]) -> Any:
        cents = func.sum(closing.c.closing_cents).filter(closing.c.account.in_(literals(accounts)))
        return func.coalesce(cents, 0)

    held = (
        select(
            closing.c.organisation_id,
            *(holding(accounts).label(name) for name, accounts in _HOLDINGS.items()),
            holding(_PAID).label("paid_out"),
        )
        .group_by(closing.c.organisation_id)
        .cte("held")
    )
    flowed = (
        select(entry.c.organisation_id, *(figure(entry, name).label(name) for name in _SELDOM))
        .group_by(entry.c.organisation_id)
        .cte("flowed")
    )
    flows: dict[str, ColumnElement[Any]] = {name: func.coalesce(flowed.c[name], 0) for name in _SELDOM}
    given_up = held.c.waived_cents + held.c.written_off_cents
    flows["paid_cents"] = held.c.paid_out + given_up + flows["repaid_cents"] + flows["recovered_cents"]
    return (
        select(
            held.c.organisation_id, *((held.c if name in _HOLDINGS else flows)[name].label(name) for name in _FIGURES)
        )
        .outerjoin(flowed, flowed.c.organisation_id == held.c.organisation_id)
        .cte("figures")
    )


def _shortfalls(entry: Any) -> Any:
    """The causes of what the contributions are short of: the bounces that took it, and still stand."""
    short = (
        select(entry.c.contribution_id, _holding(entry, Account.SHORTFALL).label("shortfall_cents"))
        .group_by(entry.c.contribution_id)
        .having(_holding(entry, Account.SHORTFALL) > 0)
        .subquery("short")
    )
    back = entry.alias("back")
    cause = (
        select(
            entry.c.contribution_id,
            Contribution.reference.label("contribution_reference"),
            entry.c.organisation_id,
            Organisation.name.label("organisation_name"),
            short.c.shortfall_cents,
            entry.c.award_id.label("advance_id"),
            _advances.c.project_title.label("advance_title"),
            entry.c.act_id.label("repayment_id"),
            _repayments.c.reference.label("repayment_reference"),
            entry.c.effective_on.label("bounced_on"),
            entry.c.amount_cents.label("taken_cents"),
        )
        .join(short, short.c.contribution_id == entry.c.contribution_id)
        .join(Contribution, Contribution.id == entry.c.contribution_id)
        .join(Organisation, Organisation.id == entry.c.organisation_id)
        .join(_advances, _advances.c.id == entry.c.award_id)
        .join(_repayments, _repayments.c.id == entry.c.act_id)
        .where(
            entry.c.act == literal_column(f"'{Act.BOUNCE}'", Text()),
            entry.c.credit == literal_column(f"'{Account.SHORTFALL}'", Text()),
            entry.c.reverses_id.is_(None),
            ~select(back.c.id).where(back.c.reverses_id == entry.c.id).exists(),
        )
        .subquery("cause")
    )
    return select(
        json_array(func.row_to_json(cause.table_valued()), cause.c.bounced_on, cause.c.repayment_id)
    ).scalar_subquery()


def _closings() -> Any:
    """What each account holds at the end of the day asked for."""
    b, d = AccountBalance, AccountDay
    last = (
        select(d.closing_cents)
        .where(
            d.territory == b.territory, d.contribution_id == b.contribution_id, d.account == b.account,
            d.day <= param("as_of", Date()),
        )
        .order_by(d.day.desc())
        .limit(1)
        .lateral("last")
    )  # fmt: skip
    return (
        select(Contribution.organisation_id, b.account, last.c.closing_cents)
        .join(Contribution, Contribution.id == b.contribution_id)
        .join(last, true())
        .where(b.territory == _territory)
    )


@cache
def envelope(known: bool) -> Statement:
    """A territory's envelope on a day, from the closings of its accounts.

    `known` limits it to what had been recorded by an instant, and reads it from the ledger.
    """
    rows = (
        select(
            _e.id,
            _e.reverses_id,
            _e.contribution_id,
            _e.debit,
            _e.credit,
            _e.amount_cents,
            _e.effective_on,
            _e.act,
            _e.act_id,
            _e.award_id,
            Contribution.organisation_id,
        )
        .join(Contribution, Contribution.id == _e.contribution_id)
        .where(_e.territory == _territory, _e.effective_on <= param("as_of", Date()))
    )
    if known:
        rows = rows.where(_e.recorded_at < param("known_before", DateTime(timezone=True)))
    else:
        back = literals(BACK)
        rows = rows.where(or_(_e.debit.in_(back), _e.credit.in_(back)))
    entry = rows.cte("entry")
    if known:
        figures = select(entry.c.organisation_id, *amounts(entry)).group_by(entry.c.organisation_id).cte("figures")
    else:
        figures = _amounts_by_closings(_closings().cte("closing"), entry)
    each = (
        select(
            figures.c.organisation_id, Organisation.name.label("organisation_name"), *(figures.c[n] for n in _FIGURES)
        )
        .join(Organisation, Organisation.id == figures.c.organisation_id)
        .subquery("each")
    )
    by_contributor = select(
        json_array(func.row_to_json(each.table_valued()), each.c.organisation_name, each.c.organisation_id)
    ).scalar_subquery()
    whole = select(*(func.coalesce(func.sum(figures.c[name]), 0).label(name) for name in _FIGURES)).subquery("whole")
    return Statement(
        as_object(
            select(
                _territory.label("territory"),
                param("as_of", Date()).label("as_of"),
                (param("recorded_as_of", Date()) if known else cast(null(), Date)).label("recorded_as_of"),
                *whole.c,
                by_contributor.label("by_contributor"),
                _shortfalls(entry).label("shortfalls"),
            )
        )
    )
