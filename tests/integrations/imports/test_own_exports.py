"""Our own export of any state comes back and changes nothing; equal lines without an id are as many objects."""

from typing import Any

import pytest

from tests.integrations.imports.files import carry_out, csv_file
from tests.world import Client, Mission, World, ok

FORMS = ["csv", "csv-fr", "xlsx"]


async def returned(world: World, client: Client, kind: str, form: str = "csv") -> dict[str, Any]:
    """What an export of a kind comes to when it is sent back by who made it."""
    export = await client.get(f"{kind.replace('_', '-')}?format={form}")
    assert export.status_code == 200, export.text
    path = f"/v1/territories/{world.territory}/imports?kind={kind}"
    ended = await carry_out(client, path, export.content)
    told = [problem for problem in ended["problems"] if problem[3] == "blocking"]
    assert (ended["status"], told, ended["problem"]) == ("succeeded", [], None), (kind, form)
    assert ended["rows_unchanged"] == ended["rows_read"], (kind, form, ended)
    assert ended["rows_written"] == 0
    return ended


async def entries(world: World) -> Mission:
    """Entries in every state: two about two firms on one day, one that was reversed and its correction, a draft, one
    rejected, one validated.
    """
    mission = await world.mission(days=10, partner=5)
    client = world.consultant

    async def enter(day: str, days: float, activity: str = "audition", **more: Any) -> str:
        entry = {"mission_id": mission.id, "consultant_id": mission.partner_consultant, "worked_on": day}
        return str(
            ok(await client.post("time-entries", entry | {"days": days, "activity": activity, **more}), 201)["id"]
        )

    for _ in range(2):
        await enter("2023-07-04", 0.25, siren=await world.followed_firm())
    wrong = await enter("2023-07-05", 0.5)
    ok(await client.post(f"time-entries/{wrong}/reverse", {"reason": "Wrong."}))
    await enter("2023-07-05", 0.25, corrects_id=wrong)
    await enter("2023-07-06", 1, status="draft")
    rejected = await enter("2023-07-07", 0.5)
    ok(await world.lead.post(f"time-entries/{rejected}/reject", {"reason": "Not agreed."}))
    validated = await enter("2023-07-10", 0.5)
    ok(await world.lead.post(f"time-entries/{validated}/validate"))
    return mission


@pytest.mark.parametrize("form", FORMS)
async def test_entries_of_every_state_come_back(world: World, form: str) -> None:
    await entries(world)
    assert (await returned(world, world.consultant, "time_entries", form))["rows_read"] == 7


async def test_the_leads_export_comes_back_with_the_days_of_the_others(world: World) -> None:
    mission = await entries(world)
    entry = {"mission_id": mission.id, "consultant_id": mission.lead_consultant, "worked_on": "2023-07-04"}
    ok(await world.lead.post("time-entries", entry | {"days": 0.5, "activity": "analysis"}), 201)
    assert (await returned(world, world.lead, "time_entries"))["rows_read"] == 8


@pytest.mark.parametrize("form", FORMS)
async def test_auditions_contacts_and_projects_of_every_state_come_back(world: World, form: str) -> None:
    client = world.clients["territory"]
    siren = await world.followed_firm()
    missed = await world.audition(siren)
    ok(await client.post(f"auditions/{missed['id']}/no-show", {"reason": "Nobody came."}))
    cancelled = await world.audition(siren, planned_on="2023-07-05")
    ok(await client.post(f"auditions/{cancelled['id']}/cancel", {"reason": "Moved."}))
    held = await world.audition(siren, planned_on="2023-07-06")
    ok(await client.post(f"auditions/{held['id']}/hold", {"held_on": "2023-07-06", "findings": "Line one.\nLine two."}))
    await world.audition(siren, planned_on="2023-07-06")
    assert (await returned(world, client, "auditions", form))["rows_read"] == 4
    erased = await world.contact(siren)
    ok(await client.post(f"contacts/{erased['id']}/erase"))
    await world.contact(siren, name="NULL")
    assert (await returned(world, client, "contacts", form))["rows_read"] == 2
    firm, others = (
        {"kind": "firm", "siren": siren, "lead": False},
        {"kind": "association", "name": "A | B", "lead": True},
    )
    body = {"title": "Atelier", "kind": "building", "maturity": "idea", "detected_on": "2023-07-04"}
    for name in ("one", "two"):
        ok(await client.post("projects", body | {"holders": [firm, others], "external_id": name}), 201)
    await returned(world, client, "projects", form)


async def test_equal_lines_are_as_many_entries_once_however_often_sent(world: World) -> None:
    mission = await world.mission(days=10, partner=5)
    line = f"{mission.partner_consultant};04/07/2023;0,25;Audition"
    content = csv_file("consultant_id;Date;Jours;Activité", line, line)
    path = f"/v1/territories/{world.territory}/imports?kind=time_entries"
    first = await carry_out(world.consultant, path, content)
    assert (first["status"], first["rows_created"], first["rows_written"]) == ("succeeded", 2, 2)
    again = await carry_out(world.consultant, path, content)
    assert (again["rows_unchanged"], again["rows_created"], again["rows_written"]) == (2, 0, 0)
    third = await carry_out(world.consultant, path, csv_file("consultant_id;Date;Jours;Activité", *[line] * 3))
    assert (third["rows_unchanged"], third["rows_created"]) == (2, 1)
    assert len(ok(await world.consultant.get("time-entries"))["items"]) == 3


async def test_a_line_with_an_id_changes_its_own_object(world: World) -> None:
    client = world.clients["territory"]
    siren = await world.followed_firm()
    one, two = await world.contact(siren, name="Claude Exemple"), await world.contact(siren, name="Dominique Exemple")
    export = (await client.get("contacts?format=csv")).text
    renamed = export.replace("Claude Exemple", "Camille Exemple")
    ended = await carry_out(client, f"/v1/territories/{world.territory}/imports?kind=contacts", renamed.encode())
    assert (ended["rows_updated"], ended["rows_unchanged"], ended["rows_created"]) == (1, 1, 0)
    names = {item["id"]: item["name"] for item in ok(await client.get("contacts"))["items"]}
    assert names == {one["id"]: "Camille Exemple", two["id"]: "Dominique Exemple"}
