"""Posting to the ledger. Every function works inside a write's transaction and holds the territory's accounts locked.

The accounts are locked in one order before anything is shared out, so parallel awards queue for a moment instead of
deadlocking. No account is below zero at the end of any day: an act takes at most the least that is there from its day
on (decision 8). The CHECKs of the balances and of the days are the last line.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    Text,
    Uuid,
    case,
    cast,
    exists,
    false,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import aliased

from app.core.db import Statement, driver_connection, param
from app.core.problems import Problem
from app.core.values import FIRST_DAY, LAST_DAY
from app.core.writing.writes import Write
from app.envelopes.models import AccountBalance, AccountDay, Contribution, LedgerEntry
from app.envelopes.rules import (
    COMMITTED,
    PAID,
    Account,
    Act,
    Closing,
    Instrument,
    RepaymentPolicy,
    Taker,
    available_from,
    debit_effect,
    enough,
    headroom,
    least,
    released,
    share,
    shifted,
)

TAKERS = 20  # acts that a refusal names at most
# Few contributions ever have one: it is opened where it is needed.
SELDOM = (Account.SHORTFALL, Account.RECOVERED, Account.WAIVED, Account.WRITTEN_OFF)


class EnvelopeExhausted(Problem):
    """The envelope does not have enough money left, on the day of the act and on every day since."""

    status = 409
    title_fr = "L'enveloppe n'a pas assez de crédits, le jour de l'acte et tous les jours depuis."
    detail = "{requested_cents} requested, {available_cents} available."
    detail_fr = "{requested_cents} demandés, {available_cents} disponibles."
    cure = (
        "Award less, date the act on `available_from` or later, release what is no longer needed, or ask the programme"
        " for a contribution. Where an act is reversed, reverse its `later_acts` first."
    )
    cure_fr = (
        "Attribuez moins, datez l'acte de `available_from` ou d'après, libérez ce qui n'est plus nécessaire, ou"
        " demandez une contribution au programme. Pour annuler un acte, annulez d'abord ses `later_acts`."
    )


class AccountOverdrawn(Problem):
    """An account cannot fall below zero on any day."""

    status = 409
    title_fr = "Un compte ne peut tomber sous zéro aucun jour."
    cure = "Reverse first what was done with this money: `later_acts`, the latest first."
    cure_fr = "Annulez d'abord ce qui a été fait de cet argent : `later_acts`, du plus récent au plus ancien."


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
    accounts = [account for account in Account if account not in SELDOM]
    rows = [{"territory": territory, "contribution_id": contribution_id, "account": account} for account in accounts]
    await write.session.execute(insert(AccountBalance), rows)
    await _lock(write, territory)
    await _post(write, territory, [Move(contribution_id, Account.AVAILABLE, Account.CONTRIBUTOR, amount_cents)], cause)


async def award(write: Write, territory: str, instrument: Instrument, amount_cents: int, cause: Cause) -> None:
    """Commit an amount, shared among the contributions in proportion to the headroom of each from the day on.

    Raises `EnvelopeExhausted` (409).
    """
    day = cause.effective_on
    rows = [row for row in await _lock(write, territory, day) if row["account"] == Account.AVAILABLE]
    if any(row["moves_later"] for row in rows):
        available = await _closings(write, territory, [row["contribution_id"] for row in rows], Account.AVAILABLE, day)
    else:  # the newest day, as nearly always: the headroom is the balance
        available = {row["contribution_id"]: [Closing(day, row["balance_cents"])] for row in rows}
    can_give = {key: headroom(closings, day) for key, closings in available.items()}
    if amount_cents > sum(can_give.values()):
        raise EnvelopeExhausted(
            requested_cents=amount_cents,
            available_cents=sum(can_give.values()),
            available_from=available_from(amount_cents, available.values()),
        )
    shares = share(amount_cents, can_give)
    await _post(write, territory, _moves(shares, COMMITTED[instrument], Account.AVAILABLE), cause)


async def available(write: Write, territory: str, day: date) -> dict[UUID, int]:
    """What each contribution has left from a day on: the most that awards of this day can commit of it."""
    contributions = select(Contribution.id).where(Contribution.territory == territory).order_by(Contribution.id)
    keys = list(await write.session.scalars(contributions))
    closings = await _closings(write, territory, keys, Account.AVAILABLE, day)
    return {key: headroom(closings.get(key, []), day) for key in keys}


async def pay(write: Write, territory: str, instrument: Instrument, amount_cents: int, cause: Cause) -> None:
    """Turn a part of an award's commitment into paid. The award's own limit has been checked by its row."""
    await _lock(write, territory)
    shares = await _shares(write, amount_cents, cause, COMMITTED[instrument])
    await _post(write, territory, _moves(shares, PAID[instrument], COMMITTED[instrument]), cause)


async def release(
    write: Write, territory: str, instrument: Instrument, cause: Cause, amount_cents: int | None = None
) -> list[UUID]:
    """Give what an award still commits back to the envelope, all or an amount; whose shortfall it filled.

    It returns on the day of the act; what was committed later, as by an amendment, on the day on which it was.
    """
    rows = await _lock(write, territory)
    held = await _held(write, cause.award_id, COMMITTED[instrument])
    by_day = released(amount_cents, held, cause.effective_on)
    for day, parts in by_day.items():
        moves = _moves(parts, Account.RELEASED, COMMITTED[instrument])
        moves += _moves(parts, Account.AVAILABLE, Account.RELEASED)
        await _post(write, territory, moves, replace(cause, effective_on=day))
    touched = {key for parts in by_day.values() for key in parts}
    return await _fill(write, territory, _short(rows) & touched, cause.effective_on)


async def paid_by(write: Write, instrument: Instrument, award_id: UUID, day: date) -> int:
    """What was paid of an award by a day, in cents, whatever came back. The award's row is locked by the caller."""
    e = LedgerEntry
    paid, committed = PAID[instrument], COMMITTED[instrument]
    flow = case((e.debit == paid, e.amount_cents), else_=-e.amount_cents)
    between = e.debit.in_((paid, committed)) & e.credit.in_((paid, committed))
    cents = select(func.sum(flow)).where(e.award_id == award_id, between, e.effective_on <= day)
    return int(await write.session.scalar(cents) or 0)


