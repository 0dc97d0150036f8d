"""The roadmap over HTTP: drafts, adoption, what is in force on a day, and the follow-up of actions."""

import asyncio
from typing import Any

import pytest

from tests.projects.acts import followed, project, staff
from tests.roadmap.acts import AXES, DAYS, adopt, draft, held, in_force
from tests.world import World, ok, problem


def titles(version: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(axis["title"], [action["title"] for action in axis["actions"]]) for axis in version["axes"]]


async def test_a_draft_is_read_as_it_was_written_with_what_its_actions_serve(world: World) -> None:
    siren, served = await followed(world), await project(world)
    actions = [
        {"title": "Furnace", "owner_organisation_id": str(world.organisations["office"]), "due_on": "2024-01-01",
         "budget_cents": 5, "indicator": "kWh", "project_ids": [served["id"]], "sirens": [siren]},
    ]  # fmt: skip
    response = await staff(world).post("roadmap/versions", {**DAYS, "axes": [{"title": "Energy", "actions": actions}]})
    made = ok(response, 201)
    assert (made["number"], made["status"], made["adopted_on"]) == (1, "draft", None)
    assert ok(await world.clients["committee"].get(response.headers["location"])) == made
    [axis] = made["axes"]
    [action] = axis["actions"]
    assert action["projects"] == [{"id": served["id"], "title": served["title"]}]
    assert action["firms"] == [{"siren": siren, "name": "Mécanique cévenole"}]
    assert action["owner_organisation_name"] == f"office of {world.territory}"
    assert (action["state"], action["late"]) == ("planned", True)
    assert axis["progress"] == made["progress"] == {
        "actions": 1, "planned": 1, "in_progress": 0, "on_hold": 0, "done": 0, "dropped": 0, "late": 1, "ratio": 0,
    }  # fmt: skip
    problem(await staff(world).get("roadmap"), 404, "not-found")
    assert ok(await staff(world).get("roadmap/actions"))["items"] == [], "a draft is not followed"


async def test_there_is_one_draft_at_a_time(world: World) -> None:
    tries = await asyncio.gather(*(staff(world).post("roadmap/versions", DAYS) for _ in range(8)))
    assert sorted(answer.status_code for answer in tries) == [201] + [409] * 7
    assert {a.json()["type"] for a in tries if a.status_code == 409} == {"/problems/draft-exists"}
    [only] = ok(await staff(world).get("roadmap/versions"))["items"]
    ok(await staff(world).delete(f"roadmap/versions/{only['id']}"), 204)
    ok(await staff(world).post("roadmap/versions", DAYS), 201)


async def test_a_first_draft_says_its_title_and_days(world: World) -> None:
    told = problem(await staff(world).post("roadmap/versions", {"title": "T"}), 422, "validation-failed")
    assert [error["pointer"] for error in told["errors"]] == ["/starts_on", "/ends_on"]
    backwards = {**DAYS, "ends_on": "2023-10-02"}
    problem(await staff(world).post("roadmap/versions", backwards), 422, "validation-failed")


