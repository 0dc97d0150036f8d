"""Reads of lookups: who takes part in a territory."""

from typing import Any

from sqlalchemy import ColumnElement, Text, any_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, array

from app.access.models import Member, Organisation, Subject
from app.core.db import param, paris_day
from app.core.reading.listing import Filter, Listing, begins, equals
from app.core.reading.query import Parameter
from app.core.values import Slug, Uuid
from app.integrations.lookups import schemas
from app.missions.models import Consultant
from app.missions.queries import has_members_of

_TODAY = paris_day(func.now())
_c, _m = Consultant, Member
_colleague = Subject.__table__.alias("colleague")


def _holds_role(subject_id: Any, territories: Any) -> ColumnElement[bool]:
    """Whether the subject has a role that has not ended, in one of the territories or in all."""
    here = or_(_m.territory == any_(territories), _m.territory.is_(None))
    return exists().where(_m.subject_id == subject_id, _m.granted, here, or_(_m.to_on.is_(None), _m.to_on >= _TODAY))


def _person_in(territories: Any) -> ColumnElement[bool]:
    """Persons with a role there, and those assigned to a mission, until it ends."""
    assigned = exists().where(_c.person_id == Subject.id, _c.territory == any_(territories), _c.until_on >= _TODAY)
    return or_(_holds_role(Subject.id, territories), assigned)


def _organisation_in(territories: Any) -> ColumnElement[bool]:
    """Organisations in which somebody has a role there, and members of the missions."""
    somebody = select(_colleague.c.id).where(
        _colleague.c.organisation_id == Organisation.id, _holds_role(_colleague.c.id, territories)
    )
    return or_(somebody.correlate(Organisation).exists(), has_members_of(Organisation.id, territories))


def _within(takes_part: Any) -> Any:
    return lambda name: takes_part(param(name, ARRAY(Text())))


def _in_territory(takes_part: Any, doc: str) -> Filter:
    return Filter(Parameter(Slug, doc), lambda name: takes_part(array([param(name, Text())])))


PERSONS = Listing(
    schema=schemas.LookupPerson,
    rows=select(Subject.id, Subject.name, Organisation.name.label("organisation_name"))
    .join(Organisation, Organisation.id == Subject.organisation_id)
    .where(Subject.kind == "person"),
    key=Subject.id,
    filters={
        "q": begins(func.search_words(array([Subject.name])), "Words of the name, each from its beginning."),
        "territory": _in_territory(_person_in, "Persons with a role or an assignment in this territory."),
        "organisation_id": equals(Subject.organisation_id, Uuid, "Persons who work for this organisation at present."),
    },
    sorts={"name": Subject.name},
    default_sort="name",
    scopes={"within": _within(_person_in)},
)

ORGANISATIONS = Listing(
    schema=schemas.LookupOrganisation,
    rows=select(Organisation.id, Organisation.name),
    key=Organisation.id,
    filters={
        "q": begins(func.search_words(array([Organisation.name])), "Words of the name, each from its beginning."),
        "territory": _in_territory(_organisation_in, "Organisations that take part in this territory."),
    },
    sorts={"name": Organisation.name},
    default_sort="name",
    scopes={"within": _within(_organisation_in)},
)
