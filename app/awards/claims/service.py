"""Writes of claims: submitted, changed, sampled, settled by somebody else, reopened, withdrawn.

Whoever writes holds the aid, the lines of its decision where a settlement counts on them, its awards, the claim, and
last, where it declares invoices, the claims of the firm: of two that declare the same one, the second sees the first.
"""

from collections.abc import Collection, Mapping, Sequence
from secrets import token_hex
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, delete, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from app.access.duties import CLAIMS_SETTLES, with_author
from app.access.rules import Actor, accountable, person
from app.awards.aids import Held, hold
from app.awards.claims import rules, schemas
from app.awards.claims.models import CLAIMS_OF_A_FIRM, ClaimLine, DeclaredInvoice, ExpenseClaim
from app.awards.claims.queries import ADVANCE_ID, CLAIMS, GRANT_ID, OVER
from app.awards.claims.rules import (
    LOWERED_INVOICE_MISSING,
    MISSING_VERDICT,
    REPEATED_INVOICE,
    REPEATED_VERDICT,
    SAMPLE_TOO_LARGE,
    WRONG_SIGN,
    AboveParked,
    AwardWithoutLines,
    ClaimAction,
    ClaimStatus,
    ComparedInvoice,
    DeclaredLine,
    Deduction,
    InvoiceAlreadyClaimed,
    InvoiceExceeded,
    Part,
    Period,
    SampleDrawn,
    Verdict,
)
from app.awards.kinds import AwardKind
from app.awards.life.queries import received_on_of
from app.awards.models import Aid, AidLine, Ending
from app.awards.rules import AwardEnded, refuse_before_decision
from app.core import clock
from app.core.db import touch
from app.core.faults import FieldError
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, given, put
from app.firms.models import Firm

_DECLARED = (
    "line_id", "invoice_number", "supplier_siren", "supplier_name", "invoiced_on", "paid_on", "proof_sha256",
    "lowers_invoice_number",
)  # fmt: skip


async def submit(
    write: Write, territory: str, award_id: UUID, body: schemas.ClaimCreate, kind: AwardKind | None = None
) -> Change:
    """Submit what a firm declares to have spent of the aid of an award.

    Raises `award-without-lines`, `award-ended`, `invoice-already-claimed`, `invoice-exceeded`, `credit-above-invoice`,
    `above-parked`, `expense-before-receipt`, `expense-after-completion`, `already-exists` (409),
    `reference-not-found` (404), `email-missing` (403).
    """
    submitted_by = accountable(write.actor)
    held = await hold(write, territory, award_id, kind)
    if held.aid.parameters is None:
        raise AwardWithoutLines
    _refuse_over(held, (*OVER, Ending.TERMINATED))
    claim = ExpenseClaim(
        territory=territory,
        aid_id=held.aid.id,
        siren=held.aid.siren,
        external_id=body.external_id,
        submitted_by=submitted_by,
        authors=with_author([], write.actor),
    )
    write.session.add(claim)
    await write.session.flush()
    await _declare(write, held.aid, claim, body.lines)
    return _change("submitted", claim)


async def change(
    write: Write, territory: str, award_id: UUID, claim_id: UUID, body: schemas.ClaimUpdate,
    kind: AwardKind | None = None,
) -> Change:  # fmt: skip
    """Change a claim that is neither settled nor sampled. Raises what `submit` raises, `claim-transition` and
    `sample-drawn` (409).
    """
    held, claim = await _held(write, territory, award_id, claim_id, kind)
    rules.next_status(ClaimAction.CHANGE, ClaimStatus(claim.status))
    _refuse_over(held, (*OVER, Ending.TERMINATED))
    fields = given(body)
    lines: list[schemas.ClaimLineBody] | None = fields.pop("lines", None)
    replaces = lines is not None and not _says(await lines_of(write, claim_id), lines)
    if lines is not None and replaces:
        if claim.sample_seed is not None:
            raise SampleDrawn
        await write.session.execute(delete(ClaimLine).where(ClaimLine.claim_id == claim_id))
        await _declare(write, held.aid, claim, lines)
        touch(claim)
    if not put(claim, fields) and not replaces:
        return _change("", claim)
    accountable(write.actor)
    claim.authors = with_author(claim.authors, write.actor)
    await write.session.flush()
    return _change("updated", claim)


