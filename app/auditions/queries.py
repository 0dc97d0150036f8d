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

_a = Audition
_territory = param("territory", Text())
_audition_id = param("audition_id", _a.id.type)


def _list(column: Any, order: Any, rows: Any, empty: str = "ARRAY[]::text[]") -> Any:
    """The values of a child table as one array, in the order of the ids beside them."""
    return func.coalesce(
        rows.with_only_columns(func.array_agg(aggregate_order_by(column, order))).scalar_subquery(),
        literal_column(empty, ARRAY(column.type)),
    )


def _json(rows: Any, order: Any, **fields: Any) -> Any:
    """The rows of a child table as a JSON list."""
    return rows.with_only_columns(json_array(json_object(**fields), order)).scalar_subquery()


_f, _c, _k, _n = AuditionFirm, AuditionConsultant, AuditionContact, Need
_firms = select(_f.siren).join(Firm, Firm.siren == _f.siren).where(_f.audition_id == _a.id)
_consultants = (
    select(_c.consultant_id)
    .join(Consultant, Consultant.id == _c.consultant_id)
    .join(Subject, Subject.id == Consultant.person_id)
    .where(_c.audition_id == _a.id)
)
_contacts = select(_k.contact_id).where(_k.audition_id == _a.id)
_needs = select(_n.position).where(_n.audition_id == _a.id)
_uuids = "ARRAY[]::uuid[]"
_owner = Subject.__table__.alias("owner")

_follow_up = case(
    (_a.follow_up_due_on.is_(None), literal_column(f"'{AuditionFollowUp.NONE}'", Text())),
    (_a.follow_up_done_on.is_(None), literal_column(f"'{AuditionFollowUp.OPEN}'", Text())),
    else_=literal_column(f"'{AuditionFollowUp.DONE}'", Text()),
)


def _of(model: Any, column: Any, type_: Any, doc: str) -> Filter:
    """Auditions that have this firm, consultant, contact or need."""
    return Filter(
        Parameter(type_, doc),
        lambda name: exists().where(model.audition_id == _a.id, column == param(name, column.type)),
    )


def _person(name: str) -> Any:
    """Whatever the assignment by which a consultant takes part."""
    taken = select(_c.consultant_id).join(Consultant, Consultant.id == _c.consultant_id)
    here = taken.where(_c.audition_id == _a.id, Consultant.person_id == param(name, Consultant.person_id.type))
    return here.correlate(_a).exists()


_words = matches(
    _a.place, _a.findings, _a.follow_up, doc="Part of a firm's name, the place, the findings or the follow-up."
)


def _said(name: str) -> Any:
    """`q=` looks at the firms' names too."""
    met = select(_f.siren).join(Firm, Firm.siren == _f.siren).where(_f.audition_id == _a.id)
    return or_(_words.where(name), met.where(func.fold(Firm.name).like(func.fold(param(name, Text())))).exists())