async def test_axes_are_replaced_whole_and_an_action_named_by_its_id_stays_the_same(world: World) -> None:
    made = await draft(world)
    address = f"roadmap/versions/{made['id']}"
    first, second = (axis["actions"] for axis in made["axes"])
    same = [{"title": axis["title"], "objective": axis["objective"], "actions": [
        {name: action[name] for name in ("id", "title", "due_on", "budget_cents", "indicator")}
        for action in axis["actions"]]} for axis in made["axes"]]  # fmt: skip
    assert ok(await staff(world).patch(address, {"axes": same, "title": made["title"]}), 200)["version"] == 1
    axes = [{"title": "Land first", "actions": [{"id": second[0]["id"], "title": "Three hectares"}]},
            {"title": "New", "actions": [{"title": "Fresh"}, {"id": first[0]["id"], "title": "School"}]}]  # fmt: skip
    changed = ok(await staff(world).patch(address, {"axes": axes}), 200)
    assert titles(changed) == [("Land first", ["Three hectares"]), ("New", ["Fresh", "School"])]
    assert changed["axes"][1]["actions"][1]["id"] == first[0]["id"]
    ids = await world.pool.fetch("SELECT id FROM roadmap_followed_actions WHERE territory = $1", world.territory)
    assert first[1]["id"] not in {str(row["id"]) for row in ids}, "an action that stands nowhere is forgotten"
    twice = [{"title": "A", "actions": [{"id": first[0]["id"], "title": "S"}] * 2}]
    told = problem(await staff(world).patch(address, {"axes": twice}), 422, "validation-failed")
    assert told["errors"][0]["code"] == "action_named_twice"
    gone = [{"title": "A", "actions": [{"id": first[1]["id"], "title": "S"}]}]
    told = problem(await staff(world).patch(address, {"axes": gone}), 404, "reference-not-found")
    assert told["errors"][0]["pointer"] == "/axes/0/actions/0/id"
    stale = await staff(world).patch(address, {"title": "T"}, headers={"If-Match": '"1"'})
    problem(stale, 412, "stale-version")


# --- adoption --------------------------------------------------------------------------------------------------------


async def test_a_committee_that_was_held_puts_a_draft_in_force_from_its_day(world: World) -> None:
    made = await draft(world)
    meeting = await held(world, "2023-10-02T22:30:00Z")  # half past midnight in Paris, on the third
    problem(await staff(world).post(f"roadmap/versions/{made['id']}/adopt", {"committee_id": meeting}), 400,
            "idempotency-key-missing")  # fmt: skip
    told = ok(await adopt(world.clients["committee"], made["id"], meeting), 200)
    assert (told["status"], told["adopted_on"], told["committee_id"]) == ("adopted", "2023-10-03", meeting)
    assert told["adopted_by"] == str(world.subjects["committee"])
    assert told["adopted_by_name"] == f"committee of {world.territory}"
    assert ok(await staff(world).get("roadmap")) == told
    assert ok(await staff(world).get("roadmap?as_of=2023-10-03"))["id"] == told["id"]
    problem(await staff(world).get("roadmap?as_of=2023-10-02"), 404, "not-found")
    kinds = [event["type"] for event in await world.events(made["id"])]
    assert kinds == ["roadmap_version.created", "roadmap_version.adopted"]
    moved = await staff(world).patch(f"committees/{meeting}", {"held_at": "2023-10-02T12:00:00Z"})
    assert problem(moved, 409, "meeting-day-in-use")["roadmaps"] == 1
    ok(await staff(world).patch(f"committees/{meeting}", {"held_at": "2023-10-03T12:00:00Z"}), 200)


async def test_what_is_adopted_never_changes(world: World) -> None:
    version = await in_force(world)
    address = f"roadmap/versions/{version['id']}"
    problem(await staff(world).patch(address, {"title": "Other"}), 409, "roadmap-adopted")
    problem(await staff(world).patch(address, {"axes": []}), 409, "roadmap-adopted")
    problem(await staff(world).delete(address), 409, "roadmap-adopted")
    problem(await adopt(world.clients["committee"], version["id"], await held(world)), 409, "roadmap-adopted")
    assert ok(await staff(world).get(address)) == version


