"""Posting to the ledger. Every function works inside a write's transaction and holds the territory's accounts locked.

The accounts are locked in one order before anything is shared out, so parallel awards queue for a moment instead of
deadlocking; the CHECKs of the balance rows are the last line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, Text, case, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from app.core.db import Statement, driver_connection, param
from app.core.problems import Problem
from app.core.writing.writes import Write
from app.envelopes.models import AccountBalance, Contribution, LedgerEntry
from app.envelopes.rules import COMMITTED, PAID, Account, Act, Instrument, RepaymentPolicy, debit_effect, share


class EnvelopeExhausted(Problem):
    """The envelope does not have enough money left."""

    status = 409
    title_fr = "L'enveloppe n'a plus assez de crédits."
    detail = "{requested_cents} requested, {available_cents} available."
    detail_fr = "{requested_cents} demandés, {available_cents} disponibles."
    cure = "Award less, release what is no longer needed, or ask the programme for a contribution."
    cure_fr = "Attribuez moins, libérez ce qui n'est plus nécessaire, ou demandez une contribution au programme."

    @classmethod
    def promised(cls, requested_cents: int, available_cents: int, awards: Mapping[UUID, int]) -> "EnvelopeExhausted":
        """The refusal to take money back that awards hold: each with its cents of this contribution."""
        refused = cls(
            requested_cents=requested_cents,
            available_cents=available_cents,
            awards=[{"award_id": key, "held_cents": cents} for key, cents in awards.items()],
        )
        refused.detail = "{requested_cents} to take back, {available_cents} available: awards hold the rest."
        refused.detail_fr = (
            "{requested_cents} à reprendre, {available_cents} disponibles : des attributions ont le reste."
        )
        refused.cure = (
            "Release or reverse first the awards that hold it (awards), or reverse their payments where one was"
            " mistaken."
        )
        refused.cure_fr = (
            "Libérez ou annulez d'abord les attributions qui le tiennent (awards), ou leurs paiements s'ils sont"
            " erronés."
        )
        return refused


class AccountOverdrawn(Problem):
    """An account cannot fall below zero."""

    status = 409
    title_fr = "Un compte ne peut pas tomber sous zéro."
    cure = "Reverse first what was done with this money."
    cure_fr = "Annulez d'abord ce qui a été fait de cet argent."


class AccountTooLarge(Problem):
    """An account cannot hold so much money."""

    status = 409
    title_fr = "Un compte ne peut pas contenir autant d'argent."
    cure = "Use smaller amounts."
    cure_fr = "Utilisez des montants plus petits."


class AlreadyReversed(Problem):
    """The act has already been reversed."""

    status = 409
    title_fr = "L'acte a déjà été annulé."


@dataclass(frozen=True)
class Cause:
    """The act behind an entry: what kind, which, of which award, and the day on which it counts."""

    act: Act
    act_id: UUID
    effective_on: date
    award_id: UUID | None = None


@dataclass(frozen=True)
class Move:
    """An amount of one contribution, from the credited account to the debited one."""

    contribution_id: UUID
    debit: Account
    credit: Account
    amount_cents: int
    reverses_id: UUID | None = None


async def contribute(write: Write, territory: str, contribution_id: UUID, amount_cents: int, cause: Cause) -> None:
    """The accounts of a new contribution, and its money made available."""
    rows = [{"territory": territory, "contribution_id": contribution_id, "account": account} for account in Account]
    await write.session.execute(insert(AccountBalance), rows)
    await _lock(write, territory)
    await _post(write, territory, [Move(contribution_id, Account.AVAILABLE, Account.CONTRIBUTOR, amount_cents)], cause)


async def award(write: Write, territory: str, instrument: Instrument, amount_cents: int, cause: Cause) -> None:
    """Commit an amount, shared among the contributions in proportion to what each has available.

    Raises `EnvelopeExhausted` (409).
    """
    rows = await _lock(write, territory)
    available = {row["contribution_id"]: row["balance_cents"] for row in rows if row["account"] == Account.AVAILABLE}
    left = sum(available.values())
    if amount_cents > left:
        raise EnvelopeExhausted(requested_cents=amount_cents, available_cents=left)
    shares = share(amount_cents, available)
    await _post(write, territory, _moves(shares, COMMITTED[instrument], Account.AVAILABLE), cause)


async def pay(write: Write, territory: str, instrument: Instrument, amount_cents: int, cause: Cause) -> None:
    """Turn a part of an award's commitment into paid. The award's own limit has been checked by its row."""
    await _lock(write, territory)
    committed = await _held(write, cause.award_id, COMMITTED[instrument])
    shares = share(amount_cents, committed)
    await _post(write, territory, _moves(shares, PAID[instrument], COMMITTED[instrument]), cause)


async def release(write: Write, territory: str, instrument: Instrument, cause: Cause) -> int:
    """Give all that an award still commits back to the envelope; how many cents."""
    await _lock(write, territory)
    committed = await _held(write, cause.award_id, COMMITTED[instrument])
    moves = _moves(committed, Account.RELEASED, COMMITTED[instrument])
    await _post(write, territory, [*moves, *_moves(committed, Account.AVAILABLE, Account.RELEASED)], cause)
    return sum(committed.values())


async def repay(write: Write, territory: str, amount_cents: int, cause: Cause) -> None:
    """Take repaid capital of an advance in; what its contribution recycles is available again at once."""
    await _lock(write, territory)
    outstanding = await _held(write, cause.award_id, Account.ADVANCES_PAID)
    shares = share(amount_cents, outstanding)
    recycling = set(
        await write.session.scalars(
            select(Contribution.id).where(
                Contribution.territory == territory, Contribution.repayment_policy == RepaymentPolicy.RECYCLE
            )
        )
    )
    again = {key: cents for key, cents in shares.items() if key in recycling}
    moves = _moves(shares, Account.REPAID, Account.ADVANCES_PAID) + _moves(again, Account.AVAILABLE, Account.REPAID)
    await _post(write, territory, moves, cause)


async def reverse(write: Write, territory: str, act: Act, act_id: UUID) -> None:
    """Take back every entry of an act by its opposite, on the day on which it counted.

    Raises `AlreadyReversed`, `EnvelopeExhausted`, `AccountOverdrawn` (409): what has been spent since is not there to
    be taken back.
    """
    accounts = {(row["contribution_id"], row["account"]): row["balance_cents"] for row in await _lock(write, territory)}
    e = LedgerEntry
    rows = (
        await write.session.scalars(
            select(e)
            .where(e.act_id == act_id, e.act == act, e.territory == territory, e.reverses_id.is_(None))
            .order_by(e.id.desc())
        )
    ).all()
    for entry in rows:
        if entry.debit == Account.AVAILABLE:
            available = accounts[entry.contribution_id, Account.AVAILABLE]
            if available < entry.amount_cents:
                awards = await _holders(write, entry.contribution_id, entry.award_id)
                raise EnvelopeExhausted.promised(entry.amount_cents, available, awards)
        if entry.award_id is not None and entry.debit != Account.AVAILABLE:
            # The account's CHECK would let another award's money stand in for what this one no longer holds.
            held = await _held(write, entry.award_id, Account(entry.debit))
            if held.get(entry.contribution_id, 0) < entry.amount_cents:
                raise AccountOverdrawn
        cause = Cause(Act(entry.act), act_id, entry.effective_on, entry.award_id)
        back = Move(entry.contribution_id, Account(entry.credit), Account(entry.debit), entry.amount_cents, entry.id)
        await _post(write, territory, [back], cause)


def _accounts() -> Statement:
    b = AccountBalance
    return Statement(
        select(b.contribution_id, b.account, b.balance_cents)
        .where(b.territory == param("territory", Text()))
        .order_by(b.contribution_id, b.account)
        .with_for_update(key_share=True)
    )


_ACCOUNTS = _accounts()


async def _lock(write: Write, territory: str) -> list[Any]:
    """The accounts, locked, as they are after the wait: one that a parallel contribution adds is not shared out."""
    connection = await driver_connection(write.session)
    rows: list[Any] = await connection.fetch(_ACCOUNTS.sql, *_ACCOUNTS.arguments({"territory": territory}))
    return rows


async def _held(write: Write, award_id: UUID | None, account: Account) -> dict[UUID, int]:
    """What an award holds in an account, by contribution, from its entries. The award's row is locked by the caller."""
    e = LedgerEntry
    held = func.sum(case((e.debit == account, e.amount_cents), else_=-e.amount_cents))
    rows = await write.session.execute(
        select(e.contribution_id, held.label("cents"))
        .where(e.award_id == award_id, (e.debit == account) | (e.credit == account))
        .group_by(e.contribution_id)
        .order_by(e.contribution_id)
    )
    return {row.contribution_id: int(row.cents) for row in rows if row.cents}


