"""What the tests of projects do again and again."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.world import Client, World, fresh_siren, ok


def staff(world: World) -> Client:
    """The agglomeration's client: its role is called like the territory itself."""
    return world.clients["territory"]


async def followed(world: World, name: str = "Mécanique cévenole") -> str:
    """A firm that the territory follows."""
    siren = await world.add_firm(name)
    ok(await staff(world).put(f"firms/{siren}", {"stage": "interviewed", "reason": "Met."}), 201)
    return siren


async def perimeter(world: World, vintage: int = 2023, *codes: str) -> None:
    """The communes of a vintage: Alès, or those named."""
    communes = [{"insee_code": code, "name": f"Commune {code}"} for code in codes or ("30007",)]
    ok(await world.programme.put(f"perimeter/{vintage}", {"communes": communes}), (200, 201))


COSTS = [
    {"label": "Machine", "kind": "tangible_asset", "amount_cents": 600_000_00, "holder": 1},
    {"label": "Software", "kind": "intangible_asset", "amount_cents": 150_000_00},
    {"label": "Training", "kind": "not_eligible", "amount_cents": 50_000_00, "reason": "A running cost."},
]
BALANCED = [
    {"kind": "own_funds", "source": "Equity", "amount_cents": 300_000_00, "status": "secured",
     "proof_reference": "Board of 4 July"},
    {"kind": "loan", "source": "Bank", "amount_cents": 300_000_00, "status": "requested"},
    {"kind": "rebond_grant", "source": "Rebond", "amount_cents": 120_000_00, "status": "planned"},
    {"kind": "rebond_advance", "source": "Rebond", "amount_cents": 80_000_00, "status": "planned"},
]  # fmt: skip


async def project(world: World, **more: Any) -> dict[str, Any]:
    """A project detected on 4 July 2023, held by a firm of its own unless `holders` says otherwise."""
    holders = more.pop("holders", None) or [{"kind": "firm", "siren": await followed(world)}]
    body = {"title": "Five-axis machining", "kind": "equipment", "maturity": "study", "holders": holders,
            "detected_on": "2023-07-04", **more}  # fmt: skip
    made: dict[str, Any] = ok(await staff(world).post("projects", body), 201)
    return made


async def searched(world: World, project_id: str, day: str = "2023-07-31") -> dict[str, Any]:
    """The statement that no other public money was found for a project."""
    body = {"stated_on": day, "sources_searched": ["Aides-territoires"]}
    made: dict[str, Any] = ok(await staff(world).post(f"projects/{project_id}/funding-statements", body), 201)
    return made


# The rows of a project and of the firm that holds it, by table.
_HOLDER = "(SELECT firm_siren FROM project_holders WHERE project_id = $1::uuid)"
FILED = {
    **dict.fromkeys(("firms", "territory_firms", "firm_stage_changes"), f"siren = {_HOLDER}"),
    "projects": "id = $1::uuid",
    **dict.fromkeys(("project_holders", "project_stages", "funding_statements"), "project_id = $1::uuid"),
    "events": f"row_to_json(events)::text LIKE ANY (ARRAY['%' || $1::text || '%', '%' || {_HOLDER} || '%'])",
}


async def copied(
    world: World, kind: Any, rows: dict[str, str], make: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """A project of a firm of its own, made by these acts the first time, and copied from then on."""
    if (found := await world.copy(kind, fresh_siren())) is not None:
        known, ids = found
        copy: dict[str, Any] = ok(await staff(world).get(f"projects/{ids[known]}"), 200)
        return copy
    made = await make()
    await world.keep(kind, rows, made["id"], made["id"], made["holders"][0]["siren"])
    return made


async def filed(world: World, *sirens: str, **more: Any) -> dict[str, Any]:
    """A project that is filed with the programme on 2 August 2023, held by these firms or one of its own."""

    async def make() -> dict[str, Any]:
        made = await project(world, **more)
        return await pass_through(world, made["id"], "oriented", "filed")

    if sirens:
        more["holders"] = [{"kind": "firm", "siren": siren} for siren in sirens]
    return await (make() if more else copied(world, "filed", FILED, make))


async def pass_through(world: World, project_id: str, *stages: str, route: str = "rebond") -> dict[str, Any]:
    """Take a project from stage to stage, a day each from 1 August 2023."""
    found: dict[str, Any] = {}
    if "filed" in stages and route == "rebond":
        await searched(world, project_id)
    for day, stage in enumerate(stages, 1):
        body = {"stage": stage, "effective_on": f"2023-08-{day:02}", "funding_route": route, "reason": "So decided."}
        found = ok(await staff(world).post(f"projects/{project_id}/stages", body), 200)
    return found