AUDITIONS = Listing(
    schema=schemas.Audition,
    rows=select(
        _a.id,
        _a.territory,
        _a.kind,
        _a.status,
        _list(_f.siren, _f.siren, _firms).label("sirens"),
        _list(Firm.name, _f.siren, _firms).label("firm_names"),
        _a.mission_id,
        Mission.name.label("mission_name"),
        _a.planned_on,
        _a.held_on,
        _a.place,
        _list(_c.consultant_id, _c.consultant_id, _consultants, _uuids).label("consultant_ids"),
        _list(Subject.name, _c.consultant_id, _consultants).label("consultant_names"),
        _list(_k.contact_id, _k.contact_id, _contacts, _uuids).label("contact_ids"),
        _a.reason,
        _a.findings,
        func.coalesce(
            _needs.with_only_columns(func.array_agg(_n.category.distinct())).scalar_subquery(),
            literal_column("ARRAY[]::text[]", ARRAY(Text())),
        ).label("need_categories"),
        _json(_needs, _n.position, category=_n.category, description=_n.description).label("needs"),
        _a.follow_up,
        _a.follow_up_owner_id,
        _owner.c.name.label("follow_up_owner_name"),
        _a.follow_up_due_on,
        _a.follow_up_done_on,
        _follow_up.label("follow_up_status"),
        _a.external_id,
        _a.version,
        _a.created_at,
        _a.updated_at,
    )
    .outerjoin(Mission, Mission.id == _a.mission_id)
    .outerjoin(_owner, _owner.c.id == _a.follow_up_owner_id)
    .where(_a.territory == _territory),
    key=_a.id,
    version=_a.version,
    derived=True,
    filters={
        "siren": _of(_f, _f.siren, Siren, "Auditions of this firm."),
        "consultant_id": _of(_c, _c.consultant_id, Uuid, "Auditions in which this assignment takes part."),
        "person_id": Filter(Parameter(Uuid, "Auditions in which this person of a consultancy takes part."), _person),
        "contact_id": _of(_k, _k.contact_id, Uuid, "Auditions in which this person takes part."),
        "need_category": _of(_n, _n.category, NeedCategory, "Auditions that found such a need."),
        "mission_id": equals(_a.mission_id, Uuid, "Auditions of this mission."),
        "status": any_of(_a.status, AuditionStatus, "Any of these states."),
        "kind": any_of(_a.kind, AuditionKind, "Any of these kinds."),
        "planned_from": at_least(_a.planned_on, Day, "Planned for this day or later."),
        "planned_to": at_most(_a.planned_on, Day, "Planned for this day or earlier."),
        "held_from": at_least(_a.held_on, Day, "Held on this day or later."),
        "held_to": at_most(_a.held_on, Day, "Held on this day or earlier."),
        "follow_up_status": any_of(_follow_up, AuditionFollowUp, "Auditions whose follow-up is open, done, or none."),
        "follow_up_owner_id": equals(_a.follow_up_owner_id, Uuid, "Follow-ups of this person."),
        "follow_up_due_from": at_least(_a.follow_up_due_on, Day, "Follow-up due on this day or later."),
        "follow_up_due_to": at_most(_a.follow_up_due_on, Day, "Follow-up due on this day or earlier."),
        "external_id": equals(_a.external_id, ExternalId, "The audition that another system knows by this id."),
        "q": Filter(_words.parameter, _said, _words.prepare),
        "updated_since": updated_since(_a.updated_at),
    },
    sorts={
        "planned_on": _a.planned_on,
        "held_on": _a.held_on,
        "follow_up_due_on": _a.follow_up_due_on,
        "updated_at": _a.updated_at,
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
    parent=select(_a.id).where(_a.id == _audition_id, _a.territory == _territory),
    filters={
        "written_by": equals(Note.written_by, Uuid, "Notes of this person."),
        "q": matches(Note.body, doc="Part of the note, without accents or case."),
        "updated_since": updated_since(Note.updated_at),
    },
    sorts={"updated_at": Note.updated_at},
)

_p = Contact
_attended = select(_k.audition_id).join(_a, _a.id == _k.audition_id).where(_k.contact_id == _p.id)
_recorder, _changer = Subject.__table__.alias("recorder"), Subject.__table__.alias("changer")
_changes = (
    select(Event.sequence)
    .outerjoin(_changer, _changer.c.id == Event.actor_id)
    .where(Event.resource_type == "contact", Event.resource_id == cast(_p.id, Text))
)

CONTACT_EXPORTS = Listing(
    schema=schemas.ContactExport,
    rows=select(
        _p.id,
        _p.territory,
        _p.siren,
        Firm.name.label("firm_name"),
        _p.name,
        _p.function,
        _p.email,
        _p.phone,
        _p.external_id,
        _p.purpose,
        _p.legal_basis,
        _p.retain_until_on,
        _p.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _p.created_at,
        _p.updated_at,
        _p.erased_at,
        _p.erased_because,
        _json(
            _attended, _a.planned_on, audition_id=_a.id, kind=_a.kind, status=_a.status, planned_on=_a.planned_on,
            held_on=_a.held_on, place=_a.place,
        ).label("auditions"),
        _json(
            _changes, Event.sequence, type=Event.type, occurred_at=instant(Event.occurred_at), actor_id=Event.actor_id,
            actor_name=_changer.c.name,
        ).label("history"),
    )
    .join(Firm, Firm.siren == _p.siren)
    .outerjoin(_recorder, _recorder.c.id == _p.recorded_by)
    .where(_p.territory == _territory),
    key=_p.id,
    derived=True,
)  # fmt: skip


def _met(known: bool, slugs: Rows | None) -> Rows:
    """Who was met at held auditions: as they are now, or (`known`) as the last event of each by an instant says it."""
    if not known:
        return (
            select(_a.territory, _f.siren, _a.held_on.label("met_on"))
            .join(_f, _f.audition_id == _a.id)
            .where(_a.status == literal_column(f"'{AuditionStatus.HELD}'"))
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