async def append(
    write: Write, territory: str, award_id: UUID, claim_id: UUID, lines: Sequence[schemas.ClaimLineBody]
) -> Change:
    """Declare more invoices in a claim, none of which it has. Raises what `change` raises."""
    held, claim = await _held(write, territory, award_id, claim_id, None)
    rules.next_status(ClaimAction.CHANGE, ClaimStatus(claim.status))
    _refuse_over(held, (*OVER, Ending.TERMINATED))
    if claim.sample_seed is not None:
        raise SampleDrawn
    accountable(write.actor)
    last = select(func.max(ClaimLine.position)).where(ClaimLine.claim_id == claim_id)
    await _declare(write, held.aid, claim, lines, after=await write.session.scalar(last) or 0)
    claim.authors = with_author(claim.authors, write.actor)
    touch(claim)
    await write.session.flush()
    return _change("updated", claim)


async def draw(
    write: Write, territory: str, award_id: UUID, claim_id: UUID, body: schemas.SampleDraw, kind: AwardKind
) -> Change:
    """Draw the lines to control, once, from a seed that nobody chooses.

    Raises `sample-drawn`, `claim-transition` (409), `separation-of-duties`, `person-required`, `email-missing` (403).
    """
    _, claim = await _held(write, territory, award_id, claim_id, kind)
    rules.next_status(ClaimAction.SAMPLE, ClaimStatus(claim.status))
    sampled_by = CLAIMS_SETTLES.separate(write.actor, claim.authors)
    if claim.sample_seed is not None:
        raise SampleDrawn
    lines = await lines_of(write, claim_id)
    if body.size > len(lines):
        raise ValidationFailed(errors=[SAMPLE_TOO_LARGE.at("/size", lines=len(lines))])
    seed = token_hex(8)
    drawn = rules.draw(body.method, seed, body.size, {line.position: abs(line.declared_cents) for line in lines})
    claim.sample_method, claim.sample_size, claim.sample_seed = body.method, body.size, seed
    claim.sampled_by, claim.sampled_at = sampled_by, write.now
    of_claim = update(ClaimLine).where(ClaimLine.claim_id == claim_id)
    await write.session.execute(of_claim.values(sampled=ClaimLine.position.in_(drawn)))
    await write.session.flush()
    return _change("sampled", claim)


async def settle(
    write: Write, territory: str, award_id: UUID, claim_id: UUID, body: schemas.ClaimSettle, kind: AwardKind
) -> Change:
    """Settle a claim line by line, as a person who did not write it: what is certified counts from then on.

    Raises `claim-transition`, `settlement-unbalanced`, `credit-above-invoice`, `expense-after-completion`,
    `award-ended`, `before-decision` (409), `separation-of-duties`, `person-required`, `email-missing` (403),
    `reference-not-found` (404).
    """
    held, claim = await _held(write, territory, award_id, claim_id, kind, lines=True)
    settled = rules.next_status(ClaimAction.SETTLE, ClaimStatus(claim.status))
    settled_by = CLAIMS_SETTLES.separate(write.actor, claim.authors)
    _refuse_over(held, OVER)
    settled_on = body.settled_on or clock.today()
    refuse_future({"/settled_on": settled_on, "/visited_on": body.visited_on})
    refuse_before_decision(held.aid.decided_on, settled_on)
    lines = await lines_of(write, claim_id)
    said = _said(lines, body.lines)
    left = {line.id: line.amount_cents - line.certified_cents for line in held.lines}
    outcome = rules.settle(
        [DeclaredLine(line.position, line.line_id, line.declared_cents) for line in lines],
        {position: body.lines[place].verdict for position, place in said.items()},
        left,
    )
    if wrong := [
        WRONG_SIGN.at(f"/lines/{said[line.position]}")
        for line in lines
        if not outcome[line.position].fits(line.declared_cents)
    ]:
        raise ValidationFailed(errors=wrong)
    counting = [line for line in lines if outcome[line.position].certified_cents > 0]
    period = Period(completed_on=held.aid.completed_on)  # what was before the receipt was not declared
    at = {position: f"/lines/{place}" for position, place in said.items()}
    period.refuse([(at.get(line.position, "/lines"), line.invoiced_on, line.paid_on) for line in counting])
    notes = {position: body.lines[place].note for position, place in said.items()}
    await _write_verdicts(write, lines, outcome, notes)
    claim.status, claim.settled_by, claim.settled_on, claim.settled_at = settled, settled_by, settled_on, write.now
    claim.checklist = None if body.checklist is None else [item.model_dump() for item in body.checklist]
    claim.visited_on = body.visited_on
    await write.session.flush()
    return _change("settled", claim)


