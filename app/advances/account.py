"""The account of an advance: its facts are read, replayed, and what they come to is written.

Every act on an advance adds its facts and calls `settle`, which does the rest under the lock of the advance's row: the
parts of its repayments, its own sums and status, the versions of its schedule, and what the envelope holds of it.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import ColumnElement, func, insert, or_, select

from app.advances import replay, schemas
from app.advances.arrears import spans, states
from app.advances.arrears.facts import Surroundings, course_so_far, replayed, replayed_so_far, surroundings_of
from app.advances.models import Advance, Repayment, RepaymentStatus, ScheduleLine, ScheduleVersion
from app.advances.position import (
    Assigned,
    Carried,
    Charge,
    EarlyChoice,
    Facts,
    Line,
    PaidTranche,
    Position,
    Version,
    VersionCause,
)
from app.advances.proceedings import effects
from app.advances.queries import ADVANCES, REPAYMENTS, account
from app.advances.receipts.models import PARTS, Receipt
from app.advances.schedule import CashFlow
from app.awards import service as awards
from app.awards.kinds import KINDS
from app.core import clock
from app.core.db import driver_connection
from app.core.values import LAST_DAY
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Account, Act
from app.envelopes.service import shortfall_changes


async def hold(write: Write, territory: str, advance_id: UUID) -> Advance:
    """The advance, locked. What it refers to, and what refers to it, is locked after it; the accounts last."""
    return await write.lock(Advance, Advance.id == advance_id, Advance.territory == territory)


async def hold_receipts(write: Write, advances: Iterable[UUID], more: Iterable[UUID] = ()) -> None:
    """Lock the receipts of advances that are held, and `more`, by their ids. Who settles several advances does so
    before.
    """
    of_them = select(Repayment.receipt_id).where(Repayment.advance_id.in_(list(advances)))
    await _lock_receipts(write, or_(Receipt.id.in_(of_them), Receipt.id.in_(list(more))))


async def _lock_receipts(write: Write, condition: ColumnElement[bool]) -> None:
    rows = select(Receipt.id).where(condition).order_by(Receipt.id)
    await write.session.execute(rows.with_for_update(key_share=True))


@dataclass(frozen=True)
class KnownAccount:
    """What is known of an advance: its facts, and what it was to be paid as long as nothing is.

    `around` are the notices, rates and proceedings among the facts; `counted` how many changes of proceedings and how
    many rates there were. `held_refunds` went back to the firm, by their days, of money that the bank has sent back
    since.
    """

    facts: Facts
    around: Surroundings
    terms: schemas.AwardedTerms
    decided: bool
    awarded_cents: int
    planned_on: date
    counted: tuple[int, int]
    held_refunds: Sequence[CashFlow]


def facts_of(row: Any) -> KnownAccount:
    """The facts that `queries.account` has read."""
    terms = schemas.AwardedTerms.model_validate(from_json(row["terms"]))
    tranches, repayments = from_json(row["tranches"]), from_json(row["repayments"])
    versions = from_json(row["versions"])
    # Ids are made in the order of recording, of versions and of repayments alike.
    order = {key: place for place, key in enumerate(sorted([each[0] for each in (*versions, *repayments)]))}
    facts = Facts(
        terms=terms.plan(),
        tranches=[PaidTranche(UUID(key), date.fromisoformat(on), cents) for key, on, cents in tranches],
        assignments=[
            Assigned(
                id=UUID(key), value_on=date.fromisoformat(on), cents=cents - (refunded or 0), order=order[key],
                choice=None if choice is None else EarlyChoice(choice), after_write_off=late,
            )
            for key, on, cents, late, refunded, choice in repayments
        ],
        versions=[_version(each, order[each[0]]) for each in versions],
        rule=terms.allocation_rule,
        charges=[
            Charge(UUID(key), date.fromisoformat(on), cents) for key, on, cents in from_json(row["charges"])
        ],
        written_off_on=row["written_off_on"],
        written_off_by=UUID(str(row["id"])),
    )  # fmt: skip
    around = surroundings_of(row, terms.late_rate, terms.late_rate_bp)
    return KnownAccount(
        around.add_to(facts), around, terms, row["decided"], row["awarded_cents"], row["planned_on"],
        (row["counted_judgments"], row["counted_rates"]),
        [CashFlow(date.fromisoformat(on), cents) for on, cents in from_json(row["held_refunds"])],
    )  # fmt: skip


def _version(row: Sequence[Any], order: int) -> Version:
    _, number, from_on, cause, act, waived, capitalised, interest, fees, late, free, rate_bp, _, lines = row
    return Version(
        from_on=date.fromisoformat(from_on),
        cause=VersionCause(cause),
        lines=tuple(Line(date.fromisoformat(due_on), *amounts) for due_on, *amounts in lines),
        number=number,
        act=None if act is None else UUID(act),
        order=order,
        carried=Carried(
            waived,
            capitalised,
            interest,
            fees,
            late,
            None if free is None else date.fromisoformat(free),
            rate_bp,
        ),
    )


async def known(write: Write, advance: Advance) -> KnownAccount:
    """What is known of an advance that is locked, with what this write has added."""
    await write.session.flush()
    statement = account(False)
    values = {"territory": advance.territory, "advance_id": advance.id, "as_of": LAST_DAY}
    connection = await driver_connection(write.session)
    return facts_of(await connection.fetchrow(statement.sql, *statement.arguments(values)))


async def stands(write: Write, advance: Advance, on: date | None = None) -> Position:
    """Where an advance that is locked stands at the end of a day: of today, unless another is given."""
    return replayed_so_far((await known(write, advance)).facts, on or clock.today())


def stands_by(known: KnownAccount, on: date) -> Position:
    """Where an advance stands at the end of a day, by what is known of it. Raises `legal-rate-missing` (409)."""
    return replayed(known.facts, on)


async def enact(write: Write, advance: Advance, version: Version, act_id: UUID) -> None:
    """Add the version that an act makes: a fact, which `settle` counts."""
    last = select(func.max(ScheduleVersion.number)).where(ScheduleVersion.advance_id == advance.id)
    number = (await write.session.scalar(last) or 0) + 1
    await _write_versions(write, advance, [dataclasses.replace(version, number=number, act=act_id)])


Post = Callable[[], Awaitable[list[Change]]]


async def settle(
    write: Write, advance: Advance, told: str = "updated", *, own: Repayment | None = None,
    new: Sequence[Repayment] = (), later: list[Post] | None = None,
) -> list[Change]:  # fmt: skip
    """Write what an advance that is locked comes to, now that an act has added its facts.

    `own` is the repayment that the act is about, where it is about one, and `new` are those that it adds; `told` is
    what the event of the advance says. What the bank did is never refused for want of money; a repayment that is
    reversed as a mistake is: `envelope-exhausted`.
    Who settles several advances posts to the envelope `later`: its accounts are locked last.
    """
    here = await known(write, advance)
    advance.counted_until_on, advance.counted_judgments, advance.counted_rates = clock.today(), *here.counted
    if here.around.void:  # what a corrected judgment had made due is undone before the new day is answered
        stand = replayed_so_far(here.facts, clock.today())
        await _write_versions(write, advance, replay.unwritten(here.facts.versions, stand))
        here = await known(write, advance)
    judged = await effects.take(write, advance, here.around, here.facts, clock.today())
    if judged.version is not None and judged.act is not None:
        await enact(write, advance, judged.version, judged.act)
        here = await known(write, advance)
    facts = here.facts
    position, days = course_so_far(facts, clock.today())
    repayments = await _repayments(write, advance)
    changed = await _share(write, repayments, position)
    await _write_versions(write, advance, replay.unwritten(facts.versions, position))
    was_owed = advance.settled_as is None
    _sum_up(advance, position)
    await write.session.flush()
    await spans.put(write, advance.territory, advance.id, days)
    await states.put(write, advance.territory, advance.id, position)
    followed: list[Change] = []
    if was_owed and advance.settled_as is not None and advance.status in _SETTLED:
        followed = await awards.follow(write, advance, _settled_on(advance, repayments), None)

    async def post() -> list[Change]:
        touched = await _post(write, advance, facts, repayments, position, own)
        return await shortfall_changes(write, advance.territory, touched)

    bound = {"territory": advance.territory, "advance_id": advance.id}
    told_of = {each.id for each in (*new, *([own] if own is not None else []))}
    others = [each.id for each in changed if each.id not in told_of]
    changes = [
        Change(f"advance.{told}", ADVANCES, [advance.id], bound),
        *([Change("advance_repayment.updated", REPAYMENTS, others, bound)] if others else []),
        *judged.changes,
        *followed,
    ]
    if later is not None:
        later.append(post)
        return changes
    return [*changes, *await post()]


_SETTLED = ("repaid", "closed")


async def _repayments(write: Write, advance: Advance) -> list[Repayment]:
    rows = select(Repayment).where(Repayment.advance_id == advance.id).order_by(Repayment.value_on, Repayment.id)
    return list(await write.session.scalars(rows))


async def _share(write: Write, repayments: Sequence[Repayment], position: Position) -> list[Repayment]:
    """Give each repayment that stands the parts that it pays; those that changed. Their receipts count them."""
    changed: list[tuple[Repayment, dict[str, int]]] = []
    for each in repayments:
        split = position.splits.get(each.id)
        if each.status != RepaymentStatus.RECORDED or split is None:
            continue
        parts = {name: getattr(split, name) for name in PARTS}
        parts["overpaid_cents"] += each.refunded_cents  # what went back to the firm repays nothing
        if any(getattr(each, name) != cents for name, cents in parts.items()):
            changed.append((each, parts))
    # Two advances may share receipts: these are locked in the order of their ids, before repayments are written.
    await _lock_receipts(write, Receipt.id.in_({each.receipt_id for each, _ in changed}))
    for each, parts in changed:
        for name, cents in parts.items():
            setattr(each, name, cents)
    return [each for each, _ in changed]


async def _write_versions(write: Write, advance: Advance, made: Sequence[Version]) -> None:
    for version in made:
        row = ScheduleVersion(
            territory=advance.territory, advance_id=advance.id, number=version.number, from_on=version.from_on,
            cause=version.cause, outstanding_cents=version.outstanding_cents, lines=len(version.lines),
            waived_cents=version.carried.waived_cents, capitalised_cents=version.carried.capitalised_cents,
            carried_interest_cents=version.carried.interest_cents, carried_fees_cents=version.carried.fees_cents,
            carried_late_interest_cents=version.carried.late_interest_cents,
            interest_free_until_on=version.carried.interest_free_until_on,
            annual_rate_bp=version.carried.annual_rate_bp, act_id=version.act,
            recorded_at=write.now, made_by=write.actor.subject_id,
        )  # fmt: skip
        write.session.add(row)
        await write.session.flush()
        lines = [
            {
                "version_id": row.id, "position": position, "due_on": line.due_on,
                "principal_cents": line.principal_cents, "interest_cents": line.interest_cents,
                "capitalised_cents": line.capitalised_cents, "fees_cents": line.fees_cents,
                "late_interest_cents": line.late_interest_cents, "kept": line.kept,
            }
            for position, line in enumerate(version.lines, start=1)
        ]  # fmt: skip
        if lines:
            await write.session.execute(insert(ScheduleLine), lines)


def _sum_up(advance: Advance, position: Position) -> None:
    """The advance's own sums, and what took its last cent."""
    advance.disbursed_cents = position.disbursed_cents
    advance.repaid_cents = position.repaid_cents
    advance.waived_cents = position.waived_cents
    advance.written_off_cents = position.written_off_cents
    advance.capitalised_cents = position.capitalised_cents
    advance.settled_as = position.settled_as
    kind = KINDS["advance"]
    kind.settle(advance)


