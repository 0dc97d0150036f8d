"""Reads of auditions, of their confidential notes, and of everything held about one contact."""

from typing import Any

from sqlalchemy import Date, DateTime, Text, case, cast, exists, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, distinct_on

from app.access.models import Subject
from app.auditions import schemas
from app.auditions.models import Audition, AuditionConsultant, AuditionContact, AuditionFirm, Need, Note
from app.auditions.rules import AuditionFollowUp, AuditionKind, AuditionStatus, NeedCategory
from app.core.db import instant, param
from app.core.reading.listing import (
    Filter,
    Listing,
    Rows,
    any_of,
    at_least,
    at_most,
    equals,
    json_array,
    json_object,
    matches,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.values import Day, ExternalId, Siren, Uuid
from app.core.writing.events import Event
from app.firms.contacts.models import Contact
from app.firms.models import Firm
from app.firms.queries import MET
from app.missions.models import Consultant, Mission

_audition = Audition
_territory = param("territory", Text())
_audition_id = param("audition_id", _audition.id.type)


def _list(column: Any, order: Any, rows: Any, empty: str = "ARRAY[]::text[]") -> Any:
    """The values of a child table as one array, in the order of the ids beside them."""
    return func.coalesce(
        rows.with_only_columns(func.array_agg(aggregate_order_by(column, order))).scalar_subquery(),
        literal_column(empty, ARRAY(column.type)),
    )


def _json(rows: Any, order: Any, **fields: Any) -> Any:
    """The rows of a child table as a JSON list."""
    return rows.with_only_columns(json_array(json_object(**fields), order)).scalar_subquery()


_invited, _consulting, _attending, _need = AuditionFirm, AuditionConsultant, AuditionContact, Need
_firms = select(_invited.siren).join(Firm, Firm.siren == _invited.siren).where(_invited.audition_id == _audition.id)
_consultants = (
    select(_consulting.consultant_id)
    .join(Consultant, Consultant.id == _consulting.consultant_id)
    .join(Subject, Subject.id == Consultant.person_id)
    .where(_consulting.audition_id == _audition.id)
)
_contacts = select(_attending.contact_id).where(_attending.audition_id == _audition.id)
_needs = select(_need.position).where(_need.audition_id == _audition.id)
_uuids = "ARRAY[]::uuid[]"
_owner = Subject.__table__.alias("owner")

_follow_up = case(
    (_audition.follow_up_due_on.is_(None), literal_column(f"'{AuditionFollowUp.NONE}'", Text())),
    (_audition.follow_up_done_on.is_(None), literal_column(f"'{AuditionFollowUp.OPEN}'", Text())),
    else_=literal_column(f"'{AuditionFollowUp.DONE}'", Text()),
)


def _of(model: Any, column: Any, type_: Any, doc: str) -> Filter:
    """Auditions that have this firm, consultant, contact or need."""
    return Filter(
        Parameter(type_, doc),
        lambda name: exists().where(model.audition_id == _audition.id, column == param(name, column.type)),
    )


def _person(name: str) -> Any:
    """Whatever the assignment by which a consultant takes part."""
    taken = select(_consulting.consultant_id).join(Consultant, Consultant.id == _consulting.consultant_id)
    here = taken.where(
        _consulting.audition_id == _audition.id, Consultant.person_id == param(name, Consultant.person_id.type)
    )
    return here.correlate(_audition).exists()


_words = matches(
    _audition.place,
    _audition.findings,
    _audition.follow_up,
    doc="Part of a firm's name, the place, the findings or the follow-up.",
)


def _said(name: str) -> Any:
    """`q=` looks at the firms' names too."""
    met = select(_invited.siren).join(Firm, Firm.siren == _invited.siren).where(_invited.audition_id == _audition.id)
    return or_(_words.where(name), met.where(func.fold(Firm.name).like(func.fold(param(name, Text())))).exists())


AUDITIONS = Listing(
    schema=schemas.Audition,
    rows=select(
        _audition.id,
        _audition.territory,
        _audition.kind,
        _audition.status,
        _list(_invited.siren, _invited.siren, _firms).label("sirens"),
        _list(Firm.name, _invited.siren, _firms).label("firm_names"),
        _audition.mission_id,
        Mission.name.label("mission_name"),
        _audition.planned_on,
        _audition.held_on,
        _audition.place,
        _list(_consulting.consultant_id, _consulting.consultant_id, _consultants, _uuids).label("consultant_ids"),
        _list(Subject.name, _consulting.consultant_id, _consultants).label("consultant_names"),
        _list(_attending.contact_id, _attending.contact_id, _contacts, _uuids).label("contact_ids"),
        _audition.reason,
        _audition.findings,
        func.coalesce(
            _needs.with_only_columns(func.array_agg(_need.category.distinct())).scalar_subquery(),
            literal_column("ARRAY[]::text[]", ARRAY(Text())),
        ).label("need_categories"),
        _json(_needs, _need.position, category=_need.category, description=_need.description).label("needs"),
        _audition.follow_up,
        _audition.follow_up_owner_id,
        _owner.c.name.label("follow_up_owner_name"),
        _audition.follow_up_due_on,
        _audition.follow_up_done_on,
        _follow_up.label("follow_up_status"),
        _audition.external_id,
        _audition.version,
        _audition.created_at,
        _audition.updated_at,
    )
    .outerjoin(Mission, Mission.id == _audition.mission_id)
    .outerjoin(_owner, _owner.c.id == _audition.follow_up_owner_id)
    .where(_audition.territory == _territory),
    key=_audition.id,
    version=_audition.version,
    derived=True,
    filters={
        "siren": _of(_invited, _invited.siren, Siren, "Auditions of this firm."),
        "consultant_id": _of(
            _consulting, _consulting.consultant_id, Uuid, "Auditions in which this assignment takes part."
        ),
        "person_id": Filter(Parameter(Uuid, "Auditions in which this person of a consultancy takes part."), _person),
        "contact_id": _of(_attending, _attending.contact_id, Uuid, "Auditions in which this person takes part."),
        "need_category": _of(_need, _need.category, NeedCategory, "Auditions that found such a need."),
        "mission_id": equals(_audition.mission_id, Uuid, "Auditions of this mission."),
        "status": any_of(_audition.status, AuditionStatus, "Any of these states."),
        "kind": any_of(_audition.kind, AuditionKind, "Any of these kinds."),
        "planned_from": at_least(_audition.planned_on, Day, "Planned for this day or later."),
        "planned_to": at_most(_audition.planned_on, Day, "Planned for this day or earlier."),
        "held_from": at_least(_audition.held_on, Day, "Held on this day or later."),
        "held_to": at_most(_audition.held_on, Day, "Held on this day or earlier."),
        "follow_up_status": any_of(_follow_up, AuditionFollowUp, "Auditions whose follow-up is open, done, or none."),
        "follow_up_owner_id": equals(_audition.follow_up_owner_id, Uuid, "Follow-ups of this person."),
        "follow_up_due_from": at_least(_audition.follow_up_due_on, Day, "Follow-up due on this day or later."),
        "follow_up_due_to": at_most(_audition.follow_up_due_on, Day, "Follow-up due on this day or earlier."),
        "external_id": equals(_audition.external_id, ExternalId, "The audition that another system knows by this id."),
        "q": Filter(_words.parameter, _said, _words.prepare),
        "updated_since": updated_since(_audition.updated_at),
    },
    sorts={
        "planned_on": _audition.planned_on,
        "held_on": _audition.held_on,
        "follow_up_due_on": _audition.follow_up_due_on,
        "updated_at": _audition.updated_at,
    },
)

NOTES = Listing(
    schema=schemas.AuditionNote,
    rows=select(
        Note.id,
        Note.audition_id,
        Note.body,
        Note.written_by,
        Subject.name.label("written_by_name"),
        Note.version,
        Note.created_at,
        Note.updated_at,
    )
    .outerjoin(Subject, Subject.id == Note.written_by)
    .where(Note.audition_id == _audition_id, Note.territory == _territory),
    key=Note.id,
    version=Note.version,
    derived=True,
    parent=select(_audition.id).where(_audition.id == _audition_id, _audition.territory == _territory),
    filters={
        "written_by": equals(Note.written_by, Uuid, "Notes of this person."),
        "q": matches(Note.body, doc="Part of the note, without accents or case."),
        "updated_since": updated_since(Note.updated_at),
    },
    sorts={"updated_at": Note.updated_at},
)

_contact = Contact
_attended = (
    select(_attending.audition_id)
    .join(_audition, _audition.id == _attending.audition_id)
    .where(_attending.contact_id == _contact.id)
)
_recorder, _changer = Subject.__table__.alias("recorder"), Subject.__table__.alias("changer")
_changes = (
    select(Event.sequence)
    .outerjoin(_changer, _changer.c.id == Event.actor_id)
    .where(Event.resource_type == "contact", Event.resource_id == cast(_contact.id, Text))
)

CONTACT_EXPORTS = Listing(
    schema=schemas.ContactExport,
    rows=select(
        _contact.id,
        _contact.territory,
        _contact.siren,
        Firm.name.label("firm_name"),
        _contact.name,
        _contact.function,
        _contact.email,
        _contact.phone,
        _contact.external_id,
        _contact.purpose,
        _contact.legal_basis,
        _contact.retain_until_on,
        _contact.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _contact.created_at,
        _contact.updated_at,
        _contact.erased_at,
        _contact.erased_because,
        _json(
            _attended,
            _audition.planned_on,
            audition_id=_audition.id,
            kind=_audition.kind,
            status=_audition.status,
            planned_on=_audition.planned_on,
            held_on=_audition.held_on,
            place=_audition.place,
        ).label("auditions"),
        _json(
            _changes,
            Event.sequence,
            type=Event.type,
            occurred_at=instant(Event.occurred_at),
            actor_id=Event.actor_id,
            actor_name=_changer.c.name,
        ).label("history"),
    )
    .join(Firm, Firm.siren == _contact.siren)
    .outerjoin(_recorder, _recorder.c.id == _contact.recorded_by)
    .where(_contact.territory == _territory),
    key=_contact.id,
    derived=True,
)


def _met(known: bool, slugs: Rows | None) -> Rows:
    """Who was met at held auditions: as they are now, or (`known`) as the last event of each by an instant says it."""
    if not known:
        return (
            select(_audition.territory, _invited.siren, _audition.held_on.label("met_on"))
            .join(_invited, _invited.audition_id == _audition.id)
            .where(_audition.status == literal_column(f"'{AuditionStatus.HELD}'"))
        )
    e = Event
    told = (
        select(e.territory, e.data)
        .ext(distinct_on(e.resource_id))
        .where(
            e.resource_type == "audition",
            e.territory == _territory if slugs is None else e.territory.in_(slugs),
            e.occurred_at < param("known_before", DateTime(timezone=True)),
        )
        .order_by(e.resource_id, e.sequence.desc())
        .subquery("told")
    )
    siren = func.jsonb_array_elements_text(told.c.data["sirens"]).table_valued("value", name="siren")
    return (
        select(
            told.c.territory, siren.c.value.label("siren"), cast(told.c.data["held_on"].astext, Date).label("met_on")
        )
        .join(siren, literal_column("true"))
        .where(told.c.data["status"].astext == AuditionStatus.HELD)
    )


MET.append(_met)