async def reopen(
    write: Write, territory: str, award_id: UUID, claim_id: UUID, body: schemas.ClaimReopen, kind: AwardKind
) -> Change:
    """Take a settlement back: nothing of the claim counts until it is settled anew.

    Also of an award that has ended: a claim that is then withdrawn frees its invoices.

    Raises `claim-transition`, `award-ended`, `parked-line-returned`, `credit-above-invoice`,
    `invoice-already-claimed`, `invoice-exceeded` (409), `person-required`, `email-missing` (403).
    """
    held, claim = await _held(write, territory, award_id, claim_id, kind, lines=True)
    submitted = rules.next_status(ClaimAction.REOPEN, ClaimStatus(claim.status))
    reopened_by = person(write.actor)
    _refuse_over(held, (Ending.CLOSED,))
    nothing: dict[str, Any] = dict.fromkeys(Verdict(0).columns(), 0)
    of_claim = update(ClaimLine).where(ClaimLine.claim_id == claim_id)
    await write.session.execute(of_claim.values(**nothing, status=submitted, note=None))
    claim.status, claim.settled_by, claim.settled_on, claim.settled_at = submitted, None, None, None
    claim.checklist, claim.visited_on = None, None
    claim.reopened_by, claim.reopened_at, claim.reopen_reason = reopened_by, write.now, body.reason
    await write.session.flush()
    return _change("reopened", claim)


async def withdraw(
    write: Write, territory: str, award_id: UUID, claim_id: UUID, body: schemas.ClaimWithdraw, kind: AwardKind
) -> Change:
    """Withdraw a claim that is not settled: its invoices are free.

    Raises `claim-transition`, `credit-above-invoice` (409).
    """
    _, claim = await _held(write, territory, award_id, claim_id, kind)
    claim.status = rules.next_status(ClaimAction.WITHDRAW, ClaimStatus(claim.status))
    claim.withdrawn_by, claim.withdrawn_at = accountable(write.actor), write.now
    claim.withdrawal_reason = body.reason
    await write.session.execute(
        update(ClaimLine).where(ClaimLine.claim_id == claim_id).values(status=ClaimStatus.WITHDRAWN)
    )
    await write.session.flush()
    return _change("withdrawn", claim)


async def lines_of(write: Write, claim_id: UUID) -> Sequence[ClaimLine]:
    """The lines of a claim, in their order."""
    of_claim = select(ClaimLine).where(ClaimLine.claim_id == claim_id).order_by(ClaimLine.position)
    return (await write.session.scalars(of_claim.execution_options(populate_existing=True))).all()


async def hold_aids(write: Write, aid_ids: Collection[UUID]) -> None:
    """Hold several aids, then the claims of their firms, before anything is written: by their ids, and by SIREN."""
    held = select(Aid.id).where(Aid.id.in_(aid_ids)).order_by(Aid.id)
    await hold_firms(write, (await write.session.scalars(held.with_for_update(key_share=True))).all())


def _holders(aid_id: Any) -> Any:
    """Who holds an aid, and who has held it."""
    return func.aid_holders(aid_id, type_=ARRAY(Text()))


async def hold_firms(write: Write, aid_ids: Collection[UUID], *sirens: str) -> None:
    """One claim after the other of the firms that hold these aids or have held them, over all territories.

    Others go on holding the rows of the register.
    """
    holders = await write.session.scalars(select(_holders(Aid.id)).where(Aid.id.in_(aid_ids)))
    for siren in sorted({*sirens, *(siren for each in holders for siren in each)}):
        await write.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(siren, CLAIMS_OF_A_FIRM))))


async def _held(
    write: Write, territory: str, award_id: UUID, claim_id: UUID, kind: AwardKind | None, *, lines: bool = False
) -> tuple[Held, ExpenseClaim]:
    """The aid and the claim in the version that the caller expects, held."""
    held = await hold(write, territory, award_id, kind, lines=lines)
    claim = await write.lock(ExpenseClaim, ExpenseClaim.id == claim_id, ExpenseClaim.aid_id == held.aid.id)
    write.expect(claim.version, required=True)
    return held, claim


