"""Writes of schemes: a value that has begun stays, and another follows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.core.db import Base
from app.core.messages import PERIOD_REVERSED
from app.core.problems import Problem, ValidationFailed
from app.core.reading.listing import Listing
from app.core.writing.writes import Change, Write, given, merge
from app.schemes import schemas
from app.schemes.models import DatedParameter, Scheme, SchemeParameter
from app.schemes.queries import SCHEME_PARAMETERS, SCHEMES
from app.schemes.rules import KNOWN, faults_of


class ParametersOverlap(Problem):
    """The scheme already has a value of this parameter on some of these days."""

    status = 409
    title_fr = "Le dispositif a déjà une valeur pour ce paramètre à certaines de ces dates."
    cure = "End the other value first (`valid_until_on`), or give days on which there is none."
    cure_fr = "Terminez d'abord l'autre valeur (`valid_until_on`), ou donnez des dates qui n'en ont pas."


class ParameterInUse(Problem):
    """This value has begun: files may rest on it."""

    status = 409
    title_fr = "Cette valeur est en vigueur ou l'a été : des dossiers peuvent reposer sur elle."
    cure = "End it today or later (`valid_until_on`), and record another value from the next day on."
    cure_fr = (
        "Terminez-la aujourd'hui ou plus tard (`valid_until_on`), et enregistrez une autre valeur dès le lendemain."
    )


class SchemeInUse(Problem):
    """This scheme has begun: files may have been received under it."""

    status = 409
    title_fr = "Ce dispositif a commencé : des dossiers peuvent avoir été reçus à son titre."
    cure = "Keep valid_from_on, and give a valid_until_on of today or later."
    cure_fr = "Gardez valid_from_on, et donnez un valid_until_on d'aujourd'hui ou plus tard."


async def create_scheme(write: Write, body: schemas.SchemeCreate) -> Change:
    """A scheme under its code, which is unique (`already-exists`)."""
    scheme = Scheme(**body.model_dump())
    write.session.add(scheme)
    await write.session.flush()
    return Change("scheme.created", SCHEMES, [scheme.code])


async def update_scheme(write: Write, code: str, body: schemas.SchemeUpdate) -> Change:
    """Change a scheme; its code stays. Raises `scheme-in-use` (409)."""
    scheme = await write.lock(Scheme, Scheme.code == code)
    write.expect(scheme.version)
    changed = merge(scheme, body)
    _refuse_reversed(scheme.valid_from_on, scheme.valid_until_on)
    return Change("scheme.updated" if changed else "", SCHEMES, [code])


@dataclass(frozen=True)
class ParameterKind:
    """Dated parameters of one kind of owner: their table, the owner's key, how they are read and told."""

    table: type[DatedParameter]
    owner: str  # the column of the table that names the owner
    parent: type[Base]
    parent_key: Any
    within: str  # the path's name of the owner
    listing: Listing
    noun: str
    known: Mapping[str, Any]  # the types of the parameters that code knows by name


async def add_parameter(write: Write, kind: ParameterKind, owner: Any, body: schemas.DatedParameterCreate) -> Change:
    """The value of a parameter from a day on; a constraint refuses a second one on its days."""
    if faults := faults_of(body.name, body.value, "/value", kind.known):
        raise ValidationFailed(errors=faults)
    await write.lock(kind.parent, kind.parent_key == owner)
    parameter = kind.table(**{kind.owner: owner}, **body.model_dump())
    write.session.add(parameter)
    await write.session.flush()
    return Change(f"{kind.noun}.created", kind.listing, [parameter.id], {kind.within: owner})


async def change_parameter(
    write: Write, kind: ParameterKind, owner: Any, parameter_id: UUID, body: schemas.DatedParameterUpdate
) -> Change:
    """Change a value that has not begun, or the end and the source of one that has: a seal holds the rest."""
    table: Any = kind.table
    parameter = await write.lock(table, table.id == parameter_id, getattr(table, kind.owner) == owner)
    write.expect(parameter.version, required=True)
    if "value" in given(body) and (faults := faults_of(parameter.name, body.value, "/value", kind.known)):
        raise ValidationFailed(errors=faults)
    changed = merge(parameter, body)
    _refuse_reversed(parameter.valid_from_on, parameter.valid_until_on)
    return Change(f"{kind.noun}.updated" if changed else "", kind.listing, [parameter_id], {kind.within: owner})


OF_SCHEME = ParameterKind(
    SchemeParameter, "scheme", Scheme, Scheme.code, "scheme", SCHEME_PARAMETERS, "scheme_parameter", KNOWN
)


async def create_parameter(write: Write, code: str, body: schemas.SchemeParameterCreate) -> Change:
    """The value of a parameter from a day on. Raises `parameters-overlap` (409)."""
    return await add_parameter(write, OF_SCHEME, code, body)


async def update_parameter(write: Write, code: str, parameter_id: UUID, body: schemas.SchemeParameterUpdate) -> Change:
    """Change a value that has not begun, or the end and the source of one that has.

    Raises `parameter-in-use`, `parameters-overlap` (409).
    """
    return await change_parameter(write, OF_SCHEME, code, parameter_id, body)


def _refuse_reversed(valid_from_on: date, valid_until_on: date | None) -> None:
    if valid_until_on is not None and valid_until_on < valid_from_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/valid_until_on")])
