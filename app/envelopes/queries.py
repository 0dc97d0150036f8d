"""Reads of the envelope."""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, Text, and_, case, cast, column, func, null, select, table, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

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
    updated_since,
)
from app.core.values import CentsInQuery, Day, ShortLine, Uuid
from app.envelopes import schemas
from app.envelopes.models import Contribution, LedgerEntry
from app.envelopes.rules import COMMITTED, PAID, Account, Act, ActStatus, RepaymentPolicy

_territory = param("territory", Text())


def amount_range(column: Any) -> dict[str, Filter]:
    """The bounds of an amount, in cents: `amount_min_cents` and `amount_max_cents`."""
    return {
        "amount_min_cents": at_least(column, CentsInQuery, "Of this many cents or more."),
        "amount_max_cents": at_most(column, CentsInQuery, "Of this many cents or less."),
    }


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


def _balance(entry: Any, *accounts: Account) -> Any:
    """What the accounts hold: debits less credits."""
    return _sum(entry, entry.c.debit.in_(literals(accounts)), entry.c.credit.in_(literals(accounts)))


def _flow(entry: Any, into: tuple[Account, ...], out_of: tuple[Account, ...]) -> Any:
    """What has flowed from some accounts into others, less what was taken back."""
    there = and_(entry.c.debit.in_(literals(into)), entry.c.credit.in_(literals(out_of)))
    back = and_(entry.c.debit.in_(literals(out_of)), entry.c.credit.in_(literals(into)))
    return _sum(entry, there, back)


def _sum(entry: Any, plus: Any, minus: Any) -> Any:
    signed = case((plus, entry.c.amount_cents), (minus, -entry.c.amount_cents), else_=0)
    return cast(func.coalesce(func.sum(signed), 0), BigInteger)


def amounts(entry: Any) -> list[Any]:
    """The columns of `schemas.Amounts`, aggregated over ledger entries."""
    return [
        (-_balance(entry, Account.CONTRIBUTOR)).label("contributed_cents"),
        _balance(entry, Account.AVAILABLE).label("available_cents"),
        _balance(entry, *_COMMITTED).label("committed_cents"),
        _flow(entry, _PAID, _COMMITTED).label("paid_cents"),
        _flow(entry, (Account.RELEASED,), _COMMITTED).label("released_cents"),
        _flow(entry, (Account.REPAID,), (Account.ADVANCES_PAID,)).label("repaid_cents"),
        _flow(entry, (Account.AVAILABLE,), (Account.REPAID,)).label("recycled_cents"),
        _balance(entry, Account.ADVANCES_PAID).label("outstanding_cents"),
    ]


@cache
def envelope(known: bool) -> Statement:
    """A territory's envelope on a day; `known` limits it to what had been recorded by an instant."""
    rows = (
        select(_e.debit, _e.credit, _e.amount_cents, Contribution.organisation_id)
        .join(Contribution, Contribution.id == _e.contribution_id)
        .where(_e.territory == _territory, _e.effective_on <= param("as_of", Date()))
    )
    if known:
        rows = rows.where(_e.recorded_at < param("known_before", DateTime(timezone=True)))
    entry = rows.cte("entry")
    each = (
        select(entry.c.organisation_id, Organisation.name.label("organisation_name"), *amounts(entry))
        .join(Organisation, Organisation.id == entry.c.organisation_id)
        .group_by(entry.c.organisation_id, Organisation.name)
        .subquery("each")
    )
    by_contributor = select(
        func.coalesce(
            func.json_agg(
                aggregate_order_by(
                    func.row_to_json(each.table_valued()), each.c.organisation_name, each.c.organisation_id
                )
            ),
            text("'[]'::json"),
        )
    ).scalar_subquery()
    whole = select(*amounts(entry)).subquery("whole")
    return Statement(
        as_object(
            select(
                _territory.label("territory"),
                param("as_of", Date()).label("as_of"),
                (param("recorded_as_of", Date()) if known else cast(null(), Date)).label("recorded_as_of"),
                *whole.c,
                by_contributor.label("by_contributor"),
            )
        )
    )
