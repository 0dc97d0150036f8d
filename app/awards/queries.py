"""How awards are listed, whatever their instrument: their columns, filters and sorts."""

from typing import Any

from sqlalchemy import Select, Text, case, literal_column, select

from app.access.models import Organisation, Subject
from app.awards.life.rules import AwardStage
from app.awards.models import Aid, AidLine, AwardStatus
from app.awards.overrides.models import Override
from app.committees.models import Committee
from app.core.db import param, paris_day
from app.core.reading.listing import (
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    json_array,
    json_object,
    matches,
    updated_since,
)
from app.core.schemas import Read
from app.core.values import Code, Day, ExternalId, ShortLine, Siren, Uuid
from app.envelopes.queries import amount_range
from app.firms.models import Firm
from app.schemes.models import Scheme

_awarder = Subject.__table__.alias("awarder")
_funder = Organisation.__table__.alias("funder")
_override = Override.__table__.alias("override")

_l = AidLine
_a = Aid


def stage_of(award: Any) -> Any:
    """How far an award is: how it ended, else what its aid has seen last."""
    ended = [literal_column(f"'{code}'", Text()) for code in ("closed", "cancelled", "reversed")]
    return case(
        (award.ended_as.is_not(None), award.ended_as),
        (award.status.in_(ended), award.status),  # of before endings were kept
        (_a.completed_on.is_not(None), literal_column("'completed'", Text())),
        (_a.started_on.is_not(None), literal_column("'started'", Text())),
        (_a.agreed_on.is_not(None), literal_column("'agreed'", Text())),
        else_=literal_column("'awarded'", Text()),
    )


def _lines(award: Any) -> Any:
    """The lines of the aid of an award, and what is certified of them; null where it is held by its amount alone."""
    line = json_object(
        id=_l.id, label=_l.label, kind=_l.kind, amount_cents=_l.amount_cents, certified_cents=_l.certified_cents
    )
    of_it = select(json_array(line, _l.position)).where(_l.aid_id == award.aid_id).correlate(award)
    return case((award.scheme.is_not(None), of_it.scalar_subquery())).label("lines")


def _rows(award: Any, paid: str, in_flight: Any, stage: Any, more: tuple[Any, ...]) -> Select[Any]:
    """What an award decides, how far it is paid (the column `paid`), and what its instrument says beside it."""
    left = award.amount_cents - getattr(award, paid) - award.released_cents
    if in_flight is not None:
        left, more = left - in_flight, (in_flight, *more)
    return (
        select(
            award.id,
            award.aid_id,
            award.territory,
            award.siren.label("siren"),
            Firm.name.label("firm_name"),
            award.project_id,
            award.project_title,
            award.committee_id,
            paris_day(Committee.held_at).label("committee_on"),
            award.funder_id,
            _funder.c.name.label("funder_name"),
            award.application_id,
            award.decision_id,
            award.scheme,
            Scheme.name.label("scheme_name"),
            award.base_cents,
            _lines(award),
            award.parameters,
            award.amount_cents,
            getattr(award, paid),
            award.released_cents,
            award.final_cents,
            case((award.status == literal_column(f"'{AwardStatus.REVERSED}'"), 0), else_=left).label("remaining_cents"),
            *more,
            award.decided_on,
            award.decision_reference,
            award.external_id,
            award.override_id,
            _override.c.code.label("override_code"),
            award.status,
            stage.label("stage"),
            award.ended_on,
            award.reason,
            _a.notified_on,
            _a.planned_start_on,
            _a.planned_end_on,
            _a.conditions,
            _a.payment_terms,
            _a.recovery_terms,
            _a.agreed_on,
            _a.guaranteed_until_on,
            _a.start_by_on,
            _a.started_on,
            _a.statement_by_on,
            _a.completed_on,
            _a.final_cost_cents,
            _a.public_aid,
            _a.certified_cents,
            award.awarded_by,
            _awarder.c.name.label("awarded_by_name"),
            award.version,
            award.created_at,
            award.updated_at,
        )
        .join(_a, _a.id == award.aid_id)
        .join(Firm, Firm.siren == award.siren)
        .join(_funder, _funder.c.id == award.funder_id)
        .outerjoin(Scheme, Scheme.code == award.scheme)
        .outerjoin(Committee, Committee.id == award.committee_id)
        .join(_awarder, _awarder.c.id == award.awarded_by)
        .outerjoin(_override, _override.c.id == award.override_id)
        .where(award.territory == param("territory", Text()))
    )


def awards(
    award: Any, schema: type[Read], noun: str, statuses: Any, paid: str, *more: Any, in_flight: Any = None,
    stage: Any = None, stages: Any = AwardStage,
) -> Listing:  # fmt: skip
    """The collection of the awards of one instrument. `in_flight`: what payments that are not made yet take of one;
    `stage`: how far one is, of `stages`, where it is not told by its aid alone.
    """
    stage = stage_of(award) if stage is None else stage
    return Listing(
        schema=schema,
        rows=_rows(award, paid, in_flight, stage, more),
        key=award.id,
        version=award.version,
        derived=True,
        filters={
            "status": any_of(award.status, statuses, "Any of these states."),
            "stage": any_of(stage, stages, "At any of these stages."),
            "siren": equals(award.siren, Siren, f"{noun.capitalize()}s to this firm."),
            "project_id": equals(award.project_id, Uuid, f"{noun.capitalize()}s for this project."),
            "committee_id": equals(award.committee_id, Uuid, f"{noun.capitalize()}s that this meeting decided."),
            "funder_id": equals(award.funder_id, Uuid, f"{noun.capitalize()}s that this organisation funds."),
            "application_id": equals(award.application_id, Uuid, f"The {noun} of this aid file."),
            "scheme": any_of(award.scheme, Code, "Under any of these schemes."),
            "decision_reference": equals(award.decision_reference, ShortLine, f"The {noun} with this decision."),
            "external_id": equals(
                award.external_id, ExternalId, f"The {noun} that another system knows by this id."
            ),
            **amount_range(award.amount_cents),
            "decided_from": at_least(award.decided_on, Day, "Decided on this day or later."),
            "decided_to": at_most(award.decided_on, Day, "Decided on this day or earlier."),
            "q": matches(award.project_title, Firm.name, doc="Part of the project's title or the firm's name."),
            "updated_since": updated_since(award.updated_at),
        },
        sorts={
            "decided_on": award.decided_on, "amount_cents": award.amount_cents, "updated_at": award.updated_at,
        },
    )  # fmt: skip
