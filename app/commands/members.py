"""The commands about roles: list what waits for an approval, approve it while no other administrator can."""

from typing import Annotated, Any

import typer

from app.commands.database import identified, listed, written
from app.commands.terminal import CommandRefused

ROLE = ("role", "rebond members")  # what these commands are about, and how they are called


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

    listed(ROLE[1], ["id", "subject", "organisation", "role", "territory", "from", "until", "status"], query, proposed)


def approve_member(
    member_id: Annotated[str, typer.Argument(help="The role's id, as «rebond members list» shows it.")],
) -> None:
    """Approve a proposed role, while no other administrator can: who runs this has the database's own rights."""
    from app.access import service as access

    wanted = identified(member_id, *ROLE)

    async def grant(write: Any) -> Any:
        change = await access.grant_on_the_server(write, wanted)
        if change is None:
            raise CommandRefused(f"another administrator can approve it: POST /v1/members/{wanted}/approve")
        return change

    written(grant, *ROLE)
    print("approved")