def _refuse_over(held: Held, over: Sequence[Ending]) -> None:
    """Refuse where the aid is closed, or each of its awards has ended so. Raises `award-ended` (409)."""
    if held.aid.closed_on is not None:
        raise AwardEnded(current=Ending.CLOSED)
    if all(award.ended_as in over for _, award in held.awards()):
        raise AwardEnded(current=held.award.ended_as)


def _change(act: str, claim: ExpenseClaim) -> Change:
    return Change(f"claim.{act}" if act else "", CLAIMS, [claim.id], {"territory": claim.territory})


# --- what is declared ------------------------------------------------------------------------------------------------


def declared(line: ClaimLine) -> dict[str, Any]:
    """A stored line as a body says it."""
    return {name: getattr(line, name) for name in _DECLARED} | {
        "amount_excl_vat_cents": line.declared_cents,
        "invoice_amount_excl_vat_cents": line.invoice_cents,
    }


def _says(stored: Sequence[ClaimLine], lines: Sequence[schemas.ClaimLineBody]) -> bool:
    """Whether the lines say what is stored; the name of a supplier may be the register's."""
    return len(stored) == len(lines) and all(
        {**line.model_dump(), "supplier_name": line.supplier_name or old.supplier_name} == declared(old)
        for old, line in zip(stored, lines, strict=True)
    )


async def _declare(
    write: Write, aid: Aid, claim: ExpenseClaim, lines: Sequence[schemas.ClaimLineBody], after: int = 0
) -> None:
    """Write lines of a held claim, after those that it has."""
    await _refuse_wrong(write, aid, lines)
    period = Period(await received_on_of(write.session, aid), aid.completed_on)
    spent = [(place, line) for place, line in enumerate(lines) if line.lowers_invoice_number is None]
    credited = [(place, line) for place, line in enumerate(lines) if line.lowers_invoice_number is not None]
    period.refuse([(f"/lines/{place}", line.invoiced_on, line.paid_on) for place, line in spent])
    await hold_firms(write, [aid.id])
    known = await _names(write, [line.supplier_siren for line in lines if line.supplier_name is None])
    names = [line.supplier_name or known.get(line.supplier_siren) for line in lines]
    parts = [line.part(name) for line, name in zip(lines, names, strict=True)]
    returns = await _returns(write, claim, lines, parts)

    def stored_line(place: int, line: schemas.ClaimLineBody) -> ClaimLine:
        said = line.model_dump(exclude={"amount_excl_vat_cents", "invoice_amount_excl_vat_cents", "supplier_name"})
        return ClaimLine(
            **said,
            claim_id=claim.id,
            position=after + place + 1,
            territory=claim.territory,
            aid_id=claim.aid_id,
            siren=claim.siren,
            supplier_name=names[place],
            declared_cents=line.amount_excl_vat_cents,
            invoice_cents=line.invoice_amount_excl_vat_cents,
            returns_id=returns.get(place),
        )

    # An invoice is there before what lowers it.
    write.session.add_all([stored_line(*each) for each in spent])
    await write.session.flush()
    await _refuse_unlowered(write, aid, [(place, line, names[place]) for place, line in credited])
    write.session.add_all([stored_line(*each) for each in credited])
    await write.session.flush()


async def _refuse_unlowered(
    write: Write, aid: Aid, credited: Sequence[tuple[int, schemas.ClaimLineBody, str | None]]
) -> None:
    """Refuse a credit note of an invoice that does not stand on its line of the decision."""
    asked = select(ClaimLine).where(ClaimLine.aid_id == aid.id, ClaimLine.stands, ClaimLine.declared_cents > 0)
    standing = (await write.session.scalars(asked)).all() if credited else []
    faults = []
    for place, line, name in credited:
        number = str(line.lowers_invoice_number)
        lowered = any(
            invoice_of(each).is_lowered_by(number, line.supplier_siren, name)
            for each in standing
            if each.line_id == line.line_id
        )
        if not lowered:
            faults.append(LOWERED_INVOICE_MISSING.at(f"/lines/{place}/lowers_invoice_number"))
    if faults:
        raise ValidationFailed(errors=faults)


def invoice_of(line: ClaimLine) -> ComparedInvoice:
    """The invoice that a stored line declares."""
    return part_of(line).invoice