async def test_no_draft_is_adopted_by_a_meeting_that_was_not_held_or_is_elsewhere(world: World, other: World) -> None:
    made = await draft(world)
    members = [{"kind": "organisation", "name": "Préfecture (synthetic)", "chair": True}]
    body = {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z", "members": members}
    planned = ok(await staff(world).post("committees", body), 201)["id"]
    told = problem(await adopt(world.clients["committee"], made["id"], planned), 409, "committee-not-held")
    assert told["current"] == "planned"
    theirs = await held(other)
    told = problem(await adopt(world.clients["committee"], made["id"], theirs), 404, "reference-not-found")
    assert told["errors"][0]["pointer"] == "/committee_id"
    async with world.pool.acquire() as connection:
        program = await world.add_subject(connection, "program", "office", "territory", kind="service_account")
    problem(await adopt(program, made["id"], await held(world)), 403, "person-required")
    ok(await staff(world).patch(f"roadmap/versions/{made['id']}", {"axes": [{"title": "Empty"}]}), 200)
    problem(await adopt(world.clients["committee"], made["id"], await held(world)), 409, "roadmap-empty")


async def test_a_new_draft_starts_as_a_copy_and_replaces_the_one_in_force(world: World) -> None:
    siren, served = await followed(world), await project(world)
    axes = [{**AXES[0], "actions": [{**AXES[0]["actions"][0], "project_ids": [served["id"]], "sirens": [siren]}]}]
    old = await in_force(world, axes=axes)
    copy = ok(await staff(world).post("roadmap/versions", {}), 201)
    assert (copy["number"], copy["axes"], copy["title"]) == (2, old["axes"], old["title"])
    same = ok(await staff(world).get(f"roadmap/versions/{copy['id']}/compare?with={old['id']}"))
    nothing: dict[str, list[Any]] = {"added": [], "removed": [], "changed": []}
    assert (same["fields"], same["axes"], same["actions"]) == ({}, nothing, nothing)
    action = copy["axes"][0]["actions"][0]
    new_axes = [{"title": "Talents", "actions": [{"id": action["id"], "title": action["title"], "budget_cents": 1},
                                                 {"title": "Housing"}]}]  # fmt: skip
    ok(await staff(world).patch(f"roadmap/versions/{copy['id']}", {"axes": new_axes, "title": "Second"}), 200)
    told = ok(await staff(world).get(f"roadmap/versions/{copy['id']}/compare"))
    assert (told["before_number"], told["after_number"]) == (1, 2)
    assert told["fields"] == {"title": {"before": "Feuille de route", "after": "Second"}}
    assert told["axes"]["changed"] == [
        {"position": 1, "fields": {"title": {"before": "Skills", "after": "Talents"},
                                   "objective": {"before": "A hundred a year.", "after": None}}}
    ]  # fmt: skip
    assert [added["title"] for added in told["actions"]["added"]] == ["Housing"]
    [changed] = told["actions"]["changed"]
    assert changed["fields"]["project_ids"] == {"before": [served["id"]], "after": []}
    assert changed["fields"]["project_titles"] == {"before": [served["title"]], "after": []}
    assert changed["fields"]["sirens"] == {"before": [siren], "after": []}
    assert changed["fields"]["firm_names"]["after"] == []
    assert changed["fields"]["budget_cents"] == {"before": 40_000_000, "after": 1}
    early = problem(
        await adopt(world.clients["committee"], copy["id"], await held(world)), 409, "roadmap-in-force-twice"
    )
    assert early["adopted_on"] == "2023-10-03"
    new = ok(await adopt(world.clients["committee"], copy["id"], await held(world, "2024-06-01T09:00:00Z")), 200)
    for day, version_id in [("2023-10-03", old["id"]), ("2024-05-31", old["id"]), ("2024-06-01", new["id"])]:
        assert ok(await staff(world).get(f"roadmap?as_of={day}"))["id"] == version_id
    before = ok(await staff(world).get(f"roadmap/versions/{old['id']}"))
    assert (before["status"], before["superseded_on"]) == ("superseded", "2024-06-01")
    assert before["axes"] == old["axes"]
    [item] = ok(await staff(world).get("roadmap/versions?status=superseded"))["items"]
    assert item["id"] == old["id"]


async def test_of_ten_adoptions_at_once_exactly_one_counts(world: World) -> None:
    await in_force(world)
    copy = ok(await staff(world).post("roadmap/versions", {}), 201)
    meetings = [await held(world, f"2024-06-0{n}T09:00:00Z") for n in range(1, 6)]
    answers = await asyncio.gather(
        *(adopt(world.clients["committee"], copy["id"], meeting) for meeting in meetings * 2)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert {a.json()["type"] for a in answers if a.status_code == 409} == {"/problems/roadmap-adopted"}
    states = [item["status"] for item in ok(await staff(world).get("roadmap/versions"))["items"]]
    assert states == ["superseded", "adopted"]


async def test_a_dry_run_adopts_nothing(world: World) -> None:
    made = await draft(world)
    tried = ok(await adopt(world.clients["committee"], made["id"], await held(world), params={"dry_run": "true"}), 200)
    assert tried["status"] == "adopted"
    assert ok(await staff(world).get(f"roadmap/versions/{made['id']}")) == made


# --- the follow-up ---------------------------------------------------------------------------------------------------


async def test_actions_move_while_the_text_stays_and_any_day_shows_how_far_they_were(world: World) -> None:
    version = await in_force(world)
    first, second, third = (action for axis in version["axes"] for action in axis["actions"])
    address = "roadmap/actions/{}/states"

    async def go(action: dict[str, Any], state: str, day: str, **more: Any) -> dict[str, Any]:
        body = {"state": state, "effective_on": day, **more}
        found: dict[str, Any] = ok(await staff(world).post(address.format(action["id"]), body), 200)
        return found

    await go(first, "in_progress", "2024-01-01")
    await go(first, "done", "2024-03-01")
    told = await go(second, "dropped", "2024-02-01", reason="No money.")
    assert (told["state"], told["state_since_on"], told["roadmap_id"]) == ("dropped", "2024-02-01", version["id"])
    for day, ratio, done in [("2023-12-31", 0, 0), ("2024-02-01", 0, 0), ("2024-03-01", 0.5, 1)]:
        then = ok(await staff(world).get(f"roadmap?as_of={day}"))
        assert (then["progress"]["ratio"], then["progress"]["done"]) == (ratio, done), day
    now = ok(await staff(world).get("roadmap"))
    assert [axis["progress"]["ratio"] for axis in now["axes"]] == [1, 0]
    assert ok(await staff(world).get("roadmap?as_of=2024-01-15"))["axes"][0]["actions"][0]["state"] == "in_progress"
    assert now["version"] == version["version"], "the text is as it was adopted"
    again = ok(await staff(world).post("roadmap/versions", {}), 201)
    assert again["progress"] == now["progress"], "a copy keeps the follow-up"
    history = ok(await staff(world).get(address.format(first["id"])))["items"]
    assert [(item["previous_state"], item["state"]) for item in history] == [
        ("planned", "in_progress"), ("in_progress", "done"),
    ]  # fmt: skip
    told = problem(await staff(world).post(address.format(third["id"]), {"state": "done"}), 409, "action-move-refused")
    assert told["allowed"] == ["dropped", "in_progress"]
    early = {"state": "in_progress", "effective_on": "2024-02-28", "reason": "Not done after all."}
    problem(await staff(world).post(address.format(first["id"]), early), 409, "action-move-out-of-order")
    silent = await staff(world).post(address.format(third["id"]), {"state": "dropped"})
    problem(silent, 422, "validation-failed")
    future = await staff(world).post(
        address.format(third["id"]), {"state": "in_progress", "effective_on": "2199-01-01"}
    )
    problem(future, 422, "validation-failed")


async def test_an_action_is_late_after_its_day_until_it_is_done(world: World) -> None:
    version = await in_force(world)
    first = version["axes"][0]["actions"][0]
    assert first["late"] is True
    assert ok(await staff(world).get("roadmap?as_of=2024-09-01"))["progress"]["late"] == 0, "due on that very day"
    assert ok(await staff(world).get("roadmap?as_of=2024-09-02"))["progress"]["late"] == 1
    [late] = ok(await staff(world).get("roadmap/actions?late=true"))["items"]
    assert late["id"] == first["id"]
    assert len(ok(await staff(world).get("roadmap/actions?late=false"))["items"]) == 2
    for state in ("in_progress", "done"):
        ok(await staff(world).post(f"roadmap/actions/{first['id']}/states", {"state": state}), 200)
    assert ok(await staff(world).get("roadmap"))["progress"]["late"] == 0


async def test_only_actions_of_the_roadmap_in_force_are_followed(world: World) -> None:
    made = await draft(world)
    action = made["axes"][0]["actions"][0]["id"]
    moved = await staff(world).post(f"roadmap/actions/{action}/states", {"state": "in_progress"})
    problem(moved, 409, "action-not-in-force")
    problem(await staff(world).get(f"roadmap/actions/{action}"), 404, "not-found")


async def test_ten_moves_at_once_make_one(world: World) -> None:
    version = await in_force(world)
    address = f"roadmap/actions/{version['axes'][0]['actions'][0]['id']}/states"
    answers = await asyncio.gather(*(staff(world).post(address, {"state": "in_progress"}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9


async def test_actions_are_found_by_what_people_ask(world: World) -> None:
    siren, served = await followed(world), await project(world)
    office = str(world.organisations["office"])
    axes = [
        {"title": "One", "actions": [{"title": "Énergie", "owner_organisation_id": office, "due_on": "2024-01-01",
                                      "project_ids": [served["id"]], "sirens": [siren]}]},
        {"title": "Two", "actions": [{"title": "Other"}]},
    ]  # fmt: skip
    version = await in_force(world, axes=axes)
    wanted = version["axes"][0]["actions"][0]["id"]
    for query in ("q=energie", f"owner_organisation_id={office}", "due_to=2024-01-01", "due_from=2024-01-01",
                  f"project_id={served['id']}", f"siren={siren}", "axis=1"):  # fmt: skip
        [found] = ok(await staff(world).get(f"roadmap/actions?{query}"))["items"]
        assert found["id"] == wanted, query
    assert len(ok(await staff(world).get("roadmap/actions?state=planned&sort=-due_on"))["items"]) == 2
    one = ok(await staff(world).get(f"roadmap/actions/{wanted}"))
    assert (one["axis"], one["axis_title"], one["projects"][0]["id"]) == (1, "One", served["id"])
    assert (one["roadmap_id"], one["roadmap_title"]) == (version["id"], version["title"])


@pytest.mark.parametrize("field", ["project_ids", "sirens", "owner_organisation_id"])
async def test_an_action_serves_what_is_of_its_territory(world: World, other: World, field: str) -> None:
    theirs = {
        "project_ids": [(await project(other))["id"]],
        "sirens": [await followed(other)],
        "owner_organisation_id": "019a9f5e-0000-7000-8000-000000000000",
    }
    axes = [{"title": "One", "actions": [{"title": "A", field: theirs[field]}]}]
    problem(await staff(world).post("roadmap/versions", {**DAYS, "axes": axes}), 404, "reference-not-found")


async def test_a_roadmap_is_its_territorys_alone(world: World, other: World) -> None:
    version = await in_force(world)
    action = version["axes"][0]["actions"][0]["id"]
    foreign = f"/v1/territories/{other.territory}/roadmap"
    for path in (f"/versions/{version['id']}", f"/versions/{version['id']}/compare", f"/actions/{action}",
                 f"/actions/{action}/states", ""):  # fmt: skip
        problem(await staff(other).get(foreign + path), 404, "not-found")
        away = await staff(other).get(f"/v1/territories/{world.territory}/roadmap{path}")
        problem(away, 404, "not-found")
    problem(await staff(other).patch(f"{foreign}/versions/{version['id']}", {"title": "T"}), 404, "not-found")
    problem(await staff(other).delete(f"{foreign}/versions/{version['id']}"), 404, "not-found")
    problem(await adopt(other.clients["committee"], version["id"], await held(other)), 404, "not-found")
    moved = await staff(other).post(f"{foreign}/actions/{action}/states", {"state": "in_progress"})
    problem(moved, 404, "not-found")
    mine = ok(await staff(other).post("roadmap/versions", DAYS), 201)
    stolen = {"axes": [{"title": "A", "actions": [{"id": action, "title": "Stolen"}]}]}
    told = await staff(other).patch(f"roadmap/versions/{mine['id']}", stolen)
    problem(told, 404, "reference-not-found")
    crossed = await staff(other).get(f"roadmap/versions/{mine['id']}/compare?with={version['id']}")
    problem(crossed, 404, "not-found")
