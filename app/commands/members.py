"""The commands about roles: list what waits for an approval, approve it while no other administrator can."""

import asyncio
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from app.commands.database import database, engine_of
from app.commands.terminal import CommandRefused, aligned, text_of
from app.core import values
from app.core.db import raw_connection, session_factory
from app.core.problems import NotFound
from app.settings import get_settings


def list_members(
    proposed: Annotated[bool, typer.Option("--proposed", help="Only the roles that wait for an approval.")] = False,
) -> None:
    """List the roles, with their holders."""
    query = """
        SELECT m.id, s.name, o.name AS organisation, m.role, coalesce(m.territory, '*') AS territory, m.from_on,
            m.to_on, CASE WHEN m.granted THEN 'granted' ELSE 'proposed' END AS status
        FROM members m JOIN subjects s ON s.id = m.subject_id JOIN organisations o ON o.id = s.organisation_id
        WHERE NOT ($1 AND m.granted) ORDER BY m.id
    """

    async def read(url: str) -> list[Any]:
        async with engine_of(url, "rebond members") as engine, raw_connection(engine) as connection:
            rows: list[Any] = await connection.fetch(query, proposed)
            return rows

    with database(get_settings()) as url:
        rows = asyncio.run(read(url))
    heads = ["id", "subject", "organisation", "role", "territory", "from", "until", "status"]
    for line in aligned([heads, *([text_of(value) for value in row.values()] for row in rows)]):
        print(line)


def approve_member(
    member_id: Annotated[str, typer.Argument(help="The role's id, as «rebond members list» shows it.")],
) -> None:
    """Approve a proposed role, while no other administrator can: who runs this has the database's own rights."""
    import app.models  # noqa: F401  # every table: a foreign key names one of another domain
    from app.access import service as access
    from app.core.writing.writes import Change, System, Write, new_request_id, run

    try:
        wanted = TypeAdapter(values.Uuid).validate_python(member_id)
    except ValidationError:
        raise CommandRefused("the role's id is a UUID: see «rebond members list»") from None

    async def grant(write: Write) -> Change:
        change = await access.grant_on_the_server(write, wanted)
        if change is None:
            raise CommandRefused(f"another administrator can approve it: POST /v1/members/{wanted}/approve")
        return change

    async def approve(url: str) -> None:
        async with engine_of(url, "rebond members") as engine:
            await run(session_factory(engine), System(), grant, request_id=new_request_id())

    with database(get_settings()) as url:
        try:
            asyncio.run(approve(url))
        except NotFound:
            raise CommandRefused("no role has this id: see «rebond members list»") from None
    print("approved")