async def _holders(write: Write, contribution_id: UUID, but: UUID | None) -> dict[UUID, int]:
    """The awards, but one, that hold money of a contribution, committed or paid, the latest first; at most 20."""
    e = LedgerEntry
    accounts = [*COMMITTED.values(), *PAID.values()]
    held = func.sum(case((e.debit.in_(accounts), e.amount_cents), else_=0)) - func.sum(
        case((e.credit.in_(accounts), e.amount_cents), else_=0)
    )
    rows = await write.session.execute(
        select(e.award_id, held.label("cents"))
        .where(e.contribution_id == contribution_id, e.award_id.is_not(None), e.award_id.is_distinct_from(but))
        .group_by(e.award_id)
        .having(held > 0)
        .order_by(e.award_id.desc())
        .limit(20)
    )
    return {row.award_id: int(row.cents) for row in rows}


def _moves(shares: dict[UUID, int], debit: Account, credit: Account) -> list[Move]:
    return [Move(key, debit, credit, cents) for key, cents in sorted(shares.items())]


async def _post(write: Write, territory: str, moves: Iterable[Move], cause: Cause) -> None:
    connection = await driver_connection(write.session)
    for move in moves:
        values = {
            "territory": territory,
            "contribution_id": move.contribution_id,
            "debit": move.debit,
            "credit": move.credit,
            "debit_cents": debit_effect(move.debit) * move.amount_cents,
            "credit_cents": -debit_effect(move.credit) * move.amount_cents,
            "amount": move.amount_cents,
            "effective": cause.effective_on,
            "now": write.now,
            "actor": write.actor.subject_id,
            "act": cause.act,
            "act_id": cause.act_id,
            "award": cause.award_id,
            "reverses": move.reverses_id,
        }
        await connection.execute(_POSTING.sql, *_POSTING.arguments(values))


