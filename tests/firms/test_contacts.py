"""Contacts of firms: personal data with a purpose, a basis and an end; told to nobody who has no business with it."""

import asyncio
import json
import secrets
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from app.commands.tick import erase_contacts, tick
from app.core import clock
from app.core.db import session_factory
from tests.world import World, ok, problem

TODAY = clock.today()
PLANTED = ("Zéphyrine Personne", "zephyrine.personne@example.fr", "+33 4 65 71 99 99", "cheffe d'atelier", "CRM-Z-1")


def person(**more: Any) -> dict[str, Any]:
    name, email, phone, function, external_id = PLANTED
    return {"name": name, "email": email, "phone": phone, "function": function, "external_id": external_id, **more}


async def path_of(world: World, **more: Any) -> str:
    return f"contacts/{(await world.contact(**person(**more)))['id']}"


def planted_in(text: str) -> list[str]:
    """Which of the planted values a text holds, as they are or as JSON escapes them."""
    return [value for value in PLANTED if value in text or json.dumps(value)[1:-1] in text]


# --- why, on what ground, until when ---------------------------------------------------------------------------------


async def test_a_contact_says_why_it_is_kept_and_until_when(world: World) -> None:
    siren = await world.followed_firm("Fonderie")
    body = {"siren": siren, **person(), "purpose": "aid_file", "legal_basis": "public_task"}
    for missing in ("purpose", "legal_basis", "retain_until_on", "name"):
        whole = {**body, "retain_until_on": TODAY.isoformat()}
        del whole[missing]
        refused = problem(await world.clients["territory"].post("contacts", whole), 422, "validation-failed")
        assert [error["pointer"] for error in refused["errors"]] == [f"/{missing}"]
    made = await world.clients["territory"].post("contacts", {**body, "retain_until_on": TODAY.isoformat()})
    contact = ok(made, 201)
    assert (contact["firm_name"], contact["recorded_by"]) == ("Fonderie", str(world.subjects["territory"]))
    assert ok(await world.lead.get(made.headers["location"])) == contact


@pytest.mark.parametrize("basis", ["none", "consentement", "", None])
async def test_a_legal_basis_is_one_of_the_six_of_article_6(world: World, basis: str | None) -> None:
    path = await path_of(world)
    problem(await world.clients["territory"].patch(path, {"legal_basis": basis}), 422, "validation-failed")
    for known in ("consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"):
        assert ok(await world.clients["territory"].patch(path, {"legal_basis": known}))["legal_basis"] == known


@pytest.mark.parametrize(("days", "code"), [(-1, "past_day"), (3660, "kept_too_long")])
async def test_nobody_is_kept_for_a_past_day_or_for_more_than_ten_years(world: World, days: int, code: str) -> None:
    path = await path_of(world)
    day = (TODAY + timedelta(days=days)).isoformat()
    refused = problem(await world.clients["territory"].patch(path, {"retain_until_on": day}), 422, "validation-failed")
    assert [error["code"] for error in refused["errors"]] == [code]


async def test_a_contact_is_of_a_firm_that_this_territory_follows(world: World, other: World) -> None:
    theirs = await other.followed_firm()
    body = {"siren": theirs, "name": "A", "purpose": "information", "legal_basis": "consent",
            "retain_until_on": TODAY.isoformat()}  # fmt: skip
    problem(await world.clients["territory"].post("contacts", body), 404, "reference-not-found")
    problem(await world.clients["territory"].post("contacts", {**body, "siren": await world.add_firm()}), 404,
            "reference-not-found")  # fmt: skip


async def test_a_contact_is_rectified_and_its_firm_stays(world: World) -> None:
    path = await path_of(world)
    changed = ok(await world.clients["territory"].patch(path, {"name": "Zéphyrine Autre", "phone": None}))
    assert (changed["name"], changed["phone"], changed["version"]) == ("Zéphyrine Autre", None, 2)
    same = await world.clients["territory"].patch(path, {"name": "Zéphyrine Autre"})
    assert ok(same)["version"] == 2
    moved = await world.clients["territory"].patch(path, {"siren": await world.followed_firm()})
    problem(moved, 422, "validation-failed")
    stale = await world.clients["territory"].post(f"{path}/erase", headers={"If-Match": '"1"'})
    problem(stale, 412, "stale-version")


