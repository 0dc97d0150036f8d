"""`rebond tick` as a command beside the service, and what the service's logs say of a person: nothing."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.core import clock
from app.settings import KEYS_FILE
from tests.conftest import plain
from tests.processes import Home, loaded_home, new_home
from tests.world import ok, problem

PLANTED = ("Zéphyrine Personne", "zephyrine.personne@example.fr", "+33 4 65 71 99 99", "cheffe d'atelier", "CRM-Z-1")


@pytest.fixture
def home() -> Iterator[Home]:
    with new_home() as made:
        yield made


@pytest.fixture
def loaded() -> Iterator[Home]:
    with loaded_home() as made:
        yield made


def planted_in(text: str) -> list[str]:
    """Which of the planted values a text holds, as they are or as JSON escapes them."""
    return [value for value in PLANTED if value in text or json.dumps(value)[1:-1] in text]


async def run_sql(url: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(plain(url))
    try:
        rows: list[Any] = await connection.fetch(sql)
        return rows
    finally:
        await connection.close()


def logs_of(home: Home) -> str:
    """All that the service and its database have written to files of this place, beside the data itself."""
    files = [home.path / "stderr", *home.data.glob("*log*"), *(home.data / "pg").glob("*log*")]
    return "".join(path.read_text(errors="replace") for path in files if path.is_file())


def test_a_person_is_recorded_met_refused_and_erased_and_no_log_names_anybody(loaded: Home) -> None:
    name, email, phone, function, external_id = PLANTED
    person = {"name": name, "email": email, "phone": phone, "function": function, "external_id": external_id}
    with loaded.serving(REBOND_LOG_LEVEL="debug") as service:
        staff, lead = service.keys["territory"], service.keys["lead"]
        siren = ok(service.ask("GET", "/v1/territories/ales/firms?limit=1", lead))["items"][0]["siren"]
        contacts = "/v1/territories/ales/contacts"
        body = {"siren": siren, **person, "purpose": "information", "legal_basis": "consent",
                "retain_until_on": (clock.today() + timedelta(days=1)).isoformat()}  # fmt: skip
        contact = ok(service.ask("POST", contacts, staff, json=body), 201)
        problem(service.ask("POST", contacts, staff, json=body), 409, "already-exists")
        problem(service.ask("POST", contacts, staff, json={**body, "legal_basis": name}), 422, "validation-failed")
        problem(service.ask("PATCH", f"{contacts}/{contact['id']}", staff, json={name: 1}), 422, "validation-failed")
        ok(service.ask("GET", f"{contacts}?q=zephyrine.personne@example.fr", lead))
        audition = {"kind": "call", "sirens": [siren], "planned_on": "2023-07-04", "contact_ids": [contact["id"]]}
        ok(service.ask("POST", "/v1/territories/ales/auditions", lead, json=audition), 201)
        ok(service.ask("GET", f"{contacts}/{contact['id']}/export", staff))
        ok(service.ask("POST", f"{contacts}/{contact['id']}/erase", staff))
        said = logs_of(loaded)
    assert "already-exists" in said
    assert '/contacts/{id}/export","status":200' in said
    assert planted_in(said) == []


def test_the_tick_says_what_it_did_and_a_second_one_does_nothing(home: Home, new_demonstration: Any) -> None:
    url = new_demonstration("tick", home.path / KEYS_FILE)
    past = "UPDATE contacts SET retain_until_on = '2023-10-03' WHERE external_id LIKE 'demo-contact-1%'"
    asyncio.run(run_sql(url, past))
    said = home.said("tick", DATABASE_URL=url)
    [row] = asyncio.run(run_sql(url, "SELECT count(*) FROM advance_alerts"))
    assert row[0] > 0, "instalments of the demonstration have fallen due"
    events = "SELECT number, sha256, count, (SELECT count(*) FROM events) FROM event_seals"
    [[number, sha256, count, of]] = asyncio.run(run_sql(url, events))
    assert (number, count) == (1, of)
    assert said == (
        "0 silences recorded, 0 deliverables admitted by silence, 1 deliverables late, 0 aids not started in time,"
        " 0 advances not drawn in time, 0 commitments overdue,"
        f" 0 advances settled, {row[0]} alerts of advances, 11 contacts erased,"
        f" 0 imported files deleted, 0 stored replies forgotten, 0 access records deleted,"
        f" {count} events sealed, seal 1:{sha256}\n"
    )
    assert home.said("tick", DATABASE_URL=url) == (
        "0 silences recorded, 0 deliverables admitted by silence, 0 deliverables late, 0 aids not started in time,"
        " 0 advances not drawn in time, 0 commitments overdue,"
        " 0 advances settled, 0 alerts of advances, 0 contacts erased,"
        f" 0 imported files deleted, 0 stored replies forgotten, 0 access records deleted,"
        f" 0 events sealed, seal 1:{sha256}\n"
    )
    [row] = asyncio.run(run_sql(url, "SELECT count(name), count(*) FROM contacts"))
    assert tuple(row) == (35, 46)
    [row] = asyncio.run(run_sql(url, "SELECT count(*) FROM audition_contacts"))
    assert row[0] == 46


def test_the_tick_refuses_a_database_that_is_not_migrated(home: Home, new_database: Any) -> None:
    empty = new_database("tick_empty", migrated=False)
    assert home.refusal("tick", DATABASE_URL=empty).endswith("is not migrated: run «rebond migrate»")