async def last_paid_on(write: Write, award_id: UUID) -> date | None:
    """The last day on which something was paid of an award; None where nothing was."""
    e = LedgerEntry
    days = select(func.max(e.effective_on)).where(e.award_id == award_id, e.act.in_((Act.PAYMENT, Act.TRANCHE)))
    day: date | None = await write.session.scalar(days)
    return day


async def released_by(write: Write, act_id: UUID, award_id: UUID) -> int:
    """What an act gave back of an award to the envelope and has not been taken back since, in cents."""
    e, r = LedgerEntry, aliased(LedgerEntry)
    given_back = select(func.coalesce(func.sum(e.amount_cents), 0)).where(
        e.act == Act.RELEASE, e.act_id == act_id, e.award_id == award_id, e.debit == Account.RELEASED,
        e.reverses_id.is_(None),
        ~exists().where(r.reverses_id == e.id),
    )  # fmt: skip
    return int(await write.session.scalar(given_back) or 0)


async def repay(
    write: Write, territory: str, amount_cents: int, cause: Cause, out_of: Account = Account.ADVANCES_PAID
) -> list[UUID]:
    """Take repaid capital of an advance in; what its contribution recycles is available again at once.

    The contributions whose shortfall it filled. What is written off of the award can be repaid, too: `out_of`.
    """
    return await _take_in(write, territory, amount_cents, cause, out_of, Account.REPAID)