async def test_contacts_are_found_by_name_firm_purpose_and_end(world: World) -> None:
    contact = await world.contact(**person(retain_until_on=(TODAY + timedelta(days=9)).isoformat()))
    await world.contact(purpose="information")
    end = (TODAY + timedelta(days=9)).isoformat()
    hits = [f"siren={contact['siren']}", "q=zephyrine", "q=PERSONNE%40example", "purpose=engineering_mission",
            f"retain_until_to={end}", "external_id=CRM-Z-1"]  # fmt: skip
    for query in hits:
        items = ok(await world.lead.get(f"contacts?{query}"))["items"]
        assert [item["id"] for item in items] == [contact["id"]], query
    counts = {
        "erased=false": 2,
        "erased=true": 0,
        f"retain_until_from={end}": 2,
        "legal_basis=consent": 0,
        "sort=name": 2,
    }
    assert {query: len(ok(await world.lead.get(f"contacts?{query}"))["items"]) for query in counts} == counts


# --- nobody else learns of the person --------------------------------------------------------------------------------


async def whole_life(world: World) -> dict[str, Any]:
    """Everything that happens to a contact: recorded, rectified, met, exported, refused, erased."""
    staff, lead = world.clients["territory"], world.lead
    contact = await world.contact(**person())
    path = f"contacts/{contact['id']}"
    ok(await staff.patch(path, {"purpose": "project_follow_up"}))
    audition = await world.audition(contact["siren"], contact_ids=[contact["id"]])
    ok(await lead.post(f"auditions/{audition['id']}/hold", {"held_on": "2023-07-04", "findings": f"Met {PLANTED[0]}."}))
    note = ok(await lead.post(f"auditions/{audition['id']}/notes", {"body": f"{PLANTED[0]} leaves."}), 201)
    ok(await lead.get(f"{path}/export"))
    ok(await lead.get("contacts", params={"q": PLANTED[0]}))
    twin = {**person(), "siren": contact["siren"], "purpose": "information", "legal_basis": "consent",
            "retain_until_on": TODAY.isoformat()}  # fmt: skip
    problem(await staff.post("contacts", twin), 409, "already-exists")
    problem(await staff.post("contacts", {**twin, "legal_basis": PLANTED[0]}), 422, "validation-failed")
    problem(await staff.post("contacts", {**twin, PLANTED[4]: 1}), 422, "validation-failed")
    return {"contact": contact, "audition": audition, "note": note}


async def test_no_contact_appears_in_an_event_or_in_what_others_read(world: World) -> None:
    things = await whole_life(world)
    events = await world.pool.fetch("SELECT data::text FROM events WHERE territory = $1", world.territory)
    assert len(events) >= 6
    assert [planted_in(row["data"]) for row in events if planted_in(row["data"])] == []
    whole = await world.pool.fetchval(
        "SELECT string_agg(e::text, ' ') FROM events e WHERE territory = $1", world.territory
    )
    assert planted_in(whole) == []
    for path in ("auditions", f"auditions/{things['audition']['id']}", "summary", "firms", "committees", "/v1/summary"):
        shown = json.dumps(ok(await world.clients["treasurer"].get(path)), ensure_ascii=False)
        told = [PLANTED[0]] if "auditions" in path else []  # what people write in the findings is theirs
        assert planted_in(shown) == told, path
    problem(await world.clients["treasurer"].get("contacts"), 404, "not-found")


# --- what is held about a person -------------------------------------------------------------------------------------


async def test_everything_held_about_a_person_is_given_out(world: World) -> None:
    things = await whole_life(world)
    contact = things["contact"]
    export = ok(await world.clients["territory"].get(f"contacts/{contact['id']}/export"))
    assert {name: export[name] for name in person()} == person()
    assert (export["purpose"], export["legal_basis"]) == ("project_follow_up", "public_task")
    assert [(met["audition_id"], met["status"], met["held_on"]) for met in export["auditions"]] == [
        (things["audition"]["id"], "held", "2023-07-04")
    ]
    assert [change["type"] for change in export["history"]] == ["contact.created", "contact.updated"]
    staff = f"territory of {world.territory}"
    assert [export["recorded_by_name"], *(change["actor_name"] for change in export["history"])] == [staff] * 3


# --- erasure ---------------------------------------------------------------------------------------------------------


