"""What the tests of agendas and decisions do again and again: files that can be decided, and meetings that decide."""

from typing import Any

import httpx2

from tests.applications.acts import done, submitted
from tests.envelopes.acts import key
from tests.projects.acts import BALANCED, staff
from tests.world import World, ok

RECEIVED, DECIDED = "2024-01-15", "2024-04-15"
LEVELS = {"pre_select": "territorial", "grant": "state_region"}
VOTES = {"for": 2, "against": 0, "abstained": 0}
REVIEW = {
    "opinion": "favourable", "kyc": "clear", "recommended_grant_cents": 1, "completed_on": "2024-03-01",
}  # fmt: skip
GRANT, ADVANCE = 120_000_00, 80_000_00


def seats(*attendance: str | None) -> list[dict[str, Any]]:
    return [
        {"kind": "organisation", "name": f"Seat {place}", "chair": place == 0, "attendance": came}
        for place, came in enumerate(attendance)
    ]


async def admitted(world: World, **more: Any) -> dict[str, Any]:
    """A file that was found admissible and has a favourable review."""
    file = await submitted(world, **more)
    await done(world, file, "admit", "2024-02-01")
    ok(await world.clients["funder"].put(f"applications/{file['id']}/review", REVIEW), 201)
    return file


async def meeting(
    world: World, level: str = "territorial", *, on: str = DECIDED,
    attendance: tuple[str | None, ...] = ("present", "present"), hold: bool = True, **more: Any,
) -> str:  # fmt: skip
    """A meeting of a level that was held on a day: its path."""
    made = ok(
        await staff(world).post(
            "committees", {"level": level, "planned_at": f"{on}T08:00:00Z", "members": seats(*attendance), **more}
        ),
        201,
    )
    path = f"committees/{made['id']}"
    if hold:
        ok(await staff(world).post(f"{path}/hold", {"held_at": f"{on}T08:00:00Z"}), 200)
    return path


async def replan(world: World, file: dict[str, Any]) -> None:
    """Balance the plan anew: an award that was smaller than planned, even reversed, has left it a draft."""
    plan = {"status": "complete", "lines": BALANCED}
    ok(await staff(world).put(f"projects/{file['project_id']}/financing", plan), (200, 201))


def item(file: dict[str, Any], proposal: str = "pre_select", **more: Any) -> dict[str, Any]:
    """A file on an agenda, or as it is decided."""
    amounts = {"grant_cents": GRANT, "advance_cents": ADVANCE} if proposal in LEVELS else {}
    return {"application_id": file["id"], "proposal": proposal, **amounts, **more}


async def put_agenda(world: World, path: str, *items: dict[str, Any], **headers: str) -> httpx2.Response:
    return await staff(world).put(f"{path}/agenda", {"items": list(items)}, headers=headers)


async def frozen(world: World, path: str, *items: dict[str, Any]) -> dict[str, Any]:
    """The agenda of these items, frozen."""
    ok(await put_agenda(world, path, *items), (200, 201))
    found: dict[str, Any] = ok(await staff(world).post(f"{path}/agenda/freeze"), 200)
    return found


async def expire_certificate(world: World, siren: str) -> None:
    """Give the firm a later tax certificate: the figure of its last day changes."""
    paper = {"kind": "tax", "issued_on": "2024-04-01", "valid_until_on": "2024-09-01", "sha256": "ab" * 32}
    ok(await staff(world).post(f"firms/{siren}/certificates", paper), 201)


def decision(file: dict[str, Any], outcome: str = "pre_select", **more: Any) -> dict[str, Any]:
    body = item(file, outcome, votes=VOTES, **more)
    body["outcome"] = body.pop("proposal")
    if outcome in ("reject", "defer"):
        body.setdefault("reasons", "The market is not shown.")
    return body


async def decide(
    world: World, path: str, *decisions: dict[str, Any], by: str = "committee", dry: bool = False
) -> httpx2.Response:
    query = "?dry_run=true" if dry else ""
    return await world.clients[by].post(f"{path}/decisions{query}", {"items": list(decisions)}, headers=key())


async def decided(world: World, path: str, *decisions: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(await decide(world, path, *decisions), 201)["items"]
    return found


async def contribute(world: World, cents: int, reference: str = "C-1") -> None:
    body = {"organisation_id": str(world.organisations["office"]), "amount_cents": cents, "reference": reference,
            "decided_on": "2023-10-03"}  # fmt: skip
    ok(
        await world.clients["programme"].post("envelope/contributions", body, headers={"Idempotency-Key": reference}),
        201,
    )


async def close(world: World, path: str, adopted_on: str = "2024-06-30") -> httpx2.Response:
    ok(await staff(world).patch(path, {"minutes": "Read and adopted.", "minutes_adopted_on": adopted_on}), 200)
    return await world.clients["committee"].post(f"{path}/close")