async def recover(write: Write, territory: str, amount_cents: int, cause: Cause) -> list[UUID]:
    """Take back what was paid of a grant; what its contribution recycles is available again at once.

    The contributions whose shortfall it filled.
    """
    return await _take_in(write, territory, amount_cents, cause, Account.GRANTS_PAID, Account.RECOVERED)


async def _take_in(
    write: Write, territory: str, amount_cents: int, cause: Cause, paid: Account, received: Account
) -> list[UUID]:
    rows = await _lock(write, territory)
    by_day = await _shares_by_day(write, amount_cents, cause, paid)
    keys = {key for parts in by_day.values() for key in parts}
    await _open_all(write, territory, keys, received)
    recycling = set(
        await write.session.scalars(
            select(Contribution.id).where(
                Contribution.territory == territory, Contribution.repayment_policy == RepaymentPolicy.RECYCLE
            )
        )
    )
    for day, shares in by_day.items():
        again = {key: cents for key, cents in shares.items() if key in recycling}
        moves = _moves(shares, received, paid) + _moves(again, Account.AVAILABLE, received)
        await _post(write, territory, moves, replace(cause, effective_on=day))
    return await _fill(write, territory, _short(rows) & keys & recycling, cause.effective_on)


async def turn(write: Write, territory: str, amount_cents: int, cause: Cause, debit: Account, credit: Account) -> None:
    """Move capital of an award from one account to another, as a waiver or a write-off does."""
    await _lock(write, territory)
    by_day = await _shares_by_day(write, amount_cents, cause, credit)
    await _open_all(write, territory, {key for parts in by_day.values() for key in parts}, debit)
    for day, shares in by_day.items():
        await _post(write, territory, _moves(shares, debit, credit), replace(cause, effective_on=day))


_CAPITAL = (Account.ADVANCES_PAID, Account.WRITTEN_OFF)


async def capital(
    write: Write, award_id: UUID, account: Account, others: tuple[Account, ...] = _CAPITAL
) -> dict[UUID, int]:
    """How much of an advance's capital each act has brought into an account out of `others`, less what it took out, in
    cents.

    The award's row is locked by the caller.
    """
    by_day = await _capital_by_day(write, award_id, account, others)
    return {act_id: sum(days.values()) for act_id, days in by_day.items()}


async def brought_in_later(write: Write, award_id: UUID, days: Mapping[UUID, date]) -> set[UUID]:
    """The repayments of an advance of which `repaid` holds something only later than on these days of theirs."""
    by_day = await _capital_by_day(write, award_id, Account.REPAID, _CAPITAL)
    return {
        act_id for act_id, on in days.items()
        if any(cents > 0 for day, cents in by_day.get(act_id, {}).items() if day > on)
    }  # fmt: skip


async def _capital_by_day(
    write: Write, award_id: UUID, account: Account, others: tuple[Account, ...]
) -> dict[UUID, dict[date, int]]:
    e = LedgerEntry
    flow = case((e.debit == account, e.amount_cents), else_=-e.amount_cents)
    between = e.debit.in_((account, *others)) & e.credit.in_((account, *others))
    rows = await write.session.execute(
        select(e.act_id, e.effective_on, func.sum(flow))
        .where(e.award_id == award_id, (e.debit == account) | (e.credit == account), between)
        .group_by(e.act_id, e.effective_on)
    )
    found: dict[UUID, dict[date, int]] = defaultdict(dict)
    for act_id, day, cents in rows:
        found[act_id][day] = int(cents)
    return found


