"""The commands about API keys: create, list, revoke."""

import asyncio
import json
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from app.access.rules import EmailMissing, Role, SubjectKind
from app.commands.database import database, engine_of
from app.commands.terminal import CommandRefused, aligned, text_of
from app.core import values
from app.core.db import raw_connection, session_factory
from app.core.problems import AlreadyExists, NotFound, ReferenceNotFound
from app.settings import get_settings


def create_key(
    role: Annotated[Role, typer.Option(help="The role that the key's subject holds.")],
    territory: Annotated[str | None, typer.Option(help="The territory's slug; all territories without it.")] = None,
    organisation: Annotated[str | None, typer.Option(help="SIREN of the subject's organisation.")] = None,
    subject: Annotated[str | None, typer.Option(help="Name of the person or program; by default the role's.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail address of the person; required for a new one.")] = None,
    service_account: Annotated[bool, typer.Option("--service-account", help="The subject is a program.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help='Print {"key": "rbd_…"} and more as JSON.')] = False,
) -> None:
    """Create an API key. Organisation, subject and role are created where missing; the key is shown once."""
    import app.models  # noqa: F401  # every table: a foreign key names one of another domain
    from app.access import service as access
    from app.core.writing.writes import System, new_request_id, run

    if organisation is not None and not values.is_siren(organisation):
        raise CommandRefused("--organisation must be a SIREN: nine digits, the last being its Luhn key")
    if email is not None:
        if service_account:
            raise CommandRefused("--email is for a person: a program has none")
        try:
            email = TypeAdapter(values.Email).validate_python(email)
        except ValidationError:
            raise CommandRefused("--email must be an e-mail address, such as name@example.fr") from None
    key = access.new_key()
    kind = SubjectKind.SERVICE_ACCOUNT if service_account else SubjectKind.PERSON
    name = subject or role.value

    async def make(url: str) -> dict[str, Any]:
        async with engine_of(url, "rebond keys") as engine:
            seen = await run(
                session_factory(engine),
                System(),
                lambda write: access.issue_key(write, role, territory, organisation, name, kind, key, email),
                request_id=new_request_id(),
            )
        stored: dict[str, Any] = json.loads(seen[0].body)  # type: ignore[index]  # objects, as no reply was asked
        return stored

    with database(get_settings()) as url:
        try:
            stored = asyncio.run(make(url))
        except ReferenceNotFound:
            raise CommandRefused(f"there is no territory {territory}") from None
        except EmailMissing:
            raise CommandRefused("a new person needs --email; a program is made with --service-account") from None
        except AlreadyExists:
            raise CommandRefused("the e-mail address belongs to a person of another organisation") from None
    shown = {"key": key, "id": stored["id"], "subject_id": stored["subject_id"], "role": role, "territory": territory}
    print(json.dumps(shown) if as_json else key)


def list_keys() -> None:
    """List the API keys, without their secrets."""
    query = """
        SELECT k.id, k.prefix, s.name, o.name AS organisation, k.scope, k.expires_at, k.revoked_at, k.last_used_at
        FROM api_keys k JOIN subjects s ON s.id = k.subject_id JOIN organisations o ON o.id = s.organisation_id
        ORDER BY k.id
    """

    async def read(url: str) -> list[Any]:
        async with engine_of(url, "rebond keys") as engine, raw_connection(engine) as connection:
            rows: list[Any] = await connection.fetch(query)
            return rows

    with database(get_settings()) as url:
        rows = asyncio.run(read(url))
    heads = ["id", "key", "subject", "organisation", "scope", "expires", "revoked", "last used"]
    for line in aligned([heads, *([text_of(value) for value in row.values()] for row in rows)]):
        print(line)


def revoke_key(key_id: Annotated[str, typer.Argument(help="The key's id, as «rebond keys list» shows it.")]) -> None:
    """Revoke a key: within five seconds no worker accepts it."""
    import app.models  # noqa: F401  # every table: a foreign key names one of another domain
    from app.access import service as access
    from app.core.writing.writes import System, new_request_id, run

    try:
        wanted = TypeAdapter(values.Uuid).validate_python(key_id)
    except ValidationError:
        raise CommandRefused("the key's id is a UUID: see «rebond keys list»") from None

    async def revoke(url: str) -> None:
        async with engine_of(url, "rebond keys") as engine:
            await run(
                session_factory(engine),
                System(),
                lambda write: access.revoke_api_key(write, wanted),
                request_id=new_request_id(),
            )

    with database(get_settings()) as url:
        try:
            asyncio.run(revoke(url))
        except NotFound:
            raise CommandRefused("no key has this id: see «rebond keys list»") from None
    print("revoked")
