"""Writes of proceedings: claims that are declared and admitted, and the plan. The account does the rest."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select

from app.access.rules import accountable
from app.advances import account, versions
from app.advances.arrears.facts import replayed
from app.advances.faults import DATES_NOT_INCREASING
from app.advances.models import Advance
from app.advances.position import Line
from app.advances.proceedings import rules, schemas
from app.advances.proceedings.models import DebtClaim
from app.advances.proceedings.queries import ADVANCE_DEBT_CLAIMS
from app.core.messages import NOT_FOUND, REQUIRED
from app.core.problems import AlreadyExists, ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, merge
from app.firms.models import Proceeding, ProceedingEnd


async def declare(write: Write, territory: str, advance_id: UUID, body: schemas.DebtClaimCreate) -> list[Change]:
    """Record that the claim for an advance was declared to a proceeding of its firm, in time or late.

    Raises `reference-not-found` (404), `already-exists`, `claim-before-opening` (409), `email-missing` (403).
    """
    refuse_future({"/declared_on": body.declared_on})
    declared_by = accountable(write.actor)
    advance = await account.hold(write, territory, advance_id)
    of_it = (Proceeding.id == body.proceeding_id, Proceeding.siren == advance.siren)
    opened_on = await write.session.scalar(select(Proceeding.opened_on).where(*of_it))
    if opened_on is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/proceeding_id")])
    if body.declared_on < opened_on:
        raise rules.ClaimBeforeOpening(opened_on=opened_on)
    claim = await _claim(write, advance, DebtClaim.proceeding_id == body.proceeding_id)
    if claim is None:
        claim = DebtClaim(territory=territory, advance_id=advance_id, proceeding_id=body.proceeding_id)
        write.session.add(claim)
    elif claim.declared_on is not None:
        raise AlreadyExists
    claim.declared_on, claim.amount_cents, claim.proof_sha256 = body.declared_on, body.amount_cents, body.proof_sha256
    claim.declared_by = declared_by
    await write.session.flush()
    return [_changed("declared", advance, claim)]


async def update_claim(
    write: Write, territory: str, advance_id: UUID, claim_id: UUID, body: schemas.DebtClaimUpdate
) -> list[Change]:
    """Record what was admitted of a claim, or correct what was declared.

    Raises `claim-not-declared`, `claim-before-opening`, `admitted-exceeds-claim`, `claim-admitted-before-declared`
    (409).
    """
    refuse_future({
        f"/{name}": day for name in ("declared_on", "admitted_on")
        if name in body.model_fields_set and (day := getattr(body, name)) is not None
    })  # fmt: skip
    advance = await account.hold(write, territory, advance_id)
    claim = await _held(write, advance, claim_id)
    changed = merge(claim, body)
    if (claim.admitted_on is None) != (claim.admitted_cents is None):
        raise ValidationFailed(errors=[REQUIRED.at("/admitted_on" if claim.admitted_on is None else "/admitted_cents")])
    opened_on = await write.session.scalar(select(Proceeding.opened_on).where(Proceeding.id == claim.proceeding_id))
    if opened_on is not None and claim.declared_on is not None and claim.declared_on < opened_on:
        raise rules.ClaimBeforeOpening(opened_on=opened_on)
    await write.session.flush()
    return [_changed("updated" if changed else "", advance, claim)]


async def plan(
    write: Write, territory: str, advance_id: UUID, claim_id: UUID, body: schemas.PlanCreate
) -> list[Change]:  # fmt: skip
    """Repay an advance by the lines of the plan that ended a proceeding, from the day of the plan.

    Raises `no-plan`, `already-planned`, `plan-lines-sum`, `claim-not-declared`, `legal-rate-missing` (409),
    `dates_not_increasing` (422), `email-missing` (403).
    """
    accountable(write.actor)
    advance = await account.hold(write, territory, advance_id)
    claim = await _held(write, advance, claim_id)
    judged = await write.session.get_one(Proceeding, claim.proceeding_id)
    if judged.closed_on is None or judged.ended_by != ProceedingEnd.PLAN:
        raise rules.NoPlan
    if claim.planned_on is not None:
        raise rules.AlreadyPlanned(planned_on=claim.planned_on)
    previous_on = judged.closed_on
    faults = []
    for place, line in enumerate(body.lines):
        if line.due_on <= previous_on:
            faults.append(DATES_NOT_INCREASING.at(f"/lines/{place}/due_on", previous_on=previous_on))
        previous_on = line.due_on
    if faults:
        raise ValidationFailed(errors=faults)
    here = await account.known(write, advance)
    stand = replayed(here.facts, judged.closed_on)
    lines_cents = sum(line.principal_cents for line in body.lines)
    if lines_cents != stand.outstanding_cents:
        raise rules.PlanLinesSum(lines_cents=lines_cents, outstanding_cents=stand.outstanding_cents)
    made = versions.plan(stand, _lines(body.lines))
    claim.planned_on, claim.plan_sha256 = judged.closed_on, body.document_sha256
    advance.accelerated_on = None
    await write.session.flush()
    await account.enact(write, advance, made, claim.id)
    return [_changed("planned", advance, claim), *await account.settle(write, advance, "planned")]


def _lines(lines: Sequence[schemas.InstalmentOfPlan]) -> list[Line]:
    return [
        Line(
            line.due_on, line.principal_cents, line.interest_cents, late_interest_cents=line.late_interest_cents
        )
        for line in lines
    ]  # fmt: skip


async def _claim(write: Write, advance: Advance, *where: ColumnElement[bool]) -> DebtClaim | None:
    of_it = select(DebtClaim).where(DebtClaim.advance_id == advance.id, *where)
    return await write.session.scalar(of_it.with_for_update(key_share=True))


async def _held(write: Write, advance: Advance, claim_id: UUID) -> DebtClaim:
    """A claim that is declared."""
    claim = await write.lock(DebtClaim, DebtClaim.id == claim_id, DebtClaim.advance_id == advance.id)
    write.expect(claim.version, required=True)
    if claim.declared_on is None:
        raise rules.ClaimNotDeclared
    return claim


def _changed(act: str, advance: Advance, claim: DebtClaim) -> Change:
    bound = {"territory": advance.territory, "advance_id": advance.id}
    return Change(f"debt_claim.{act}" if act else "", ADVANCE_DEBT_CLAIMS, [claim.id], bound)
