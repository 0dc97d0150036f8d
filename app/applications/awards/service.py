"""Awards decided elsewhere, and what an award copies of the file or the scheme that it rests on.

An award that names an aid file locks it as a decision does: the file, its project, the territory, the firm; the
accounts come last (docs/locking.md).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Text, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.duties import REVIEWS_DECIDES
from app.access.rules import Actor
from app.advances.models import Advance
from app.advances.service import award_advance as decide_advance
from app.applications import reversals
from app.applications import rules as files
from app.applications import service as acts
from app.applications.awards import rules, schemas
from app.applications.conditions import FileStep, check_ready
from app.applications.decisions.models import CommitteeDecision
from app.applications.decisions.rules import REFERENCE_OF_A_MEETING, is_of_a_meeting
from app.applications.facts import Awarded, facts_of
from app.applications.history import History
from app.applications.models import Application, ApplicationLine, ApplicationReview
from app.applications.rules import ApplicationAct, Life, RecordedAct
from app.applications.silence import SILENCE
from app.awards import service as awards
from app.awards.kinds import AwardKind
from app.awards.rules import OVER, ApplicationOfAnotherProject, Decided, Frozen
from app.core.db import literals
from app.core.faults import FieldError
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes.schemas import Reversal
from app.firms import service as firms
from app.grants.models import Grant
from app.grants.service import award_grant as decide_grant
from app.programme.models import Territory
from app.projects import service as projects
from app.projects.rules import CostKind
from app.schemes.models import Scheme
from app.schemes.queries import parameters_on


async def award_grant(write: Write, territory: str, body: schemas.GrantCreate) -> list[Change]:
    """Record a grant that was decided elsewhere. Raises what `_decided` and `grants.award_grant` raise."""
    decided, followed = await _decided(write, territory, body, Awarded(body.amount_cents, 0))
    return [*await decide_grant(write, territory, decided), *followed]


async def award_advance(write: Write, territory: str, body: schemas.AdvanceCreate) -> list[Change]:
    """Record an advance that was decided elsewhere. Raises what `_decided` and `advances.award_advance` raise."""
    decided, followed = await _decided(write, territory, body, Awarded(0, body.amount_cents))
    terms = body.terms.model_dump(mode="json")
    return [*await decide_advance(write, territory, decided, terms, body.planned_disbursement_on), *followed]


async def reverse(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: Reversal) -> list[Change]:
    """Take a mistaken award back; a file that it granted is what it was before, once no award of the decision stands.

    Raises what `awards.reverse` raises.
    """
    named = select(kind.table.application_id).where(kind.table.id == award_id, kind.table.territory == territory)
    application_id = await write.session.scalar(named)
    a = Application
    file = await write.lock(a, a.id == application_id) if application_id is not None else None  # before the award
    changes = await awards.reverse(write, kind, territory, award_id, body)
    if file is not None:
        changes += await _give_back(write, file, await write.session.get_one(kind.table, award_id), body.reason)
    return changes


async def _give_back(write: Write, file: Application, award: Any, reason: str) -> list[Change]:
    history = await reversals.history_of(write, file)
    last = _granted_by(history.life, award.decision_reference, award.decided_on)
    if last is None:
        return []
    for table in (Grant, Advance):
        stands = select(table.id).where(
            table.application_id == file.id, table.decision_id.is_(None), table.status.not_in(literals(OVER)),
            table.decision_reference == last.reference, table.decided_on == last.effective_on,
        )  # fmt: skip
        if await write.session.scalar(stands.limit(1)) is not None:
            return []
    given_back = await reversals.take_back(write, file, history, last, reason)
    followed = await reversals.follow(write, file, award.decided_on, reason)
    return [await reversals.take_silence(write, file, given_back), *followed]


def _granted_by(life: Life, reference: str, decided_on: date) -> RecordedAct | None:
    """The act by which the decision with this reference, of this day, has granted the file; None where it has not."""
    last = life.standing[-1]
    said = (last.act, last.reference, last.effective_on)
    return last if said == (ApplicationAct.GRANT, reference, decided_on) else None


async def _decided(
    write: Write, territory: str, body: schemas.AwardCreate, awarded: Awarded
) -> tuple[Decided, list[Change]]:
    """What the body says, with what its file or its scheme says, and what changed of the file.

    Raises `reference-not-found` (404), `application-of-another-project`, `application-not-ready`,
    `invalid-transition`, `clock-has-run-out`, `act-out-of-order`, `refiled` (409), `reviewer-decides` (403), and faults
    of what is given together (422).
    """
    refuse_future({"/decided_on": body.decided_on})
    _check_together(territory, body)
    said = {name: getattr(body, name) for name in _SAID}
    frozen: Frozen | None = None
    followed: list[Change] = []
    if body.application_id is not None:
        file, followed = await _file(write, territory, body, awarded)
        said["project_id"] = file.project_id
        frozen = await frozen_of(write.session, file, body.decided_on)
    elif body.scheme is not None and body.base_cents is not None:
        lines = [line.model_dump(mode="json") for line in body.lines or ()]
        whole = {"label": body.project_title, "kind": None, "amount_cents": body.base_cents}
        frozen = Frozen(
            scheme=body.scheme,
            base_cents=body.base_cents,
            lines=lines or [whole],
            parameters=await _parameters(write.session, body.scheme, body.decided_on),
        )
    return Decided(frozen=frozen, **said), followed


_SAID = (
    "siren", "project_id", "project_title", "committee_id", "amount_cents", "decided_on", "decision_reference",
    "external_id", "override_id", "funder_id", "application_id",
)  # fmt: skip


def _check_together(territory: str, body: schemas.AwardCreate) -> None:
    faults: list[FieldError] = []
    if is_of_a_meeting(territory, body.decision_reference):
        faults = [REFERENCE_OF_A_MEETING.at("/decision_reference")]
    elif body.application_id is not None:
        given = [name for name in ("scheme", "base_cents", "lines") if getattr(body, name) is not None]
        faults = [rules.SAID_BY_THE_FILE.at(f"/{name}") for name in given]
    elif body.scheme is None or body.base_cents is None:
        given = [name for name in ("scheme", "base_cents", "lines") if getattr(body, name) is not None]
        faults = [rules.SCHEME_WITH_BASE.at(f"/{name}") for name in given]
    elif body.lines is not None and (lines_cents := sum(line.amount_cents for line in body.lines)) != body.base_cents:
        faults = [rules.LINES_DIFFER_FROM_BASE.at("/lines", lines_cents=lines_cents, base_cents=body.base_cents)]
    if faults:
        raise ValidationFailed(errors=faults)


# --- the file --------------------------------------------------------------------------------------------------------


async def _file(
    write: Write, territory: str, body: schemas.AwardCreate, awarded: Awarded
) -> tuple[Application, list[Change]]:
    """The file that an award names, held, where a committee could grant it on the day of the decision.

    The award is the decision: the file is granted by its reference, which the other instrument's award may have too.
    """
    a, t = Application, Territory
    try:
        file = await write.lock(a, a.id == body.application_id, a.territory == territory)
    except NotFound:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/application_id")]) from None
    if file.siren != body.siren or body.project_id not in (None, file.project_id):
        raise ApplicationOfAnotherProject
    await projects.hold(write, territory, file.project_id)
    await write.session.execute(select(t.slug).where(t.slug == territory).with_for_update(read=True))
    await firms.hold(write, territory, file.siren)
    authors = await write.session.scalar(
        select(ApplicationReview.authors).where(ApplicationReview.application_id == file.id)
    )
    REVIEWS_DECIDES.separate(write.actor, authors or ())
    await SILENCE.take(write, file, body.decided_on)
    life = (await History.of(write, file)).life
    joins = await _joins(write, file, life, body)
    if not joins:
        later = files.taken_back(life, body.decided_on)  # silences that the act reverses
        files.check_act(life.before(later[-1]) if later else life, ApplicationAct.GRANT, body.decided_on)
    sees = isinstance(write.actor, Actor) and write.actor.may("reviews:read", territory)
    facts = await facts_of(write, territory, file.id, body.decided_on, awarded)
    check_ready(FileStep.GRANT, facts, sees_review=sees)
    if joins:
        return file, []
    return file, await acts.record_act(
        write, file, ApplicationAct.GRANT, body.decided_on, "granted", pointer="/decided_on",
        reference=body.decision_reference,
    )  # fmt: skip


async def _joins(write: Write, file: Application, life: Life, body: schemas.AwardCreate) -> bool:
    """Whether a decision taken elsewhere, of this reference and day, has granted the file already."""
    done = _granted_by(life, body.decision_reference, body.decided_on)
    if done is None:
        return False
    d = CommitteeDecision
    here = select(d.id).where(d.application_id == file.id, d.passage_number == done.number)
    return await write.session.scalar(here) is None


async def frozen_of(session: AsyncSession, file: Application, day: date) -> Frozen:
    """What an award copies of a file: base, eligible lines, and what the scheme's parameters say on a day."""
    line = ApplicationLine
    eligible = (
        select(line.label, line.kind, line.amount_cents)
        .where(line.application_id == file.id, line.kind != CostKind.NOT_ELIGIBLE)
        .order_by(line.position)
    )
    lines: Sequence[Mapping[str, Any]] = [dict(row) for row in (await session.execute(eligible)).mappings()]
    parameters = await _parameters(session, file.scheme, day)
    return Frozen(scheme=file.scheme, base_cents=file.base_cents, lines=lines, parameters=parameters)


async def _parameters(session: AsyncSession, scheme: str, day: date) -> Mapping[str, Any]:
    """What a scheme's parameters say on a day, every one of them. Raises `reference-not-found` (404)."""
    values = parameters_on(literal(scheme, Text()), literal(day, Date()))
    row = (await session.execute(select(Scheme.code, values.label("in_force")).where(Scheme.code == scheme))).first()
    if row is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/scheme")])
    return row.in_force or {}
