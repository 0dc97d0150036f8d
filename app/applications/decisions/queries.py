"""Reads of decisions, and of the sealed records of meetings."""

from typing import Any

from sqlalchemy import JSON, Text, Uuid, cast, column, literal_column, select, table, true
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.applications.agendas.rules import DecisionOutcome
from app.applications.decisions import schemas
from app.applications.decisions.models import CommitteeDecision, CommitteeRecord
from app.applications.models import Application
from app.committees.models import Committee
from app.core import values
from app.core.db import Statement, param
from app.core.reading.listing import Listing, any_of, equals, holds, json_object, updated_since
from app.core.values import ShortLine
from app.firms.models import Firm
from app.projects.models import Project

_d, _a, _z = CommitteeDecision, Application, CommitteeRecord
_territory = param("territory", Text())
_committee_id = param("committee_id", _d.committee_id.type)
_decider = Subject.__table__.alias("decider")
_reverser = Subject.__table__.alias("reverser")
_corrected = aliased(CommitteeDecision, name="corrected")
_later = aliased(CommitteeDecision, name="later")
_erratum: Any = (
    select(_later.id, _later.reference)
    .where(_later.corrects_id == _d.id, _later.reversed_at.is_(None))
    .order_by(_later.id.desc())
    .limit(literal_column("1"))
    .correlate(_d)
    .lateral("erratum")
)


def _award(name: str) -> Any:
    """The award of an instrument that a decision made. Its reference is the decision's, reversed or not."""
    award = table(name, column("id", Uuid()), column("territory", Text()), column("committee_id", Uuid()),
                  column("decision_reference", Text()))  # fmt: skip
    return (
        select(award.c.id)
        .where(
            award.c.territory == _d.territory,
            award.c.decision_reference == _d.reference,
            award.c.committee_id == _d.committee_id,
        )
        .order_by(award.c.id.desc())
        .limit(literal_column("1"))
        .correlate(_d)
        .scalar_subquery()
    )


_votes: Any = json_object(**{"for": _d.votes_for, "against": _d.votes_against, "abstained": _d.votes_abstained})

DECISIONS = Listing(
    schema=schemas.CommitteeDecision,
    rows=select(
        _d.id,
        _d.territory,
        _d.committee_id,
        _d.level,
        _d.number,
        _d.reference,
        _d.application_id,
        Project.title.label("project_title"),
        _a.siren.label("siren"),
        Firm.name.label("firm_name"),
        _d.outcome,
        _d.grant_cents,
        _d.advance_cents,
        _award("grants").label("grant_id"),
        _award("advances").label("advance_id"),
        _d.conditions,
        _d.reasons,
        _votes.label("votes"),
        _d.members_present,
        _d.quorum,
        _d.decided_on,
        _d.decided_by,
        _decider.c.name.label("decided_by_name"),
        _d.corrects_id,
        _corrected.reference.label("corrects_reference"),
        _d.correction_reason,
        _erratum.c.id.label("corrected_by_id"),
        _erratum.c.reference.label("corrected_by_reference"),
        _d.reversed_at,
        _d.reversed_by,
        _reverser.c.name.label("reversed_by_name"),
        _d.reversal_reason,
        _d.version,
        _d.created_at,
        _d.updated_at,
    )
    .join(_a, _a.id == _d.application_id)
    .join(Project, Project.id == _a.project_id)
    .join(Firm, Firm.siren == _a.siren)
    .outerjoin(_decider, _decider.c.id == _d.decided_by)
    .outerjoin(_reverser, _reverser.c.id == _d.reversed_by)
    .outerjoin(_corrected, _corrected.id == _d.corrects_id)
    .outerjoin(_erratum, true())
    .where(_d.territory == _territory, _d.committee_id == _committee_id),
    key=_d.id,
    version=_d.version,
    derived=True,
    parent=select(Committee.id).where(Committee.territory == _territory, Committee.id == _committee_id),
    filters={
        "application_id": equals(_d.application_id, values.Uuid, "Decisions about this file."),
        "outcome": any_of(_d.outcome, DecisionOutcome, "Decisions with any of these outcomes."),
        "reference": equals(_d.reference, ShortLine, "The decision with this reference."),
        "reversed": holds(_d.reversed_at.is_not(None), "true: reversed decisions; false: those that stand."),
        "erratum": holds(_d.corrects_id.is_not(None), "true: errata; false: all other decisions."),
        "updated_since": updated_since(_d.updated_at),
    },
    sorts={"number": _d.number, "updated_at": _d.updated_at},
)

RECORDS = Listing(
    schema=schemas.CommitteeRecord,
    rows=select(
        _z.committee_id,
        _z.territory,
        Committee.level,
        _z.content_hash,
        _z.sealed_at,
        cast(_z.content, JSON).label("content"),
    )
    .join(Committee, Committee.id == _z.committee_id)
    .where(_z.territory == _territory),
    key=_z.committee_id,
    key_name="committee_id",
    derived=True,
)

RECORD_CONTENT = Statement(
    select(_z.content, _z.content_hash).where(_z.territory == _territory, _z.committee_id == _committee_id)
)