def _posting() -> Statement:
    """One movement as one statement: both balances, and the entry that remembers them."""
    b, e = AccountBalance, LedgerEntry.__table__.c
    territory, contribution = param("territory", Text()), param("contribution_id", e.contribution_id.type)

    def moved(account: str, cents: str) -> object:
        return (
            update(b)
            .where(b.territory == territory, b.contribution_id == contribution, b.account == param(account, Text()))
            .values(balance_cents=b.balance_cents + param(cents, BigInteger()))
            .returning(b.balance_cents)
            .cte(account)
        )

    debited, credited = moved("debit", "debit_cents"), moved("credit", "credit_cents")
    names = [
        "territory", "contribution_id", "debit", "credit", "amount_cents", "debit_balance_cents",
        "credit_balance_cents", "effective_on", "recorded_at", "recorded_by", "act", "act_id", "award_id",
        "reverses_id",
    ]  # fmt: skip
    row = select(
        territory,
        contribution,
        param("debit", Text()),
        param("credit", Text()),
        param("amount", BigInteger()),
        debited.c.balance_cents,  # type: ignore[attr-defined]  # a CTE
        credited.c.balance_cents,  # type: ignore[attr-defined]
        param("effective", Date()),
        param("now", e.recorded_at.type),
        param("actor", e.recorded_by.type),
        param("act", Text()),
        param("act_id", e.act_id.type),
        param("award", e.award_id.type),
        param("reverses", e.reverses_id.type),
    )
    return Statement(pg_insert(LedgerEntry).from_select(names, row))


_POSTING = _posting()