def _settled_on(advance: Advance, repayments: Sequence[Repayment]) -> date:
    days = [each.value_on for each in repayments if each.status == RepaymentStatus.RECORDED]
    return max([*days, advance.written_off_on or date.min], default=advance.decided_on)


# --- what the envelope holds of it ------------------------------------------------------------------------------------


async def _post(
    write: Write, advance: Advance, facts: Facts, repayments: Sequence[Repayment], position: Position,
    own: Repayment | None,
) -> list[UUID]:  # fmt: skip
    """Bring the ledger to what the account says of the capital; the contributions whose shortfall is another now.

    The ledger holds what was disbursed: capital that was capitalised interest is none of the envelope's. What is less
    than before goes first, so that another act can repay it.
    """
    territory = advance.territory
    capital = _capital(advance, facts, repayments, position)
    touched: set[UUID] = set()
    later: set[UUID] = set()
    if own is not None and own.status == RepaymentStatus.REVERSED:
        touched |= set(await ledger.reverse(write, territory, Act.REPAYMENT, own.id))
        # What others could bring in only once the bank had sent it back, they have brought in on their own days.
        later = await ledger.brought_in_later(write, advance.id, {each.id: _day(advance, each) for each in repayments})
    again: list[tuple[Repayment, Account, int]] = []
    for out_of, wanted in capital.repaid.items():
        held = await ledger.capital(write, advance.id, Account.REPAID, (out_of,))
        for each in repayments:
            want, have = wanted.get(each.id, 0), held.get(each.id, 0)
            back = have if each.id in later else max(have - want, 0)
            if back:
                cause = _cause(advance, each, out_of)
                if each.bounced_on is not None:
                    cause = Cause(Act.BOUNCE, each.id, each.bounced_on, advance.id)
                touched |= set(await ledger.give_back(write, territory, back, cause, out_of))
            if have - back < want:
                again.append((each, out_of, want - have + back))
    await _give_up(write, advance, capital)
    for each, out_of, cents in again:
        touched |= set(await ledger.repay(write, territory, cents, _cause(advance, each, out_of), out_of))
    return sorted(touched)


