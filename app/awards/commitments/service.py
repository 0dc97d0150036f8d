"""Writes of commitments: promised when an aid is closed, reported, judged, and overdue once by `rebond tick`."""

from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy import Integer, cast, select, update

from app.access.duties import REPORTS_JUDGES, with_author
from app.access.rules import accountable
from app.awards.aids import Held
from app.awards.commitments import rules, schemas
from app.awards.commitments.models import Commitment, CommitmentReport
from app.awards.commitments.queries import COMMITMENTS, commitments_of, reports_of
from app.awards.commitments.rules import CommitmentOutcome
from app.awards.kinds import AwardKind
from app.core.validation import refuse_future
from app.core.writing.turns import take_turn
from app.core.writing.writes import Change, Write
from app.firms.models import EuSize, TerritoryFirm
from app.schemes.rules import Parameters

SME = (EuSize.MICRO, EuSize.SMALL, EuSize.MEDIUM)
LOCK = 0x636F6D6D  # of the tick: one worker at a time


async def promise(write: Write, held: Held) -> list[Change]:
    """What the firm of a held aid owes from its completion on, by the parameters frozen into the aid.

    What was promised already stays: an aid that is closed again owes nothing twice.
    """
    aid, f = held.aid, TerritoryFirm
    assert aid.completed_on is not None
    size = await write.session.scalar(select(f.eu_size).where(f.territory == aid.territory, f.siren == aid.siren))
    known = select(Commitment.kind, Commitment.months).where(Commitment.aid_id == aid.id)
    promised = {(row.kind, row.months) for row in await write.session.execute(known)}
    new = [
        Commitment(territory=aid.territory, aid_id=aid.id, **due._asdict())
        for due in rules.commitments(Parameters.of(aid.parameters or {}), aid.completed_on, sme=size in SME)
        if (due.kind, due.months) not in promised
    ]
    write.session.add_all(new)
    await write.session.flush()
    keys = [commitment.id for commitment in new]
    return [Change("commitment.promised", COMMITMENTS, keys, {"territory": aid.territory})] if keys else []


async def report(
    write: Write, territory: str, award_id: UUID, commitment_id: UUID, body: schemas.CommitmentReportCreate,
    kind: AwardKind,
) -> list[Change]:  # fmt: skip
    """Report on a commitment, with its evidence. Raises `commitment-settled` (409), `email-missing` (403)."""
    refuse_future({"/observed_on": body.observed_on})
    reported_by = accountable(write.actor)
    commitment = await _held(write, territory, award_id, commitment_id, kind)
    if commitment.outcome is not None:
        raise rules.CommitmentSettled(outcome=commitment.outcome)
    written = CommitmentReport(
        territory=territory, aid_id=commitment.aid_id, commitment_id=commitment_id, reported_by=reported_by,
        **body.model_dump(),
    )  # fmt: skip
    write.session.add(written)
    commitment.reports += 1
    commitment.reporters = with_author(commitment.reporters, write.actor)
    await write.session.flush()
    bound = {"territory": territory, f"{kind.resource}_id": award_id}
    return [
        Change("commitment_report.recorded", reports_of(kind), [written.id], bound | {"commitment_id": commitment_id}),
        Change("commitment.reported", commitments_of(kind), [commitment_id], bound),
    ]


async def judge(
    write: Write, territory: str, award_id: UUID, commitment_id: UUID, body: schemas.CommitmentJudgment, kind: AwardKind
) -> list[Change]:
    """Record what became of a commitment, as somebody who reported nothing of it.

    Raises `commitment-settled`, `commitment-not-reported` (409), `reporter-judges`, `person-required` (403).
    """
    refuse_future({"/judged_on": body.judged_on})
    commitment = await _held(write, territory, award_id, commitment_id, kind)
    write.expect(commitment.version, required=True)
    commitment.judged_by = REPORTS_JUDGES.separate(write.actor, commitment.reporters)
    if commitment.outcome is not None:
        raise rules.CommitmentSettled(outcome=commitment.outcome)
    if not commitment.reports and body.outcome in (CommitmentOutcome.MET, CommitmentOutcome.PARTLY_MET):
        raise rules.CommitmentNotReported
    commitment.outcome, commitment.judged_on, commitment.outcome_reason = body.outcome, body.judged_on, body.reason
    await write.session.flush()
    bound = {"territory": territory, f"{kind.resource}_id": award_id}
    return [Change("commitment.judged", commitments_of(kind), [commitment_id], bound)]


async def _held(write: Write, territory: str, award_id: UUID, commitment_id: UUID, kind: AwardKind) -> Commitment:
    c, award = Commitment, kind.table
    of_it = select(award.aid_id).where(award.territory == territory, award.id == award_id).scalar_subquery()
    return await write.lock(c, c.id == commitment_id, c.territory == territory, c.aid_id == of_it)


async def take_overdue(write: Write, as_of: date, batch: int) -> tuple[list[Change], bool]:
    """Say of each commitment whose day has passed without a report that it is overdue, once, in the order of the days.

    Returns the events, and whether more may be due. One worker at a time does so.
    """
    await take_turn(write, LOCK)
    c = Commitment
    due = (
        select(c.id, c.territory)
        .where(c.due_on < as_of, c.outcome.is_(None), c.overdue_on.is_(None), c.reports == 0)
        .order_by(c.due_on, c.id)
        .limit(batch)
        .with_for_update(key_share=True)
    )
    rows = (await write.session.execute(due)).all()
    await write.session.execute(
        update(c)
        .where(c.id.in_([row.id for row in rows]))
        .values(overdue_on=c.due_on + cast(1, Integer), version=c.version + 1, updated_at=write.now)
        .execution_options(synchronize_session=False)
    )
    told = [
        Change("commitment.overdue", COMMITMENTS, [row.id for row in group], {"territory": territory})
        for territory, group in groupby(rows, key=lambda row: row.territory)
    ]
    return told, len(rows) == batch
