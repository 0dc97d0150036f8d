"""Reads of commitments: of a territory, and of the aid of one award."""

from functools import cache
from typing import Any

from sqlalchemy import Text, case, func, literal_column, select

from app.access.models import Subject
from app.awards.commitments import schemas
from app.awards.commitments.models import Commitment, CommitmentReport
from app.awards.commitments.rules import CommitmentKind, CommitmentOutcome, CommitmentState
from app.awards.kinds import AwardKind
from app.awards.models import Aid
from app.core.db import param, paris_day
from app.core.reading.listing import Listing, any_of, at_least, at_most, equals, updated_since
from app.core.values import Day, Siren, Uuid
from app.firms.models import Firm

_c, _r, _a = Commitment, CommitmentReport, Aid
_judge, _reporter = (Subject.__table__.alias(name) for name in ("judge", "reporter"))
_territory = param("territory", Text())


def _state(state: CommitmentState) -> Any:
    return literal_column(f"'{state}'", Text())


STATE: Any = case(
    (_c.outcome.is_not(None), _state(CommitmentState.SETTLED)),
    (_c.reports > 0, _state(CommitmentState.REPORTED)),
    (_c.due_on < paris_day(func.now()), _state(CommitmentState.OVERDUE)),
    else_=_state(CommitmentState.OPEN),
)
_rows = (
    select(
        _c.id,
        _c.aid_id,
        _a.decision_reference,
        _a.siren.label("siren"),
        Firm.name.label("firm_name"),
        _c.kind,
        _c.months,
        _c.due_on,
        STATE.label("state"),
        _c.reports,
        _c.overdue_on,
        _c.outcome,
        _c.judged_on,
        _c.outcome_reason,
        _c.judged_by,
        _judge.c.name.label("judged_by_name"),
        _c.version,
        _c.created_at,
        _c.updated_at,
    )
    .join(_a, _a.id == _c.aid_id)
    .join(Firm, Firm.siren == _a.siren)
    .outerjoin(_judge, _judge.c.id == _c.judged_by)
    .where(_c.territory == _territory)
)
_filters = {
    "kind": any_of(_c.kind, CommitmentKind, "Any of these kinds."),
    "state": any_of(STATE, CommitmentState, "Any of these states, on this day."),
    "outcome": any_of(_c.outcome, CommitmentOutcome, "Any of these outcomes."),
    "due_from": at_least(_c.due_on, Day, "Due on this day or later."),
    "due_to": at_most(_c.due_on, Day, "Due on this day or earlier."),
    "updated_since": updated_since(_c.updated_at),
}
_sorts = {"due_on": _c.due_on, "updated_at": _c.updated_at}

COMMITMENTS = Listing(
    schema=schemas.Commitment,
    rows=_rows,
    key=_c.id,
    version=_c.version,
    derived=True,
    filters={
        **_filters,
        "siren": equals(_a.siren, Siren, "Commitments of this firm."),
        "aid_id": equals(_c.aid_id, Uuid, "Commitments for this aid."),
    },
    sorts=_sorts,
)
_reports = (
    select(
        _r.id,
        _r.commitment_id,
        _c.due_on.label("commitment_due_on"),
        _r.observed_on,
        _r.text,
        _r.jobs_fte,
        _r.document_sha256,
        _r.reported_by,
        _reporter.c.name.label("reported_by_name"),
        _r.recorded_at,
    )
    .join(_c, _c.id == _r.commitment_id)
    .join(_reporter, _reporter.c.id == _r.reported_by)
    .where(_r.territory == _territory)
)


@cache
def commitments_of(kind: AwardKind) -> Listing:
    """The commitments for the aid of one award; the path names the award `{grant_id}` or `{advance_id}`."""
    aid = kind.aid_named().scalar_subquery()
    return Listing(
        schema=schemas.Commitment,
        rows=_rows.where(_c.aid_id == aid),
        key=_c.id,
        version=_c.version,
        derived=True,
        parent=select(kind.table.id).where(*kind.named()),
        filters=_filters,
        sorts=_sorts,
    )


@cache
def reports_of(kind: AwardKind) -> Listing:
    """The reports on a commitment for the aid of one award."""
    aid = kind.aid_named().scalar_subquery()
    of_it = param("commitment_id", _c.id.type)
    return Listing(
        schema=schemas.CommitmentReport,
        rows=_reports.where(_r.aid_id == aid, _r.commitment_id == of_it),
        key=_r.id,
        parent=select(_c.id).where(_c.territory == _territory, _c.aid_id == aid, _c.id == of_it),
        filters={
            "observed_from": at_least(_r.observed_on, Day, "Of this day or later."),
            "observed_to": at_most(_r.observed_on, Day, "Of this day or earlier."),
        },
        sorts={"observed_on": _r.observed_on, "recorded_at": _r.recorded_at},
    )
