"""Reads of corrections."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Text,
    and_,
    column,
    func,
    literal_column,
    select,
    table,
)

from app.access.models import Organisation, Subject
from app.auditions.models import Audition
from app.core.db import param
from app.core.reading.listing import Filter, Listing, any_of, equals, updated_since
from app.core.reading.query import Parameter
from app.core.values import Uuid
from app.engineering.corrections import schemas
from app.engineering.corrections.models import TimeEntryCorrection
from app.engineering.corrections.rules import CorrectionStatus
from app.engineering.entries.models import TimeEntry
from app.firms.models import Firm
from app.missions.leads import led_by
from app.missions.models import Mission
from app.projects.models import Project

_k, _e = TimeEntryCorrection, TimeEntry
_new = TimeEntry.__table__.alias("corrected_by")
_proposer, _agreer, _accepter, _ender = (
    Subject.__table__.alias(name) for name in ("proposer", "agreer", "accepter", "ender")
)
# By its name: certificates import this package.
_certificates = table(
    "service_certificates",
    column("id", _k.id.type),
    column("number", Integer()),
    column("cancels_id", _k.id.type),
    column("days", Numeric(7, 2)),
    column("amount_cents", BigInteger()),
    column("total_cents", BigInteger()),
)
_certificate, _counter, _rest = (_certificates.alias(name) for name in ("certificate", "counter", "rest"))


def decidable_by(subject_id: Any) -> ColumnElement[bool]:
    """Corrections in which the subject took no part: neither worked, proposed nor agreed."""
    return and_(_k.person_id != subject_id, _k.proposed_by != subject_id, _k.agreed_by.is_distinct_from(subject_id))


_rows = (
    select(
        _k.id,
        _k.entry_id,
        _e.worked_on.label("entry_worked_on"),
        _e.days.label("entry_days"),
        _e.activity.label("entry_activity"),
        _e.mission_id,
        Mission.name.label("mission_name"),
        _k.organisation_id,
        Organisation.name.label("organisation_name"),
        _k.consultant_id,
        Subject.name.label("consultant_name"),
        _k.worked_on,
        _k.days,
        _k.activity,
        _k.siren.label("siren"),
        Firm.name.label("firm_name"),
        _k.audition_id,
        func.coalesce(Audition.held_on, Audition.planned_on, type_=Date()).label("audition_on"),
        _k.project_id,
        Project.title.label("project_title"),
        _k.note,
        _k.reason,
        _k.status,
        _k.proposed_by,
        _proposer.c.name.label("proposed_by_name"),
        _k.agreed_by,
        _agreer.c.name.label("agreed_by_name"),
        _k.agreed_at,
        _k.accepted_by,
        _accepter.c.name.label("accepted_by_name"),
        _k.accepted_at,
        _k.ended_by,
        _ender.c.name.label("ended_by_name"),
        _k.ended_at,
        _k.ending_reason,
        _certificate.c.id.label("certificate_id"),
        _certificate.c.number.label("certificate_number"),
        _counter.c.id.label("counter_certificate_id"),
        _counter.c.number.label("counter_certificate_number"),
        _k.rest_certificate_id,
        _rest.c.number.label("rest_certificate_number"),
        _k.corrected_by_id,
        _new.c.counted_on.label("corrected_by_counted_on"),
        _k.version,
        _k.created_at,
        _k.updated_at,
    )
    .join(_e, _e.id == _k.entry_id)
    .join(Mission, Mission.id == _e.mission_id)
    .join(Organisation, Organisation.id == _k.organisation_id)
    .join(Subject, Subject.id == _k.person_id)
    .join(_proposer, _proposer.c.id == _k.proposed_by)
    .outerjoin(_agreer, _agreer.c.id == _k.agreed_by)
    .outerjoin(_accepter, _accepter.c.id == _k.accepted_by)
    .outerjoin(_ender, _ender.c.id == _k.ended_by)
    .outerjoin(Firm, Firm.siren == _k.siren)
    .outerjoin(Audition, Audition.id == _k.audition_id)
    .outerjoin(Project, Project.id == _k.project_id)
    .outerjoin(_certificate, _certificate.c.id == func.coalesce(_k.certificate_id, _e.certificate_id))
    .outerjoin(_counter, _counter.c.cancels_id == _k.certificate_id)
    .outerjoin(_rest, _rest.c.id == _k.rest_certificate_id)
    .outerjoin(_new, _new.c.id == _k.corrected_by_id)
    .where(_k.territory == param("territory", Text()))
)
CORRECTIONS = Listing(
    schema=schemas.TimeEntryCorrection,
    rows=_rows,
    key=_k.id,
    version=_k.version,
    derived=True,
    filters={
        "entry_id": equals(_k.entry_id, Uuid, "Corrections of this entry."),
        "status": any_of(_k.status, CorrectionStatus, "Corrections in any of these states."),
        "mission_id": equals(_e.mission_id, Uuid, "Corrections of entries of this mission."),
        "organisation_id": equals(_k.organisation_id, Uuid, "Corrections of entries of this member of the consortium."),
        "led_by": Filter(
            Parameter(Uuid, "Corrections in the missions that this organisation leads."),
            lambda name: led_by(_e.mission_id, param(name, _e.organisation_id.type)),
        ),
        "decidable_by": Filter(
            Parameter(
                Uuid,
                "Corrections of days that this subject did not work, which it neither proposed nor agreed: who took"
                " part decides nothing about them.",
            ),
            lambda name: decidable_by(param(name, _k.person_id.type)),
        ),
        "updated_since": updated_since(_k.updated_at),
    },
    sorts={"entry_worked_on": _e.worked_on, "worked_on": _k.worked_on, "updated_at": _k.updated_at},
    owner=_k.organisation_id,
)

_nothing = literal_column("0", BigInteger())
# For who accepts, and sees every certificate; `amount` is what the new entry costs.
ACCEPTED_CORRECTIONS = Listing(
    schema=schemas.AcceptedCorrection,
    rows=_rows.add_columns(
        _certificate.c.days.label("days_before"),
        func.coalesce(_rest.c.days, literal_column("0", Numeric(7, 2))).label("days_after"),
        _certificate.c.amount_cents.label("amount_before_excl_vat_cents"),
        func.coalesce(_rest.c.amount_cents, _nothing).label("amount_after_excl_vat_cents"),
        _certificate.c.total_cents.label("total_before_cents"),
        func.coalesce(_rest.c.total_cents, _nothing).label("total_after_cents"),
        param("amount", BigInteger()).label("corrected_by_amount_excl_vat_cents"),
    ),
    key=_k.id,
    version=_k.version,
    derived=True,
    owner=_k.organisation_id,
)