async def give_back(
    write: Write, territory: str, amount_cents: int, cause: Cause, into: Account = Account.ADVANCES_PAID
) -> list[UUID]:
    """Owe again what a repayment brought in, or a part of it, from a day on, or later where it was brought in later
    only, as when the bank sends it back; the contributions that it left short. `into` is what it came out of.

    What was recycled is taken from `available`, as far as it is there from that day on; the rest from `shortfall`.
    """
    await _lock(write, territory)
    brought = await _brought(write, cause.act_id, into)
    recycled = await _recycled_by(write, cause.act_id)
    short: set[UUID] = set()
    for day, parts in released(amount_cents, brought, cause.effective_on).items():
        moves: list[Move] = []
        # What was recycled comes back before what was repaid is owed again.
        for key, cents in sorted(parts.items()):
            if recycled.get(key, 0) > 0:
                available = (await _closings(write, territory, [key], Account.AVAILABLE, day)).get(key, [])
                given = min(cents, headroom(available, day))
                if given:
                    moves.append(Move(key, Account.REPAID, Account.AVAILABLE, given))
                if given < cents:
                    await _open(write, territory, key, Account.SHORTFALL)
                    moves.append(Move(key, Account.REPAID, Account.SHORTFALL, cents - given))
                    short.add(key)
            moves.append(Move(key, into, Account.REPAID, cents))
        await _post(write, territory, moves, replace(cause, effective_on=day))
    await _fill(write, territory, short, cause.effective_on)
    return sorted(short)