def _day(advance: Advance, repayment: Repayment) -> date:
    """The day on which a repayment counts: one that was recorded after the write-off not before it."""
    if repayment.after_write_off and advance.written_off_on is not None:
        return max(repayment.value_on, advance.written_off_on)
    return repayment.value_on


def _cause(advance: Advance, repayment: Repayment, out_of: Account) -> Cause:
    act = Act.RECOVERY_AFTER_WRITE_OFF if out_of is Account.WRITTEN_OFF else Act.REPAYMENT
    return Cause(act, repayment.id, _day(advance, repayment), advance.id)


class _Capital(NamedTuple):
    """What the envelope's accounts are to hold of an advance, in cents: what each repayment brought in, by the account
    that it came out of; what each act waived; what was written off in all.
    """

    repaid: Mapping[Account, dict[UUID, int]]
    waived: Mapping[Cause, int]
    written_off: int


def _capital(advance: Advance, facts: Facts, repayments: Sequence[Repayment], position: Position) -> _Capital:
    """The disbursed capital that each repayment has brought in (the first that came, as far as there was any), that was
    waived, and that was written off of what had been paid out by then.
    """
    left = advance.disbursed_cents
    living: dict[UUID, int] = {}
    splits = [
        (each, position.splits[each.id]) for each in repayments
        if each.status == RepaymentStatus.RECORDED and each.id in position.splits
    ]  # fmt: skip
    for each, split in splits:
        living[each.id] = min(split.principal_cents - split.recovered_cents, left)
        left -= living[each.id]
    waived: dict[Cause, int] = {}
    for version in facts.versions:
        if version.carried.waived_cents and isinstance(version.act, UUID):
            cause = Cause(Act.WAIVER, version.act, version.from_on, advance.id)
            waived[cause] = min(version.carried.waived_cents, left)
            left -= waived[cause]
    gone = advance.written_off_on
    if gone is None:
        return _Capital({Account.ADVANCES_PAID: living}, waived, 0)
    paid_since = sum(tranche.cents for tranche in facts.tranches if tranche.on > gone)
    repaid_since = sum(living[each.id] for each, _ in splits if each.after_write_off or each.value_on > gone)
    written_off = left - (paid_since - repaid_since)
    left, recovered = written_off, {}
    for each, split in splits:
        recovered[each.id] = min(split.recovered_cents, left)
        left -= recovered[each.id]
    return _Capital({Account.ADVANCES_PAID: living, Account.WRITTEN_OFF: recovered}, waived, written_off)


async def _give_up(write: Write, advance: Advance, capital: _Capital) -> None:
    """Waived and written off capital leaves what is paid, each by its act."""
    posted = await ledger.capital(write, advance.id, Account.WAIVED) if capital.waived else {}
    for cause, cents in capital.waived.items():
        await _turn(write, advance, cents - posted.get(cause.act_id, 0), cause, Account.WAIVED)
    if advance.written_off_on is not None:
        gone = await ledger.capital(write, advance.id, Account.WRITTEN_OFF)
        cause = Cause(Act.WRITE_OFF, advance.id, advance.written_off_on, advance.id)
        await _turn(write, advance, capital.written_off - gone.get(advance.id, 0), cause, Account.WRITTEN_OFF)


async def _turn(write: Write, advance: Advance, cents: int, cause: Cause, into: Account) -> None:
    if cents > 0:
        await ledger.turn(write, advance.territory, cents, cause, into, Account.ADVANCES_PAID)
    elif cents < 0:
        await ledger.turn(write, advance.territory, -cents, cause, Account.ADVANCES_PAID, into)
