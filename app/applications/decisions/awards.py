"""The awards of a decision: how it makes them, and takes them back. No other module of the room knows how awards are
made.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.advances import schemas as advances
from app.advances.models import Advance
from app.advances.service import award_advance
from app.applications.awards.service import frozen_of
from app.applications.decisions.models import CommitteeDecision
from app.applications.decisions.rules import advance_terms
from app.applications.models import Application
from app.awards import aids
from app.awards import service as awards
from app.awards.rules import Decided
from app.core.writing.writes import Change, Write
from app.grants.models import Grant
from app.grants.service import award_grant
from app.projects.models import Project

_TABLES: tuple[Any, ...] = (Grant, Advance)


async def award(
    write: Write, file: Application, project: Project, decision: CommitteeDecision, terms: advances.Terms | None,
    *, simulated: bool = False,
) -> list[Change]:  # fmt: skip
    """Make what a decision awards: both or neither. A simulated one names neither the meeting, which may not have been
    held, nor the decision, which is not recorded.
    """
    said: dict[str, Any] = {
        "siren": file.siren,
        "project_id": file.project_id,
        "project_title": project.title,
        "committee_id": None if simulated else decision.committee_id,
        "decided_on": decision.decided_on,
        "decision_reference": decision.reference,
        "application_id": file.id,
        "decision_id": None if simulated else decision.id,
        "frozen": await frozen_of(write.session, file, decision.decided_on),
    }
    changes = []
    if decision.grant_cents:
        changes += await award_grant(write, file.territory, Decided(amount_cents=decision.grant_cents, **said))
    if decision.advance_cents:
        agreed = terms or advances.Terms.model_validate(advance_terms(decision.decided_on))
        lent = Decided(amount_cents=decision.advance_cents, **said)
        changes += await award_advance(write, file.territory, lent, agreed.model_dump(mode="json"))
    return changes


async def take_back(write: Write, decision: CommitteeDecision, reason: str) -> list[Change]:
    """Reverse the awards of a decision. Raises `award-already-paid`, `award-ended` (409).

    Both are locked before the accounts, with their aid: a payment of either holds them first, too.
    """
    changes: list[Change] = []
    taken: set[UUID] = set()
    for table in _TABLES:
        made = select(table.id).where(table.territory == decision.territory, table.decision_id == decision.id)
        for award_id in (await write.session.scalars(made.order_by(table.id))).all():
            if award_id in taken:
                continue
            held = await aids.hold(write, decision.territory, award_id)
            for kind, award in held.awards():
                if award.decision_id == decision.id:
                    taken.add(award.id)
                    changes += await awards.take_back(write, held, kind, award, reason)
    return changes
