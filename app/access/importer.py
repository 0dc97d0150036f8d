"""Organisations and their people from files."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_

from app.access import queries, service
from app.access.models import Organisation, Subject
from app.access.rules import SubjectKind
from app.access.schemas import (
    OrganisationCreate,
    OrganisationUpdate,
    PersonCreate,
    PersonUpdate,
)
from app.core.faults import Message
from app.core.values import Line as ShortText
from app.core.values import ShortLine, Siren, Uuid
from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, given
from app.core.writing.upserts import NamedObject, Upsert
from app.core.writing.writes import Change, Write

ORGANISATIONS_FIRST = Message(
    "organisations_first", "Import the organisations first.", "Importez d'abord les organismes."
)
PERSONS_FIRST = Message("persons_first", "Import the persons first.", "Importez d'abord les personnes.")


def organisation_named(field: str, *, required: bool = False) -> NamedObject:
    """The organisation of a field `x_id`, which a file names by `x` or by `x_siren`."""
    name = field.removesuffix("_id")
    by: dict[str, list[Any]] = {name: [Organisation.name], f"{name}_siren": [Organisation.siren]}
    return NamedObject(field, Organisation.id, by, required=required)


def organisation_headings(field: str, names: Sequence[str], sirens: Sequence[str]) -> list[Heading]:
    """The columns by which a file names that organisation."""
    name = field.removesuffix("_id")
    return [
        Heading(field, cells.plain, first=ORGANISATIONS_FIRST),
        Heading(name, cells.plain, [*names, f"{name} name"], first=ORGANISATIONS_FIRST),
        Heading(f"{name}_siren", cells.siren, sirens, en=f"{name} SIREN", first=ORGANISATIONS_FIRST),
    ]


# --- organisations ---------------------------------------------------------------------------------------------------


class OrganisationLine(OrganisationCreate):
    """An organisation; our exports name it by its id."""

    id: Uuid | None = None


def _known_organisation(_place: Any, item: OrganisationLine) -> Sequence[ColumnElement[bool]]:
    """That of this SIREN, else of this name without one."""
    o = Organisation
    named = func.fold(o.name) == func.fold(item.name)
    return [named if item.siren is None else or_(o.siren == item.siren, and_(o.siren.is_(None), named))]


async def _create_organisation(write: Write, _place: Any, item: OrganisationLine) -> Change:
    return await service.create_organisation(write, OrganisationCreate(**given(item, OrganisationCreate.model_fields)))


async def _update_organisation(write: Write, _place: Any, key: Any, item: OrganisationLine) -> Change:
    body = OrganisationUpdate(**given(item, OrganisationUpdate.model_fields))
    return await service.update_organisation(write, key, body)


_ORGANISATIONS = Upsert(
    key=Organisation.id,
    listing=queries.ORGANISATIONS,
    known=_known_organisation,
    create=_create_organisation,
    update=_update_organisation,
)
ORGANISATIONS_FILE = Importer(
    kind="organisations",
    permission="organisations:write",
    national=True,
    schema=OrganisationLine,
    key=["id", "siren", "name"],
    listing=queries.ORGANISATIONS,
    columns=[
        Heading("id", cells.plain),
        Heading("name", cells.plain, ["nom", "organisme", "raison sociale", "dénomination"], required=True),
        Heading("siren", cells.siren, ["n° siren"], instead=["siret"], fr="SIREN", en="SIREN"),
    ],
    check=_ORGANISATIONS.check,
    locks=_ORGANISATIONS.locks,
    apply=_ORGANISATIONS.apply,
)


# --- persons ---------------------------------------------------------------------------------------------------------


class PersonLine(PersonCreate):
    """A person of an organisation, which is named by its id, its SIREN or its name."""

    id: Uuid | None = None
    organisation_id: Uuid | None = None
    organisation: ShortText | None = None
    organisation_siren: Siren | None = None
    name: ShortLine


def _known_person(_place: Any, item: PersonLine) -> Sequence[ColumnElement[bool]]:
    """The same address is the same human, whatever the organisation."""
    return [Subject.kind == SubjectKind.PERSON, Subject.email == item.email]


async def _create_person(write: Write, _place: Any, item: PersonLine) -> Change:
    assert item.organisation_id is not None  # the check has asked for it
    return await service.create_person(
        write, item.organisation_id, PersonCreate(**given(item, PersonCreate.model_fields))
    )


async def _update_person(write: Write, _place: Any, key: Any, item: PersonLine) -> Change:
    known = await write.session.get_one(Subject, key)
    body = PersonUpdate(**given(item, PersonUpdate.model_fields))
    return await service.update_person(write, known.organisation_id, key, body)


_PERSONS = Upsert(
    key=Subject.id,
    listing=queries.EVERY_PERSON,
    known=_known_person,
    create=_create_person,
    update=_update_person,
    names=[organisation_named("organisation_id", required=True)],
)
PERSONS_FILE = Importer(
    kind="persons",
    permission="organisations:write",
    national=True,
    schema=PersonLine,
    key=["id", "email"],
    listing=queries.EVERY_PERSON,
    renamed={"organisation": "organisation_name"},
    columns=[
        Heading("id", cells.plain),
        Heading(
            "name",
            cells.plain,
            ["nom et prénom", "nom", "personne"],
            required=True,
            given_name=["prénom", "first name", "given name"],
        ),
        Heading("email", cells.plain, ["courriel", "e-mail", "mail", "adresse électronique"], required=True),
        *organisation_headings(
            "organisation_id", ["organisme", "nom de l'organisme", "employeur"], ["siren de l'organisme", "siren"]
        ),
    ],
    check=_PERSONS.check,
    locks=_PERSONS.locks,
    apply=_PERSONS.apply,
)
