"""Auditions of firms: planned, held, followed up; and what was said in confidence."""

import asyncio
from string import Template
from typing import Any

import asyncpg
import pytest

from app.core import clock
from tests.world import World, ok, problem

ABSENT = "019a9f5e-0000-7000-8000-000000000000"
HELD_ON = "2023-07-04"


async def held(world: World, *sirens: str, plan: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An audition that was held."""
    audition = await world.audition(*sirens, **(plan or {}))
    body = {"held_on": HELD_ON, **more}
    found: dict[str, Any] = ok(await world.lead.post(f"auditions/{audition['id']}/hold", body))
    return found


def pointers(body: dict[str, Any]) -> list[str]:
    return [error["pointer"] for error in body["errors"]]


# --- planned, and what becomes of it ---------------------------------------------------------------------------------


async def test_an_audition_is_planned_with_firms_consultants_and_contacts(world: World) -> None:
    mission = await world.mission()
    one, two = sorted([await world.followed_firm("Fonderie"), await world.followed_firm("Câblage")])
    person = await world.contact(one)
    made = await world.consultant.post(
        "auditions",
        {
            "kind": "group_meeting", "sirens": [two, one], "mission_id": mission.id, "planned_on": "2023-07-03",
            "place": "Alès", "consultant_ids": [mission.partner_consultant], "contact_ids": [person["id"]],
        },
    )  # fmt: skip
    audition = ok(made, 201)
    assert audition["sirens"] == [one, two]
    assert sorted(audition["firm_names"]) == ["Câblage", "Fonderie"]
    assert (audition["status"], audition["mission_name"], audition["follow_up_status"]) == (
        "planned",
        "Mission",
        "none",
    )
    assert len(audition["consultant_names"]) == 1
    assert audition["contact_ids"] == [person["id"]]
    assert ok(await world.auditor.get(made.headers["location"])) == audition
    came = ok(await world.lead.get("contacts", params={"audition_id": audition["id"]}))["items"]
    assert [contact["name"] for contact in came] == [person["name"]]


async def test_what_came_of_a_held_audition_is_recorded_with_it(world: World) -> None:
    owner = str(world.subjects["territory"])
    audition = await held(
        world, findings="L'atelier est saturé.", place="Salindres",
        needs=[{"category": "financing", "description": "Centre d'usinage"}, {"category": "energy"}],
        follow_up="Envoyer le dossier", follow_up_owner_id=owner, follow_up_due_on="2023-07-31",
    )  # fmt: skip
    assert (audition["status"], audition["held_on"], audition["place"]) == ("held", HELD_ON, "Salindres")
    assert audition["need_categories"] == ["energy", "financing"]
    assert audition["needs"][0] == {"category": "financing", "description": "Centre d'usinage"}
    assert (audition["follow_up_status"], audition["follow_up_owner_id"]) == ("open", owner)
    path = f"auditions/{audition['id']}"
    done = ok(await world.consultant.patch(path, {"follow_up_done_on": "2023-07-30"}))
    assert done["follow_up_status"] == "done"
    cleared = {"follow_up": None, "follow_up_owner_id": None, "follow_up_due_on": None, "follow_up_done_on": None}
    assert ok(await world.consultant.patch(path, cleared))["follow_up_status"] == "none"


@pytest.mark.parametrize(("action", "status"), [("cancel", "cancelled"), ("no-show", "no_show")])
async def test_an_audition_that_did_not_take_place_says_why_and_can_be_followed_up(
    world: World, action: str, status: str
) -> None:
    audition = await world.audition()
    path = f"auditions/{audition['id']}"
    missed = ok(await world.consultant.post(f"{path}/{action}", {"reason": "The firm asked for autumn."}))
    assert (missed["status"], missed["reason"]) == (status, "The firm asked for autumn.")
    problem(await world.consultant.post(f"{path}/hold", {"held_on": HELD_ON}), 409, "audition-transition")
    problem(await world.consultant.patch(path, {"place": "Alès"}), 409, "audition-over")
    problem(await world.consultant.patch(path, {"findings": "None"}), 409, "audition-over")
    call = {"follow_up_owner_id": str(world.subjects["consultant"]), "follow_up_due_on": "2023-09-15"}
    assert ok(await world.consultant.patch(path, call))["follow_up_status"] == "open"


async def test_what_was_said_to_be_held_by_mistake_is_taken_back_with_a_reason(world: World) -> None:
    siren = await world.followed_firm()
    planned = f"auditions/{(await world.audition(siren))['id']}"
    problem(await world.lead.post(f"{planned}/reverse", {"reason": "No."}), 409, "audition-transition")
    audition = await held(world, siren, findings="Saturated.")
    path = f"auditions/{audition['id']}"
    assert ok(await world.auditor.get("summary?as_of=2023-12-31"))["firms_interviewed"] == 1
    problem(await world.lead.post(f"{path}/reverse", {}), 422, "validation-failed")
    taken = ok(await world.lead.post(f"{path}/reverse", {"reason": "It was another firm."}))
    assert (taken["status"], taken["reason"], taken["held_on"], taken["findings"]) == (
        "cancelled", "It was another firm.", None, None,
    )  # fmt: skip
    assert ok(await world.auditor.get("summary?as_of=2023-12-31"))["firms_interviewed"] == 0
    problem(await world.lead.post(f"{path}/reverse", {"reason": "Again."}), 409, "audition-transition")
    assert [event["type"] for event in await world.events(audition["id"])][-1] == "audition.reversed"


async def test_a_cancelled_audition_frees_its_external_id(world: World) -> None:
    siren = await world.followed_firm()
    first = await world.audition(siren, external_id="RDV-1")
    body = {"kind": "interview", "sirens": [siren], "planned_on": "2023-07-04", "external_id": "RDV-1"}
    problem(await world.consultant.post("auditions", body), 409, "already-exists")
    ok(await world.consultant.post(f"auditions/{first['id']}/cancel", {"reason": "The firm was ill."}))
    second = await world.audition(siren, external_id="RDV-1")
    found = ok(await world.consultant.get("auditions?external_id=RDV-1"))["items"]
    assert {each["id"] for each in found} == {first["id"], second["id"]}
    problem(await world.consultant.post("auditions", body), 409, "already-exists")


async def test_holding_an_audition_leaves_the_stage_of_the_firm_to_the_territory(world: World) -> None:
    siren = await world.followed_firm()
    await held(world, siren)
    assert ok(await world.lead.get(f"firms/{siren}"))["stage"] == "identified"


async def test_of_two_who_hold_and_cancel_at_once_one_succeeds(world: World) -> None:
    for _ in range(3):
        path = f"auditions/{(await world.audition())['id']}"
        answers = await asyncio.gather(
            *(world.lead.post(f"{path}/hold", {"held_on": HELD_ON}) for _ in range(3)),
            *(world.consultant.post(f"{path}/cancel", {"reason": "No."}) for _ in range(3)),
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5


async def test_findings_and_the_day_belong_to_what_was_held(world: World) -> None:
    path = f"auditions/{(await world.audition())['id']}"
    problem(await world.lead.patch(path, {"findings": "Early."}), 409, "nothing-found-yet")
    problem(await world.lead.patch(path, {"held_on": HELD_ON}), 409, "audition-transition")
    tomorrow = await world.lead.post(f"{path}/hold", {"held_on": "2199-01-01"})
    assert pointers(problem(tomorrow, 422, "validation-failed")) == ["/held_on"]
    ok(await world.lead.post(f"{path}/hold", {"held_on": HELD_ON}))
    assert ok(await world.lead.patch(path, {"held_on": "2023-07-05"}))["held_on"] == "2023-07-05"


async def test_a_follow_up_has_an_owner_of_this_territory_and_a_due_date(world: World, other: World) -> None:
    path = f"auditions/{(await world.audition())['id']}"
    own = {"follow_up_owner_id": str(world.subjects["lead"]), "follow_up_due_on": "2023-07-31"}
    for half in ({"follow_up_owner_id": own["follow_up_owner_id"]}, {"follow_up_due_on": "2023-07-31"},
                 {"follow_up": "Call"}, {"follow_up_done_on": "2023-07-05"}):  # fmt: skip
        problem(await world.lead.patch(path, half), 422, "follow-up-incomplete")
    async with world.pool.acquire() as connection:
        await world.add_subject(connection, "robot", "office", "territory", kind="service_account")
    strangers = (str(other.subjects["lead"]), str(world.subjects["robot"]), ABSENT)
    for stranger in strangers:
        refused = problem(
            await world.lead.patch(path, {**own, "follow_up_owner_id": stranger}), 404, "reference-not-found"
        )
        assert pointers(refused) == ["/follow_up_owner_id"]
    ok(await world.lead.patch(path, own))
    ok(await world.lead.post(f"{path}/hold", {"held_on": HELD_ON}))
    problem(await world.lead.patch(path, {"follow_up_done_on": "2023-07-03"}), 422, "follow-up-incomplete")


async def test_every_reference_that_leads_nowhere_is_told_at_once(world: World, other: World) -> None:
    followed, unfollowed = await world.followed_firm(), await world.add_firm()
    theirs, mission = await other.contact(), await other.mission()
    elsewhere = await world.contact()
    body = {
        "kind": "call", "sirens": [followed, unfollowed, theirs["siren"]], "planned_on": HELD_ON,
        "consultant_ids": [mission.lead_consultant], "contact_ids": [theirs["id"], elsewhere["id"]],
    }  # fmt: skip
    refused = problem(await world.lead.post("auditions", body), 404, "reference-not-found")
    assert pointers(refused) == [
        "/sirens/1", "/sirens/2", "/consultant_ids/0", "/contact_ids/0", "/contact_ids/1",
    ]  # fmt: skip
    away = {"kind": "call", "sirens": [followed], "planned_on": HELD_ON, "mission_id": mission.id}
    assert pointers(problem(await world.lead.post("auditions", away), 404, "reference-not-found")) == ["/mission_id"]
    twice = {"kind": "call", "sirens": [followed, followed], "planned_on": HELD_ON}
    assert pointers(problem(await world.lead.post("auditions", twice), 422, "validation-failed")) == ["/sirens"]
    assert ok(await world.lead.get("auditions"))["items"] == []


async def test_a_firm_leaves_an_audition_with_the_persons_who_came_for_it(world: World) -> None:
    person = await world.contact()
    another = await world.followed_firm()
    audition = await world.audition(person["siren"], another, contact_ids=[person["id"]])
    path = f"auditions/{audition['id']}"
    problem(await world.lead.patch(path, {"sirens": [another]}), 409, "still-referenced")
    both = ok(await world.lead.patch(path, {"sirens": [another], "contact_ids": []}))
    assert (both["sirens"], both["contact_ids"], both["version"]) == ([another], [], 2)


async def test_a_patch_that_changes_nothing_writes_nothing(world: World) -> None:
    mission = await world.mission()
    person = await world.contact()
    audition = await world.audition(
        person["siren"], contact_ids=[person["id"]], consultant_ids=[mission.lead_consultant],
        needs=[{"category": "market"}], external_id="CRM-1",
    )  # fmt: skip
    fields = ("kind", "sirens", "planned_on", "place", "consultant_ids", "contact_ids", "needs", "external_id")
    path = f"auditions/{audition['id']}"
    same = await world.lead.patch(path, {name: audition[name] for name in fields})
    assert ok(same) == audition
    assert len(await world.events(audition["id"])) == 1
    needs = {"needs": [{"category": "market", "description": "Export"}]}
    assert ok(await world.lead.patch(path, needs, headers={"If-Match": same.headers["etag"]}))["version"] == 2
    problem(await world.lead.patch(path, {"kind": "call"}, headers={"If-Match": '"1"'}), 412, "stale-version")
    problem(await world.lead.post("auditions", {**needs, "kind": "call", "sirens": [person["siren"]],
            "planned_on": HELD_ON, "external_id": "CRM-1"}), 409, "already-exists")  # fmt: skip


async def test_auditions_are_found_by_what_people_ask_for(world: World) -> None:
    mission = await world.mission()
    siren = await world.followed_firm("Mécanique cévenole")
    person = await world.contact(siren)
    consultant = ok(await world.lead.get(f"consultants/{mission.partner_consultant}"))
    person_id = consultant["person_id"]
    first = await held(
        world, siren, findings="Atelier saturé", needs=[{"category": "energy"}],
        plan={"mission_id": mission.id, "consultant_ids": [mission.partner_consultant], "contact_ids": [person["id"]],
              "external_id": "CRM-7", "planned_on": "2023-07-03"},
        follow_up_owner_id=str(world.subjects["lead"]), follow_up_due_on="2023-07-31",
    )  # fmt: skip
    await world.audition(kind="site_visit", planned_on="2023-09-01")
    hits = {
        f"siren={siren}", f"consultant_id={mission.partner_consultant}", f"contact_id={person['id']}",
        f"person_id={person_id}",
        f"mission_id={mission.id}", "status=held", "kind=interview", "planned_to=2023-08-31", "held_from=2023-07-04",
        "held_to=2023-07-04", "follow_up_status=open", f"follow_up_owner_id={world.subjects['lead']}",
        "follow_up_due_to=2023-07-31", "follow_up_due_from=2023-07-31", "external_id=CRM-7", "q=mecanique+cevenole",
        "q=SATURE", "need_category=energy",
    }  # fmt: skip
    misses = {
        "held_from=2023-07-05", "held_to=2023-07-03", "follow_up_due_to=2023-07-30", "follow_up_status=done",
        "need_category=market", "q=fonderie", "kind=call", f"consultant_id={mission.lead_consultant}",
    }  # fmt: skip
    found = {}
    for query in hits | misses:
        items = ok(await world.auditor.get(f"auditions?{query}"))["items"]
        found[query] = [audition["id"] for audition in items]
    assert found == {query: [first["id"]] if query in hits else [] for query in hits | misses}
    assert len(ok(await world.auditor.get("auditions?status=held&status=planned&sort=-planned_on"))["items"]) == 2


async def test_a_summary_counts_the_auditions_held_by_its_day(world: World) -> None:
    await held(world)
    await world.audition()
    counts = [ok(await world.auditor.get(f"summary?as_of={day}"))["auditions_held"] for day in ("2023-07-03", HELD_ON)]
    assert counts == [0, 1]
    assert ok(await world.clients["territory"].get("/v1/summary"))["auditions_held"] == 1


# --- confidential notes ----------------------------------------------------------------------------------------------


async def test_a_note_is_read_by_who_meets_the_firms_and_enters_no_event(world: World) -> None:
    audition = await held(world)
    notes = f"auditions/{audition['id']}/notes"
    made = await world.consultant.post(notes, {"body": "La banque attend la cession."})
    note = ok(made, 201)
    assert note["written_by"] == str(world.subjects["consultant"])
    for role in ("lead", "territory", "operator", "auditor"):
        assert ok(await world.clients[role].get(made.headers["location"])) == note
    for role in ("funder", "treasurer", "committee"):
        problem(await world.clients[role].get(notes), 404, "not-found")
        problem(await world.clients[role].get(made.headers["location"]), 404, "not-found")
    problem(await world.auditor.post(notes, {"body": "I was here."}), 403, "forbidden")
    ok(await world.lead.patch(made.headers["location"], {"body": "La banque attend la vente."}))
    ok(await world.lead.delete(made.headers["location"]), 204)
    assert ok(await world.lead.get(notes))["items"] == []
    told = {event["type"]: "banque" in event["data"] for event in await world.events(note["id"])}
    assert told == dict.fromkeys(("audition_note.created", "audition_note.updated", "audition_note.deleted"), False)
    feed = f"territory={world.territory}&resource_type=audition_note"
    await world.shown(world.lead, feed, lambda items: len(items) == 3)
    for role in ("funder", "treasurer"):
        assert ok(await world.clients[role].get(f"/v1/events?{feed}"))["items"] == []
    shown = ok(await world.clients["funder"].get(f"auditions/{audition['id']}"))
    assert "banque" not in str(shown)


async def test_a_note_hangs_on_an_audition_of_its_territory(world: World, other: World) -> None:
    mine, theirs = await held(world), await held(other)
    note = ok(await other.lead.post(f"auditions/{theirs['id']}/notes", {"body": "Quietly."}), 201)["id"]
    for path in (f"auditions/{theirs['id']}/notes", f"auditions/{ABSENT}/notes"):
        problem(await world.lead.get(path), 404, "not-found")
        problem(await world.lead.post(path, {"body": "Spying."}), 404, "not-found")
    for path in (f"auditions/{theirs['id']}/notes/{note}", f"auditions/{mine['id']}/notes/{note}"):
        problem(await world.lead.get(path), 404, "not-found")
        problem(await world.lead.patch(path, {"body": "Spying."}), 404, "not-found")
        problem(await world.lead.delete(path), 404, "not-found")


# --- isolation, and what the database refuses ------------------------------------------------------------------------


async def test_an_audition_is_nothing_to_another_territory(world: World, other: World) -> None:
    path = f"auditions/{(await other.audition())['id']}"
    problem(await world.lead.get(f"/v1/territories/{other.territory}/{path}"), 404, "not-found")
    for call in (
        world.lead.get(path), world.lead.patch(path, {"place": "Here"}),
        world.lead.post(f"{path}/hold", {"held_on": HELD_ON}),
        world.lead.post(f"{path}/cancel", {"reason": "Ours."}), world.lead.post(f"{path}/no-show", {"reason": "Ours."}),
    ):  # fmt: skip
        problem(await call, 404, "not-found")
    assert ok(await world.lead.get("auditions"))["items"] == []


CROSSINGS = {
    "INSERT INTO audition_firms (audition_id, siren, territory) VALUES ($a, $theirs, $t)":
        "audition_firms_territory_siren_fkey",
    "INSERT INTO audition_firms (audition_id, siren, territory) VALUES ($a, $theirs, $other)":
        "audition_firms_territory_audition_id_fkey",
    "INSERT INTO audition_consultants (audition_id, consultant_id, territory) VALUES ($a, $consultant, $t)":
        "audition_consultants_territory_consultant_id_fkey",
    "INSERT INTO audition_contacts (audition_id, contact_id, siren, territory) VALUES ($a, $contact, $theirs, $t)":
        "audition_contacts_audition_id_siren_fkey",
    "INSERT INTO audition_contacts (audition_id, contact_id, siren, territory) VALUES ($a, $contact, $mine, $t)":
        "audition_contacts_territory_siren_contact_id_fkey",
    "INSERT INTO audition_needs (audition_id, position, territory, category) VALUES ($a, 1, $other, 'other')":
        "audition_needs_territory_audition_id_fkey",
    "INSERT INTO audition_notes (audition_id, territory, body, created_at, updated_at)"
    " VALUES ($a, $other, 'x', now(), now())": "audition_notes_territory_audition_id_fkey",
    "UPDATE auditions SET mission_id = $mission WHERE id = $a": "auditions_territory_mission_id_fkey",
    "UPDATE auditions SET territory = $other WHERE id = $a": "audition_firms_territory_audition_id_fkey",
}  # fmt: skip


@pytest.mark.parametrize("attack", CROSSINGS)
async def test_no_row_of_an_audition_points_into_another_territory(world: World, other: World, attack: str) -> None:
    mine, theirs, mission = await world.followed_firm(), await other.contact(), await other.mission()
    names = {
        "consultant": mission.lead_consultant, "contact": theirs["id"], "theirs": theirs["siren"], "mine": mine,
        "mission": mission.id, "other": other.territory, "t": world.territory,
        "a": (await world.audition(mine))["id"],
    }  # fmt: skip
    literals = {name: f"'{value}'" for name, value in names.items()}
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refused:
        await world.pool.execute(Template(attack).substitute(literals))
    assert refused.value.constraint_name == CROSSINGS[attack]


REFUSED = {
    "UPDATE auditions SET status = 'planned', held_on = NULL, findings = NULL WHERE id = $1": "audition_transition",
    "UPDATE auditions SET status = 'no_show', held_on = NULL, findings = NULL, reason = 'x' WHERE id = $1":
        "audition_transition",
    "UPDATE auditions SET status = 'cancelled', held_on = NULL, reason = 'x' WHERE id = $1": "nothing_found_yet",
    "UPDATE auditions SET status = 'lost' WHERE id = $1": "audition_transition",
    "UPDATE auditions SET held_on = NULL WHERE id = $1": "audition_held",
    "UPDATE auditions SET held_on = '2199-01-01' WHERE id = $1": "audition_held_on",
    "UPDATE auditions SET reason = 'x' WHERE id = $1": "audition_reason",
    "UPDATE auditions SET kind = 'seance' WHERE id = $1": "audition_kind",
    "UPDATE auditions SET follow_up = 'x' WHERE id = $1": "follow_up_incomplete",
    "UPDATE auditions SET follow_up_due_on = '2023-08-01' WHERE id = $1": "follow_up_incomplete",
    "UPDATE auditions SET follow_up_owner_id = uuidv7(), follow_up_due_on = '2023-08-01' WHERE id = $1":
        "follow_up_owner_is_a_person",
    "UPDATE auditions SET owner_kind = 'service_account' WHERE id = $1": "audition_owner_kind",
    "INSERT INTO audition_needs (audition_id, position, territory, category)"
    " SELECT id, 1, territory, 'fun' FROM auditions WHERE id = $1": "audition_need_category",
    "INSERT INTO audition_needs (audition_id, position, territory, category)"
    " SELECT id, 0, territory, 'other' FROM auditions WHERE id = $1": "audition_need_position",
    "INSERT INTO audition_notes (audition_id, territory, body, created_at, updated_at)"
    " SELECT id, territory, '', now(), now() FROM auditions WHERE id = $1": "audition_note_body",
    "DELETE FROM auditions WHERE id = $1": "audition_firms_territory_audition_id_fkey",
}  # fmt: skip


@pytest.mark.parametrize("attack", REFUSED)
async def test_the_database_refuses_what_an_audition_cannot_be(world: World, attack: str) -> None:
    audition = await held(world, findings="Saturated.")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await world.pool.execute(attack, audition["id"])
    assert refused.value.constraint_name == REFUSED[attack]


async def test_what_did_not_take_place_is_not_rewritten_by_sql(world: World) -> None:
    audition = await world.audition()
    ok(await world.lead.post(f"auditions/{audition['id']}/no-show", {"reason": "Nobody came."}))
    for change in ("place = 'Alès'", "reason = 'x'", "planned_on = '2023-01-01'", "kind = 'call'"):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await world.pool.execute(f"UPDATE auditions SET {change} WHERE id = $1", audition["id"])
        assert refused.value.constraint_name == "audition_over"
    with pytest.raises(asyncpg.CheckViolationError):
        await world.pool.execute("UPDATE auditions SET status = 'held', held_on = now() WHERE id = $1", audition["id"])


async def test_an_audition_without_a_firm_is_not_held(world: World) -> None:
    audition = await world.audition()
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM audition_firms WHERE audition_id = $1", audition["id"])
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            async with connection.transaction():
                await connection.execute(
                    "UPDATE auditions SET status = 'held', held_on = $2 WHERE id = $1", audition["id"], clock.today()
                )
    assert refused.value.constraint_name == "audition_transition"