def part_of(line: ClaimLine) -> Part:
    """What a stored line declares."""
    invoice = ComparedInvoice.of(
        line.invoice_number, line.supplier_siren, line.supplier_name, line.invoiced_on, line.declared_cents,
        line.invoice_cents,
    )  # fmt: skip
    return Part(invoice, line.line_id, line.paid_on, line.invoice_cents)


async def _refuse_wrong(write: Write, aid: Aid, lines: Sequence[schemas.ClaimLineBody]) -> None:
    """Refuse days to come, an invoice that is named twice, a line that is not of the decision."""
    days = {f"/lines/{place}/{name}": getattr(line, name)
            for place, line in enumerate(lines) for name in ("invoiced_on", "paid_on")}  # fmt: skip
    refuse_future(days)
    twice = rules.repeated([line.part(line.supplier_name) for line in lines])
    if faults := [REPEATED_INVOICE.at(f"/lines/{place}/invoice_number", first=first + 1) for place, first in twice]:
        raise ValidationFailed(errors=faults)
    known = set(await write.session.scalars(select(AidLine.id).where(AidLine.aid_id == aid.id)))
    unknown = [NOT_FOUND.at(f"/lines/{place}/line_id") for place, line in enumerate(lines) if line.line_id not in known]
    if unknown:
        raise ReferenceNotFound(errors=unknown)


async def _names(write: Write, sirens: Sequence[str | None]) -> Mapping[str | None, str]:
    """What the register calls these firms."""
    rows = await write.session.execute(select(Firm.siren, Firm.name).where(Firm.siren.in_(sirens)))
    return {row.siren: row.name for row in rows}


async def _returns(
    write: Write, claim: ExpenseClaim, lines: Sequence[schemas.ClaimLineBody], parts: Sequence[Part]
) -> dict[int, UUID]:
    """For the places of invoices that return, the line from which they were parked.

    Of an invoice that stands on other lines each line says the whole amount, and they come to at most that.

    Raises `invoice-already-claimed`, `invoice-exceeded`, `above-parked` (409).
    """
    alike = (
        select(ClaimLine, DeclaredInvoice)
        .join(DeclaredInvoice, DeclaredInvoice.id == ClaimLine.invoice_id)
        .where(
            ClaimLine.siren == any_(func.firms_of_invoices(claim.aid_id)), ClaimLine.stands,
            DeclaredInvoice.invoice_key.in_({part.invoice.key for part in parts}),
            _holders(ClaimLine.aid_id).overlap(_holders(claim.aid_id)),
        )
        .order_by(ClaimLine.id.desc())
    )  # fmt: skip
    rows = (await write.session.execute(alike.execution_options(populate_existing=True))).all()
    standing = [(line, _kept(invoice), invoice) for line, invoice in rows]
    returned = {line.returns_id for line, _, _ in standing}
    found: dict[int, UUID] = {}
    refused = []
    left: dict[UUID, int] = {}
    for place, (line, part) in enumerate(zip(lines, parts, strict=True)):
        same = [(other, invoice) for other, kept, invoice in standing if part.invoice.is_the_same_as(kept)]
        if not same:
            continue
        parked = next(
            (other for other, _ in same if _returns_to(part, other, claim) and other.id not in returned), None
        )
        if parked is not None:
            if line.amount_excl_vat_cents > parked.parked_cents:
                above = AboveParked(parked_cents=parked.parked_cents)
                above.errors = [above.at(f"/lines/{place}/amount_excl_vat_cents")]
                raise above
            found[place] = parked.id
            continue
        first, invoice = same[0]
        room = left.setdefault(invoice.id, invoice.amount_cents - invoice.declared_cents)
        others = [part_of(other) for other, _ in same if other.returns_id is None]
        if not room or not all(part.is_apart_from(other) for other in others):
            refused.append((place, first))
        elif line.amount_excl_vat_cents > room:
            exceeded = InvoiceExceeded(left_cents=room)
            exceeded.errors = [exceeded.at(f"/lines/{place}/amount_excl_vat_cents")]
            raise exceeded
        else:
            left[invoice.id] = room - line.amount_excl_vat_cents
    if refused:
        raise await _claimed(write, refused)
    return found


def _kept(invoice: DeclaredInvoice) -> ComparedInvoice:
    """An invoice as all its lines have named it."""
    return ComparedInvoice(
        invoice.invoice_key, invoice.supplier_siren, invoice.supplier_key, invoice.invoiced_on, invoice.amount_cents
    )


