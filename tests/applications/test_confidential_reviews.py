"""What a review says is told to nobody who may not read it: role by role, and wherever words are kept or sent."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.access.rules import MATRIX, Role
from app.applications.rules import Kyc
from app.commands import export
from app.core.db import create_engine
from tests.applications.ready import RECEIVED, REVIEW, ReadyFile, ready
from tests.contract.cures import key, seen
from tests.firms.test_bank_details import everything_logged, unzipped
from tests.world import World, ok, problem

READERS = sorted(MATRIX["reviews:read"])
OUTSIDERS = sorted(MATRIX["applications:read"] - MATRIX["reviews:read"])
OTHERS = sorted(set(Role) - MATRIX["applications:read"])
# What a review can say that keeps a file from being granted, and nothing at all.
REVIEWS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "not completed": {"completed_on": None},
    "alert": {"kyc": "alert"},
    "refused": {"kyc": "refused"},
    "alert, not completed": {"kyc": "alert", "completed_on": None},
    "unfavourable, and alert": {"opinion": "unfavourable", "kyc": "alert", "rating": 1},
}
SECRET = "Zibeline-4711"
WORDS = (SECRET, "kyc", *(f'"{word}"' for word in Kyc), "laundering", "blanchiment")


def test_every_role_reads_or_does_not() -> None:
    assert set(READERS) == {"funder", "operator", "programme", "auditor"}
    assert OUTSIDERS
    assert {*READERS, *OUTSIDERS, *OTHERS} == set(Role)


async def all_that_is_told(file: ReadyFile, role: str) -> dict[str, tuple[int, str, str | None]]:
    """What a role gets of a file and of what stands beside it: status, body, ETag, by address."""
    client = file.world.clients[role]
    listed = ["", "/transitions", "/history", "/documents", "/review"]
    addresses = [f"{file.path}{below}" for below in listed]
    addresses += [f"applications?format={form}" for form in ("json", "ndjson", "csv", "csv-fr")]
    addresses += [f"applications?project_id={file.project_id}", f"projects/{file.project_id}", f"firms/{file.siren}"]
    addresses += ["/v1/me/to-do", "summary"]
    told = {}
    for language in ("en", "fr"):
        for address in addresses:
            response = await client.get(address, headers={"Accept-Language": language})
            told[f"{language} {address}"] = (response.status_code, response.text, response.headers.get("etag"))
    for name, (status, text, etag) in told.items():  # what is of this answer alone
        body = json.loads(text) if text.startswith("{") else None
        if isinstance(body, dict):
            body.pop("request_id", None)
            told[name] = (status, json.dumps(body, sort_keys=True), etag)
    return told


@pytest.mark.parametrize("role", OUTSIDERS)
async def test_who_may_not_read_the_review_is_told_the_same_whatever_it_says(world: World, role: str) -> None:
    file = await ready(world)
    await file.admitted()
    await file.renewed()
    told = {}
    for name, review in REVIEWS.items():
        if review is not None:
            await file.reviewed(text=SECRET, **review)
        told[name] = await all_that_is_told(file, role)
    for name, answers in told.items():
        for address, answer in answers.items():
            assert answer == told["none"][address], f"{role} learns at {address} that the review is: {name}"
            assert [word for word in WORDS if word in answer[1]] == [], address
    [grant] = [each for each in await file.unmet(role, "grant") if each["code"].startswith("review")]
    assert grant["code"] == "review-not-favourable"
    for method, body in (("GET", None), ("PUT", {**REVIEW, "kyc": "alert", "text": SECRET})):
        for where in (f"{file.path}/review", f"{file.path}/review?dry_run=true"):
            refused = await world.clients[role].request(method, where, **({"json": body} if body else {}))
            assert refused.status_code in (403, 404, 422), (method, where)
            assert [word for word in WORDS if word in refused.text] == []


@pytest.mark.parametrize("role", OTHERS)
async def test_who_may_not_read_the_file_learns_nothing_of_it(world: World, role: str) -> None:
    file = await ready(world)
    await file.admitted()
    await file.renewed()
    await file.reviewed(text=SECRET, kyc="alert")
    for below in ("", "/transitions", "/history", "/documents", "/review"):
        response = await world.clients[role].get(f"{file.path}{below}")
        assert response.status_code == 404
        assert [word for word in WORDS if word in response.text] == []


async def test_the_feed_names_a_review_to_those_alone_who_may_read_it(world: World) -> None:
    file = await ready(world)
    await file.admitted()
    await file.reviewed(text=SECRET, kyc="alert")
    feed = f"territory={world.territory}&limit=500"

    async def told(role: str) -> set[str]:
        return {event["type"] for event in ok(await world.clients[role].get(f"/v1/events?{feed}"))["items"]}

    await world.shown(
        world.auditor, feed, lambda items: any(item["type"] == "application_review.written" for item in items)
    )
    for role in OUTSIDERS:
        if (await world.clients[role].get(f"/v1/events?{feed}")).status_code == 200:
            assert {"application.extended", "application_review.written"} & await told(role) <= {"application.extended"}


async def test_who_reads_reviews_in_another_territory_does_not_read_them_here(world: World, other: World) -> None:
    """A permission is of a territory: a funder elsewhere who is of the agglomeration here is told what it is told."""
    file = await ready(world)
    await file.admitted()
    await file.renewed()
    await file.reviewed(text=SECRET, kyc="alert")
    async with world.pool.acquire() as connection:
        world.clients["both"] = await world.add_subject(connection, "both", "office", "territory")
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'funder', $2, '2020-01-01', now(), now(), now())",
            world.subjects["both"], other.territory,
        )  # fmt: skip
    assert ok(await world.clients["both"].get("/v1/me"))
    told = await file.unmet("both", "grant")
    assert [each["code"] for each in told] == ["not-pre-selected", "review-not-favourable"]
    assert (await world.clients["both"].get(f"{file.path}/review")).status_code == 404


@pytest.mark.parametrize("role", READERS)
async def test_who_may_read_the_review_is_told_which_condition_it_misses(world: World, role: str) -> None:
    file = await ready(world)
    await file.admitted()
    await file.renewed()
    expected = {"none": "review-missing", "not completed": "review-missing", "alert": "kyc-not-clear",
                "refused": "kyc-not-clear"}  # fmt: skip
    for name, code in expected.items():
        if (review := REVIEWS[name]) is not None:
            await file.reviewed(text=SECRET, **review)
        told = await file.unmet(role, "grant")
        assert [each["code"] for each in told] == ["not-pre-selected", code]
        assert [word for word in WORDS if word in json.dumps([told[1]["detail"], told[1]["cure"]])] == []


async def test_no_word_of_a_review_is_in_events_logs_exports_problems_or_replies_of_others(
    world: World, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[str] = []

    def note(response: httpx2.Response) -> httpx2.Response:
        answers.append(f"{response.headers} {response.text}")
        return response

    funder = world.funder
    with everything_logged(monkeypatch) as log:
        file = await ready(world)
        await file.admitted()
        await file.renewed()
        path = f"{file.path}/review"
        for word in Kyc:
            body = {**REVIEW, "kyc": word, "text": SECRET}
            headers = await seen(funder, path) if (await funder.get(path)).status_code == 200 else {}
            ok(await funder.put(f"{path}?dry_run=true", body, headers=headers), (200, 201))
            ok(await funder.put(path, body, headers=headers), (200, 201))
            # What refuses a review repeats nothing of it.
            for wrong in ({**body, "kyc": SECRET}, {**body, "rating": SECRET}, {**body, SECRET: 1}, [SECRET],
                          {**body, "completed_on": "2199-01-01"}, {**body, "text": [SECRET]}):  # fmt: skip
                answer = note(await funder.put(path, wrong, headers=await seen(funder, path)))
                assert answer.status_code == 422
            problem(note(await funder.put(path, body, headers={"If-Match": '"999"'})), 412, "stale-version")
            for role in OUTSIDERS:
                note(await world.clients[role].put(path, body, headers=key()))
            for role in (*OUTSIDERS, *READERS):
                note(await world.clients[role].get(f"/v1/events?territory={world.territory}&limit=500"))
                note(await world.clients[role].get(f"{file.path}/history"))
                note(await world.clients[role].get("/v1/me/to-do"))
        for form in ("json", "ndjson", "csv", "csv-fr"):
            note(await funder.get(f"applications?format={form}"))
        answers.append(unzipped((await funder.get("applications?format=xlsx")).content))
        end = {"reason": "The firm gives up.", "on": RECEIVED}
        ok(await world.clients["territory"].post(f"{file.path}/withdraw", end), 200)
        written = log.getvalue().decode()
    found = [(answer, word) for answer in answers for word in (SECRET, '"alert"') if word in answer]
    assert [pair for pair in found if "Must be one of" not in pair[0]] == []
    assert [line for line in written.splitlines() if SECRET in line or "alert" in line or "kyc" in line.lower()] == []
    events = await world.pool.fetch("SELECT type, data::text FROM events WHERE territory = $1", world.territory)
    assert "application_review.written" in {event["type"] for event in events}
    assert [event for event in events if any(word in event["data"].lower() for word in (SECRET.lower(), "kyc"))] == []
    reviews = [event["data"] for event in events if event["type"] == "application_review.written"]
    assert not {"opinion", "rating", "kyc", "text", "recommended_grant_cents"} & set(json.loads(reviews[-1]))
    replies = await world.pool.fetch("SELECT subject_id, body FROM idempotency_keys")
    assert {reply["subject_id"] for reply in replies if SECRET in reply["body"]} <= {world.subjects["funder"]}
    engine = create_engine(database_url, pool_size=1)
    try:
        await export.write(engine, world.territory, tmp_path / "out")
    finally:
        await engine.dispose()
    assert [each.name for each in (tmp_path / "out").iterdir() if SECRET in each.read_text()] == []
    assert SECRET in str(ok(await funder.get(path)))