async def _brought(write: Write, act_id: UUID, out_of: Account) -> dict[UUID, list[Closing]]:
    """What a repayment has brought in out of an account and has not given back, by contribution and day."""
    by_day: dict[UUID, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for key, day, cents in await _flows(write, act_id, (out_of,)):
        by_day[key][day] += cents
    return {
        key: [Closing(day, cents) for day, cents in zip(sorted(days), _running(days), strict=True)]
        for key, days in by_day.items()
    }


def _running(by_day: Mapping[date, int]) -> Iterable[int]:
    """What movements come to on each of their days, in the order of the days."""
    return accumulate(cents for _, cents in sorted(by_day.items()))


async def _recycled_by(write: Write, act_id: UUID) -> dict[UUID, int]:
    """What of it is available again, or filled a shortfall, by contribution."""
    recycled: dict[UUID, int] = defaultdict(int)
    for key, _, cents in await _flows(write, act_id, (Account.AVAILABLE, Account.SHORTFALL)):
        recycled[key] -= cents
    return recycled


async def _flows(write: Write, act_id: UUID, others: tuple[Account, ...]) -> list[tuple[UUID, date, int]]:
    """What a repayment moved into `repaid` from other accounts, less what it moved back, by contribution and day."""
    e = LedgerEntry
    flow = case((e.debit == Account.REPAID, e.amount_cents), else_=-e.amount_cents)
    into = (e.debit == Account.REPAID) & e.credit.in_(others)
    out_of = (e.credit == Account.REPAID) & e.debit.in_(others)
    rows = await write.session.execute(
        select(e.contribution_id, e.effective_on, func.sum(flow))
        .where(e.act_id == act_id, into | out_of)
        .group_by(e.contribution_id, e.effective_on)
    )
    return [(key, day, int(cents)) for key, day, cents in rows]


async def hold(write: Write, territory: str) -> None:
    """Lock the territory's accounts before a row of a contribution, as those do who change its shortfall."""
    await _lock(write, territory)


async def reverse(write: Write, territory: str, act: Act, act_id: UUID) -> list[UUID]:
    """Take back every entry of an act by its opposite, on the day on which it counted; of a repayment also its bounce.

    The contributions whose shortfall is another now: what filled it is taken back first, and filled anew afterwards.

    Raises `EnvelopeExhausted`, `AccountOverdrawn` (409): what has been spent since is not there to be taken back, and
    the refusal names the acts that spent it. What the entries come to together is what must be there: a repayment and
    its bounce owe nothing to each other's day.
    """
    accounts = await _lock(write, territory)
    e, r = LedgerEntry, aliased(LedgerEntry)
    acts = (Act.REPAYMENT, Act.BOUNCE, Act.RECOVERY_AFTER_WRITE_OFF) if act is Act.REPAYMENT else (act,)
    rows = (
        await write.session.scalars(
            select(e)
            .where(
                e.act_id == act_id,
                e.act.in_(acts),
                e.territory == territory,
                e.reverses_id.is_(None),
                ~exists().where(r.reverses_id == e.id),
            )
            .order_by(e.id.desc())
        )
    ).all()
    before = _shortfalls(accounts)
    touched = before.keys() & {row.contribution_id for row in rows if Account.AVAILABLE in (row.debit, row.credit)}
    for key in touched:
        await _unfill(write, territory, key)
    await _refuse_spent(write, rows)
    await _take_all_back(write, territory, rows)
    await _fill(write, territory, touched, FIRST_DAY)
    after = _shortfalls(await _lock(write, territory)) if touched else before
    return sorted(key for key in touched if after[key] != before[key])


async def _take_all_back(write: Write, territory: str, rows: Sequence[LedgerEntry]) -> None:
    """Take entries back, the last first.

    Each posting must leave every account above zero on every day. Where the opposites do so only together, as of a
    repayment whose bounce gave back what another repayment took since, what an account lacks in between is borrowed
    from the shortfall of its contribution.
    """
    lent: list[LedgerEntry] = []
    for key in sorted({row.contribution_id for row in rows}):
        own = [row for row in rows if row.contribution_id == key]
        for account, cents in (await _lacking(write, territory, own)).items():
            await _open(write, territory, key, Account.SHORTFALL)
            cause = Cause(Act(own[0].act), own[0].act_id, min(row.effective_on for row in own), own[0].award_id)
            await _post(write, territory, [Move(key, account, Account.SHORTFALL, cents)], cause)
            newest = select(LedgerEntry).where(LedgerEntry.act_id == cause.act_id, LedgerEntry.contribution_id == key)
            lent.append((await write.session.scalars(newest.order_by(LedgerEntry.id.desc()).limit(1))).one())
    for row in [*rows, *lent]:
        await _take_back(write, row)


async def _lacking(write: Write, territory: str, rows: Sequence[LedgerEntry]) -> dict[Account, int]:
    """What each account of a contribution lacks at worst while these entries are taken back one after the other."""
    key, first = rows[0].contribution_id, min(row.effective_on for row in rows)
    lacking: dict[Account, int] = {}
    for name in sorted({row.debit for row in rows} | {row.credit for row in rows}):
        account = Account(name)
        closings = (await _closings(write, territory, [key], account, first)).get(key, [])
        bound = worst = min(0, least(closings, first))
        for row in rows:
            closings = shifted(closings, row.effective_on, _taken_from(row, account))
            worst = min(worst, least(closings, first))
        if worst < bound:
            lacking[account] = bound - worst
    return lacking


def _taken_from(entry: LedgerEntry, account: Account) -> int:
    """What an account gets back where an entry is taken back; below zero what it gives."""
    if account not in (entry.debit, entry.credit):
        return 0
    effect = debit_effect(account) * entry.amount_cents
    return -effect if account == entry.debit else effect


async def _take_back(write: Write, entry: LedgerEntry) -> None:
    cause = Cause(Act(entry.act), entry.act_id, entry.effective_on, entry.award_id)
    back = Move(entry.contribution_id, Account(entry.credit), Account(entry.debit), entry.amount_cents, entry.id)
    await _post(write, entry.territory, [back], cause)


# --- what the bank took and the envelope no longer had ----------------------------------------------------------------


def _shortfalls(rows: Iterable[Any]) -> dict[UUID, int]:
    """The shortfall of each contribution that has ever had one, from the locked accounts."""
    return {row["contribution_id"]: row["balance_cents"] for row in rows if row["account"] == Account.SHORTFALL}


def _short(rows: Iterable[Any]) -> set[UUID]:
    """The contributions that are short now."""
    return {key for key, cents in _shortfalls(rows).items() if cents}


async def _open_all(write: Write, territory: str, contributions: Iterable[UUID], account: Account) -> None:
    if account in SELDOM:
        for key in sorted(contributions):
            await _open(write, territory, key, account)


async def _open(write: Write, territory: str, contribution_id: UUID, account: Account) -> None:
    row = {"territory": territory, "contribution_id": contribution_id, "account": account}
    await write.session.execute(pg_insert(AccountBalance).values(row).on_conflict_do_nothing())


async def _fill(write: Write, territory: str, contributions: Iterable[UUID], day: date) -> list[UUID]:
    """Fill shortfalls from `available` from a day on; those it filled. Each day gives what both have from it on."""
    filled = []
    for key in sorted(contributions):
        while True:
            accounts = [
                (await _closings(write, territory, [key], account, day)).get(key, [])
                for account in (Account.SHORTFALL, Account.AVAILABLE)
            ]
            days = sorted({day} | {closing.day for closings in accounts for closing in closings if closing.day > day})
            can_fill = ((on, min(headroom(closings, on) for closings in accounts)) for on in days)
            on, cents = next(((on, cents) for on, cents in can_fill if cents), (day, 0))
            if not cents:
                break
            move = Move(key, Account.SHORTFALL, Account.AVAILABLE, cents)
            await _post(write, territory, [move], Cause(Act.COVER, key, on))
            filled.append(key)
    return sorted(set(filled))


async def _unfill(write: Write, territory: str, contribution_id: UUID) -> None:
    """Take back what filled a shortfall, the last first."""
    e, r = LedgerEntry, aliased(LedgerEntry)
    rows = await write.session.scalars(
        select(e)
        .where(
            e.territory == territory, e.contribution_id == contribution_id, e.act == Act.COVER,
            e.reverses_id.is_(None), ~exists().where(r.reverses_id == e.id),
        )
        .order_by(e.id.desc())
    )  # fmt: skip
    for entry in rows.all():
        await _take_back(write, entry)


async def _refuse_spent(write: Write, rows: Sequence[LedgerEntry]) -> None:
    """Refuse to take entries back where what they brought into an account is no longer there on some later day."""
    taken: dict[tuple[UUID, Account, UUID | None], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        for account in (Account(row.debit), Account(row.credit)):
            if account is not Account.SHORTFALL:  # what filled it is taken back before
                award_id = None if account is Account.AVAILABLE else row.award_id
                taken[row.contribution_id, account, award_id][row.effective_on] += _taken_from(row, account)
    for (key, account, award_id), by_day in taken.items():
        first, cents = min(by_day), -min(0, *_running(by_day))
        if not cents:
            continue
        if award_id is None:
            closings = (await _closings(write, rows[0].territory, [key], account, first)).get(key, [])
        else:
            # The account's CHECK would let another award's money stand in for what this one no longer holds.
            closings = (await _held(write, award_id, account)).get(key, [])
        after: Sequence[Closing] = closings
        for day, back in by_day.items():
            after = shifted(after, day, back)
        lacks = least(after, first)
        if lacks >= 0:
            continue
        takers = await _takers(write, account, first, contribution_id=key, award_id=award_id)
        lifted = shifted(after, FIRST_DAY, cents)
        acts = [taker.public() for taker in enough(lifted, first, cents, takers)]
        if account is Account.AVAILABLE:
            raise EnvelopeExhausted(
                requested_cents=cents, available_cents=max(0, cents + lacks), available_from=None,
                later_acts=acts[:TAKERS],
            )  # fmt: skip
        raise AccountOverdrawn(later_acts=acts[:TAKERS])


async def _takers(
    write: Write, account: Account, day: date, *, contribution_id: UUID | None = None, award_id: UUID | None = None
) -> list[Taker]:
    """The acts that took money out of an account from a day on and still stand, the last recorded first."""
    e, r = LedgerEntry, aliased(LedgerEntry)
    which = [e.award_id == award_id] if award_id is not None else []
    which += [e.contribution_id == contribution_id] if contribution_id is not None else []
    rows = await write.session.execute(
        select(e.act, e.act_id, e.award_id, e.effective_on, func.sum(e.amount_cents).label("cents"))
        .where(
            *which, e.credit == account, e.effective_on >= day, e.reverses_id.is_(None),
            ~exists().where(r.reverses_id == e.id),
        )
        .group_by(e.act, e.act_id, e.award_id, e.effective_on)
        .order_by(func.max(cast(e.id, Text)).desc())
    )  # fmt: skip
    return [Taker(Act(row.act), row.act_id, row.award_id, row.effective_on, int(row.cents)) for row in rows]


def _accounts() -> Statement:
    b = AccountBalance
    held = (
        select(b.territory, b.contribution_id, b.account, b.balance_cents)
        .where(b.territory == param("territory", Text()))
        .order_by(b.contribution_id, b.account)
        .with_for_update(key_share=True)
        .subquery("held")
    )
    key = (held.c.territory, held.c.contribution_id, held.c.account)
    moves_later = case(
        (
            held.c.account == literal_column(f"'{Account.AVAILABLE}'", Text()),
            func.moves_later(*key, param("day", Date())),
        ),
        else_=false(),
    )
    return Statement(
        select(held.c.contribution_id, held.c.account, held.c.balance_cents, moves_later.label("moves_later"))
    )


_ACCOUNTS = _accounts()


async def _lock(write: Write, territory: str, day: date = LAST_DAY) -> list[Any]:
    """The accounts, locked, as they are after the wait: one that a parallel contribution adds is not shared out.

    With them whether `available` moves on a later day than this one.
    """
    connection = await driver_connection(write.session)
    values = {"territory": territory, "day": day}
    rows: list[Any] = await connection.fetch(_ACCOUNTS.sql, *_ACCOUNTS.arguments(values))
    return rows


async def _closings(
    write: Write, territory: str, contributions: Sequence[UUID], account: Account, day: date
) -> dict[UUID, list[Closing]]:
    """An account of each contribution from a day on, as it is after the wait for the lock."""
    connection = await driver_connection(write.session)
    values = {"territory": territory, "contributions": contributions, "account": account, "day": day}
    closings: dict[UUID, list[Closing]] = defaultdict(list)
    for key, closing_day, cents in await connection.fetch(_CLOSINGS.sql, *_CLOSINGS.arguments(values)):
        closings[key].append(Closing(closing_day, cents))
    return closings


def _closings_of_account() -> Statement:
    d, before = AccountDay, aliased(AccountDay)
    territory, account, day = param("territory", Text()), param("account", Text()), param("day", Date())
    opening = (
        select(func.max(before.day))
        .where(
            before.territory == territory,
            before.contribution_id == d.contribution_id,
            before.account == account,
            before.day <= day,
        )
        .scalar_subquery()
    )
    key = select(func.unnest(param("contributions", ARRAY(Uuid()))).label("id")).subquery("key")
    return Statement(
        select(d.contribution_id, d.day, d.closing_cents)
        .join(key, key.c.id == d.contribution_id)
        .where(d.territory == territory, d.account == account, d.day >= func.coalesce(opening, day))
        .order_by(d.contribution_id, d.day)
    )


_CLOSINGS = _closings_of_account()


async def _held(write: Write, award_id: UUID | None, account: Account) -> dict[UUID, list[Closing]]:
    """What an award holds in an account, by contribution and day. The award's row is locked by the caller."""
    e = LedgerEntry
    moved = func.sum(case((e.debit == account, e.amount_cents), else_=-e.amount_cents))
    rows = await write.session.execute(
        select(e.contribution_id, e.effective_on, moved.label("cents"))
        .where(e.award_id == award_id, (e.debit == account) | (e.credit == account))
        .group_by(e.contribution_id, e.effective_on)
        .order_by(e.contribution_id, e.effective_on)
    )
    held: dict[UUID, list[Closing]] = defaultdict(list)
    for row in rows:
        before = held[row.contribution_id][-1].cents if held[row.contribution_id] else 0
        held[row.contribution_id].append(Closing(row.effective_on, before + int(row.cents)))
    return held


async def _shares(write: Write, amount_cents: int, cause: Cause, account: Account) -> dict[UUID, int]:
    """An amount taken from what an award holds in an account, in proportion to its headroom from the day on.

    Raises `AccountOverdrawn` (409) where later acts have left too little to one contribution or another.
    """
    held = await _held(write, cause.award_id, account)
    can_give = {key: headroom(closings, cause.effective_on) for key, closings in held.items()}
    if amount_cents > sum(can_give.values()):
        takers = await _takers(write, account, cause.effective_on, award_id=cause.award_id)
        raise AccountOverdrawn(later_acts=[taker.public() for taker in takers[:TAKERS]])
    return share(amount_cents, can_give)


async def _shares_by_day(
    write: Write, amount_cents: int, cause: Cause, account: Account
) -> dict[date, dict[UUID, int]]:
    """An amount taken from what an award holds in an account from the day of the act on, or later where it holds it
    later only, as after a repayment that the bank sent back.

    Raises `AccountOverdrawn` (409) where it never holds so much.
    """
    held = await _held(write, cause.award_id, account)
    if amount_cents > sum(headroom(closings, LAST_DAY) for closings in held.values()):
        takers = await _takers(write, account, cause.effective_on, award_id=cause.award_id)
        raise AccountOverdrawn(later_acts=[taker.public() for taker in takers[:TAKERS]])
    return released(amount_cents, held, cause.effective_on)


def _moves(shares: dict[UUID, int], debit: Account, credit: Account) -> list[Move]:
    return [Move(key, debit, credit, cents) for key, cents in sorted(shares.items()) if cents]


async def _post(write: Write, territory: str, moves: Iterable[Move], cause: Cause) -> None:
    """Post the movements one after the other, in one round trip: the accounts are locked meanwhile."""
    connection = await driver_connection(write.session)
    movements = [
        _POSTING.arguments(
            {
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
        )
        for move in moves
    ]
    await connection.executemany(_POSTING.sql, movements)


def _posting() -> Statement:
    """One movement as one statement: both balances, and the entry that remembers them."""
    b, e = AccountBalance, LedgerEntry.__table__.c
    territory, contribution = param("territory", Text()), param("contribution_id", e.contribution_id.type)
    debit, credit = param("debit", Text()), param("credit", Text())
    cents = case((b.account == debit, param("debit_cents", BigInteger())), else_=param("credit_cents", BigInteger()))
    moved = (
        update(b)
        .where(b.territory == territory, b.contribution_id == contribution, b.account.in_((debit, credit)))
        .values(balance_cents=b.balance_cents + cents)
        .returning(b.account, b.balance_cents)
        .cte("moved")
    )
    debited, credited = moved.alias("debited"), moved.alias("credited")
    names = [
        "territory", "contribution_id", "debit", "credit", "amount_cents", "debit_balance_cents",
        "credit_balance_cents", "effective_on", "recorded_at", "recorded_by", "act", "act_id", "award_id",
        "reverses_id",
    ]  # fmt: skip
    row = select(
        territory,
        contribution,
        debited.c.account,
        credited.c.account,
        param("amount", BigInteger()),
        debited.c.balance_cents,
        credited.c.balance_cents,
        param("effective", Date()),
        param("now", e.recorded_at.type),
        param("actor", e.recorded_by.type),
        param("act", Text()),
        param("act_id", e.act_id.type),
        param("award", e.award_id.type),
        param("reverses", e.reverses_id.type),
    ).where(debited.c.account == debit, credited.c.account == credit)
    return Statement(pg_insert(LedgerEntry).from_select(names, row))


_POSTING = _posting()