def _returns_to(part: Part, other: ClaimLine, claim: ExpenseClaim) -> bool:
    """Whether a line declares again what was parked of an earlier one, not another part of the invoice."""
    another = part.whole_cents is not None and part.line_id != other.line_id
    return other.aid_id == claim.aid_id and other.parked_cents > 0 and not another


async def refuse_claimed_twice(write: Write, aid_id: UUID) -> None:
    """Raises `invoice-already-claimed` (409) where an invoice of the aid stands among those of its new holder too."""
    elsewhere = func.claimed_elsewhere(literal_column(ClaimLine.__tablename__), type_=Uuid())
    standing = (ClaimLine.aid_id == aid_id, ClaimLine.stands, ClaimLine.returns_id.is_(None))
    found = await write.session.scalar(select(elsewhere).where(*standing, elsewhere.is_not(None)).limit(1))
    if found is not None:
        refused = await _claimed(write, [(0, await write.session.get_one(ClaimLine, found))])
        refused.errors = ()
        raise refused


async def _claimed(write: Write, refused: Sequence[tuple[int, ClaimLine]]) -> InvoiceAlreadyClaimed:
    """The refusal of invoices that stand elsewhere: it names the award where the caller may see it."""
    errors: list[FieldError] = []
    told: dict[str, Any] = {}
    for place, line in refused:
        seen: dict[str, Any] = {}
        if not isinstance(write.actor, Actor) or write.actor.may("claims:read", line.territory):
            asked = select(GRANT_ID.label("grant_id"), ADVANCE_ID.label("advance_id")).where(
                ExpenseClaim.id == line.claim_id
            )
            award = (await write.session.execute(asked)).one()
            named = "grant_id" if award.grant_id is not None else "advance_id"
            seen = {"territory": line.territory, named: str(getattr(award, named)), "claim_id": str(line.claim_id)}
        told = told or seen
        errors.append(InvoiceAlreadyClaimed(**seen).at(f"/lines/{place}/invoice_number"))
    return InvoiceAlreadyClaimed(errors=errors, **told)


# --- what becomes of it ----------------------------------------------------------------------------------------------


def _said(lines: Sequence[ClaimLine], verdicts: Sequence[schemas.VerdictBody]) -> dict[int, int]:
    """By the position of a line, the place of what the body says of it. Lines out of a sample may be left unsaid."""
    positions = {line.id: line.position for line in lines}
    unknown = [NOT_FOUND.at(f"/lines/{place}/id") for place, each in enumerate(verdicts) if each.id not in positions]
    if unknown:
        raise ReferenceNotFound(errors=unknown)
    said: dict[int, int] = {}
    faults = []
    for place, each in enumerate(verdicts):
        if said.setdefault(positions[each.id], place) != place:
            faults.append(REPEATED_VERDICT.at(f"/lines/{place}/id"))
    missing = [line.position for line in lines if line.sampled is not False and line.position not in said]
    if missing:
        faults.append(MISSING_VERDICT.at("/lines", positions=missing))
    if faults:
        raise ValidationFailed(errors=faults)
    return said


_AMOUNTS = ("certified_cents", "parked_cents", *(rules.column(each) for each in Deduction))
_VERDICTS = text(
    "UPDATE claim_lines l SET status = 'settled', note = v.note, "  # noqa: S608  # our own names
    + ", ".join(f"{name} = v.{name}" for name in _AMOUNTS)
    + " FROM unnest(CAST(:ids AS uuid[]), CAST(:note AS text[]), "
    + ", ".join(f"CAST(:{name} AS bigint[])" for name in _AMOUNTS)
    + ") AS v (id, note, "
    + ", ".join(_AMOUNTS)
    + ") WHERE l.id = v.id"
)


async def _write_verdicts(
    write: Write, lines: Sequence[ClaimLine], outcome: Mapping[int, Verdict], notes: Mapping[int, str | None]
) -> None:
    """Settle all lines in one statement, which moves what is certified of the aid once."""
    columns = [outcome[line.position].columns() for line in lines]
    values: dict[str, Any] = {name: [each[name] for each in columns] for name in _AMOUNTS}
    values |= {"ids": [line.id for line in lines], "note": [notes.get(line.position) for line in lines]}
    await write.session.execute(_VERDICTS, values)