async def test_an_erased_person_leaves_the_counts_intact(world: World) -> None:
    things = await whole_life(world)
    contact, audition = things["contact"], things["audition"]
    path = f"contacts/{contact['id']}"
    before = ok(await world.auditor.get("summary"))
    gone = ok(await world.clients["territory"].post(f"{path}/erase"))
    assert {name: gone[name] for name in person()} == dict.fromkeys(person())
    assert (gone["erased_because"], gone["firm_name"]) == ("request", contact["firm_name"])
    assert ok(await world.lead.get(f"auditions/{audition['id']}"))["contact_ids"] == [contact["id"]]
    assert len(ok(await world.lead.get(f"auditions?contact_id={contact['id']}"))["items"]) == 1
    assert ok(await world.auditor.get("summary")) == before
    export = ok(await world.lead.get(f"{path}/export"))
    assert planted_in(json.dumps(export)) == []
    assert len(export["auditions"]) == 1
    assert ok(await world.lead.get("contacts?q=zephyrine"))["items"] == []
    again = ok(await world.clients["territory"].post(f"{path}/erase"))
    assert again == gone
    assert [event["type"] for event in await world.events(contact["id"])][-1] == "contact.erased"
    assert len(await world.events(contact["id"])) == 3
    problem(await world.clients["territory"].patch(path, {"name": "Back"}), 409, "contact-gone")


async def test_nothing_of_an_erased_person_is_left_in_any_table(world: World) -> None:
    staff = world.clients["territory"]
    siren = await world.followed_firm()
    body = {"siren": siren, **person(), "purpose": "information", "legal_basis": "consent",
            "retain_until_on": (TODAY + timedelta(days=1)).isoformat()}  # fmt: skip
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first = await staff.post("contacts", body, headers=headers)
    contact = ok(first, 201)
    ok(await staff.post(f"contacts/{contact['id']}/erase", headers={"Idempotency-Key": secrets.token_hex(8)}))
    replayed = await staff.post("contacts", body, headers=headers)
    assert replayed.headers["idempotency-replayed"] == "true"
    assert ok(replayed, 201)["id"] == contact["id"]
    assert planted_in(replayed.text) == []
    assert len(ok(await staff.get(f"contacts?siren={siren}"))["items"]) == 1
    kept = await world.pool.fetch("SELECT body FROM idempotency_keys WHERE body LIKE '%' || $1 || '%'", contact["id"])
    assert len(kept) == 2
    assert [planted_in(row["body"]) for row in kept] == [[], []]
    tables = [row[0] for row in await world.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    here = f"t::text LIKE '%{contact['id']}%'"
    for table in tables:
        whole = await world.pool.fetchval(f"SELECT string_agg(t::text, ' ') FROM {table} t WHERE {here}") or ""
        assert planted_in(whole) == [], table


async def test_a_rectified_value_leaves_the_stored_replies_too(world: World) -> None:
    staff = world.clients["territory"]
    body = {"siren": await world.followed_firm(), **person(), "purpose": "information", "legal_basis": "consent",
            "retain_until_on": TODAY.isoformat()}  # fmt: skip
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    contact = ok(await staff.post("contacts", body, headers=headers), 201)
    ok(await staff.patch(f"contacts/{contact['id']}", {"name": "Zéphyrine Autre"}))
    replayed = ok(await staff.post("contacts", body, headers=headers), 201)
    assert (replayed["name"], replayed["email"]) == (None, PLANTED[1])


ATTACKS = {
    "UPDATE contacts SET name = 'Back' WHERE id = $1": "contact_gone",
    "UPDATE contacts SET erased_at = NULL, erased_because = NULL, name = 'Back' WHERE id = $1": "contact_gone",
    "INSERT INTO contacts (territory, siren, name, purpose, legal_basis, retain_until_on, erased_at, erased_because,"
    " created_at, updated_at) SELECT territory, siren, 'Back', purpose, legal_basis, retain_until_on, now(), 'request',"
    " now(), now() FROM contacts WHERE id = $1": "contact_erased_but_named",
    "INSERT INTO contacts (territory, siren, email, purpose, legal_basis, retain_until_on, created_at, updated_at)"
    " SELECT territory, siren, 'a@b.fr', purpose, legal_basis, retain_until_on, now(), now() FROM contacts"
    " WHERE id = $1": "contact_erased_but_named",
    "INSERT INTO contacts (territory, siren, name, purpose, legal_basis, retain_until_on, created_at, updated_at)"
    " SELECT territory, siren, 'A', purpose, legal_basis, now() + interval '11 years', now(), now() FROM contacts"
    " WHERE id = $1": "kept_too_long",
    "INSERT INTO contacts (territory, siren, name, purpose, legal_basis, retain_until_on, created_at, updated_at)"
    " SELECT territory, siren, 'A', 'fun', legal_basis, retain_until_on, now(), now() FROM contacts"
    " WHERE id = $1": "contact_purpose",
    "INSERT INTO contacts (territory, siren, name, purpose, legal_basis, retain_until_on, created_at, updated_at)"
    " SELECT territory, siren, 'A', purpose, 'none', retain_until_on, now(), now() FROM contacts"
    " WHERE id = $1": "contact_legal_basis",
    "DELETE FROM contacts WHERE id = $1": "audition_contacts_territory_siren_contact_id_fkey",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_the_database_gives_an_erased_row_no_person_back(world: World, attack: str) -> None:
    contact = await world.contact(**person())
    await world.audition(contact["siren"], contact_ids=[contact["id"]])
    ok(await world.clients["territory"].post(f"contacts/{contact['id']}/erase"))
    with pytest.raises(asyncpg.PostgresError) as refused:
        await world.pool.execute(attack, contact["id"])
    assert refused.value.constraint_name == ATTACKS[attack]


async def test_an_erased_person_keeps_its_place_and_gets_no_new_one(world: World) -> None:
    contact = await world.contact(**person())
    audition = await world.audition(contact["siren"], contact_ids=[contact["id"]])
    ok(await world.clients["territory"].post(f"contacts/{contact['id']}/erase"))
    path = f"auditions/{audition['id']}"
    assert ok(await world.lead.patch(path, {"contact_ids": [contact["id"]], "place": "Alès"}))["place"] == "Alès"
    later = {
        "kind": "call",
        "sirens": [contact["siren"]],
        "planned_on": "2023-07-04",
        "contact_ids": [contact["id"]],
    }
    problem(await world.lead.post("auditions", later), 404, "reference-not-found")


async def test_a_person_is_nothing_to_another_territory(world: World, other: World) -> None:
    path = await path_of(world)
    staff = other.clients["territory"]
    problem(await staff.get(f"/v1/territories/{world.territory}/{path}"), 404, "not-found")
    for call in (staff.get(path), staff.get(f"{path}/export"), staff.patch(path, {"name": "Ours"}),
                 staff.post(f"{path}/erase")):  # fmt: skip
        problem(await call, 404, "not-found")
    assert ok(await staff.get("contacts"))["items"] == []
    contact_id = path.rpartition("/")[2]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await world.pool.execute("UPDATE contacts SET territory = $2 WHERE id = $1", contact_id, other.territory)


# --- the tick --------------------------------------------------------------------------------------------------------


async def expire(world: World, ids: list[str], day: date) -> None:
    """As if they had been recorded long ago."""
    await world.pool.execute("UPDATE contacts SET retain_until_on = $2 WHERE id = ANY($1::uuid[])", ids, day)


async def state(world: World, ids: list[str]) -> dict[str, str | None]:
    rows = await world.pool.fetch("SELECT id, erased_because FROM contacts WHERE id = ANY($1::uuid[])", ids)
    return {str(row["id"]): row["erased_because"] for row in rows}


async def test_the_tick_erases_who_is_past_the_retention_date_and_nobody_else(app: Any, world: World) -> None:
    siren = await world.followed_firm()
    due, last_day, kept = [(await world.contact(siren, name=PLANTED[0]))["id"] for _ in range(3)]
    await expire(world, [due], TODAY - timedelta(days=1))
    await expire(world, [last_day], TODAY)
    await tick(session_factory(app.state["engine"]))
    assert await state(world, [due, last_day, kept]) == {due: "retention", last_day: None, kept: None}
    [*_, erased] = await world.events(due)
    assert (erased["type"], erased["actor_kind"], erased["territory"]) == ("contact.erased", "system", world.territory)
    assert planted_in(erased["data"]) == []


async def test_two_ticks_at_once_erase_each_person_once_in_batches(app: Any, world: World, other: World) -> None:
    ids = []
    for place in (world, other):
        siren = await place.followed_firm()
        mine = [(await place.contact(siren))["id"] for _ in range(7)]
        await expire(place, mine, TODAY - timedelta(days=30))
        ids += mine
    factory = session_factory(app.state["engine"])
    await asyncio.gather(*(erase_contacts(factory, TODAY, batch=3) for _ in range(3)))
    left = await erase_contacts(factory, TODAY, batch=3)
    assert set((await state(world, ids)).values()) == {"retention"}
    assert left == 0
    for contact_id in ids:
        told = [event["type"] for event in await world.events(contact_id)]
        assert told == ["contact.created", "contact.erased"]


async def test_a_person_whose_data_is_being_changed_is_left_for_the_next_tick(app: Any, world: World) -> None:
    contact = (await world.contact())["id"]
    await expire(world, [contact], TODAY - timedelta(days=1))
    factory = session_factory(app.state["engine"])
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM contacts WHERE id = $1 FOR UPDATE", contact)
        await tick(factory)
        assert await state(world, [contact]) == {contact: None}
    await tick(factory)
    assert await state(world, [contact]) == {contact: "retention"}
