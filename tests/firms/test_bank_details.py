"""Bank details of firms: two persons, one account at a time, and a number that is told to the treasurer alone."""

import asyncio
import csv
import io
import json
import logging
import re
import string
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import structlog

from app.access.rules import Role
from app.commands import export
from app.core import values
from app.core.db import create_engine
from app.core.serving import logs, shell
from app.core.values import _iban_length, holds_iban, iban_from, is_iban, masked_iban, with_ibans_masked
from tests.contract.cures import key, seen, subject
from tests.world import Client, World, ok, problem

GARAGE = "Garage de l'Exemple"


def spaced(iban: str) -> str:
    """As people write it."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def mask(iban: str) -> str:
    return f"{iban[:4]} •••• {iban[-4:]}"


async def treasurer(world: World) -> Client:
    """A second one."""
    return await subject(world, "treasurer")


async def propose(world: World, siren: str, number: int = 1, by: str = "territory") -> str:
    """The path of proposed bank details."""
    body = {"iban": spaced(iban_from(number)), "holder_name": GARAGE}
    made = ok(await world.clients[by].post(f"firms/{siren}/bank-details", body), 201)
    return f"firms/{siren}/bank-details/{made['id']}"


async def act(client: Client, path: str, verb: str) -> httpx2.Response:
    body = None if verb == "approve" else {"reason": "Not confirmed by phone."}
    return await client.post(f"{path}/{verb}", body, headers=await seen(client, path))


# --- two persons, one account ----------------------------------------------------------------------------------------


async def test_bank_details_count_once_another_person_has_approved_them(world: World) -> None:
    siren = await world.followed_firm("Garage")
    made = await world.treasurer.post(
        f"firms/{siren}/bank-details", {"iban": iban_from(1).lower(), "holder_name": GARAGE}
    )
    proposed = ok(made, 201)
    path = f"firms/{siren}/bank-details/{proposed['id']}"
    assert made.headers["location"].endswith(path)
    assert (proposed["iban"], proposed["status"], proposed["firm_name"]) == (mask(iban_from(1)), "proposed", "Garage")
    assert (proposed["proposed_by"], proposed["decided_by"]) == (str(world.subjects["treasurer"]), None)
    for verb in ("approve", "refuse"):
        problem(await act(world.treasurer, path, verb), 403, "bank-details-own-approval")
    second = await treasurer(world)
    approved = ok(await act(second, path, "approve"))
    assert (approved["status"], approved["holder_name"], approved["ended_at"]) == ("approved", GARAGE, None)
    assert approved["decided_by_name"].endswith(world.territory)
    for verb in ("approve", "refuse"):
        told = problem(await act(second, path, verb), 409, "bank-details-transition")
        assert (told["current"], told["needed"]) == ("approved", ["proposed"])


async def test_an_approval_supersedes_what_stood_before(world: World) -> None:
    siren = await world.followed_firm()
    first, second = await propose(world, siren, 1), None
    ok(await act(world.treasurer, first, "approve"))
    refused = await world.funder.post(f"firms/{siren}/bank-details", {"iban": iban_from(2), "holder_name": GARAGE})
    second = f"firms/{siren}/bank-details/{ok(refused, 201)['id']}"
    twice = await world.funder.post(f"firms/{siren}/bank-details", {"iban": iban_from(3), "holder_name": GARAGE})
    problem(twice, 409, "bank-details-already-proposed")
    assert ok(await world.treasurer.get(first))["status"] == "approved", "a proposal moves nothing"
    ok(await act(world.treasurer, second, "approve"))
    before = ok(await world.treasurer.get(first))
    assert (before["status"], before["end_reason"], before["version"]) == ("superseded", None, 3)
    assert before["ended_at"] == ok(await world.treasurer.get(second))["decided_at"]
    types = [(event["type"], event["resource_version"]) for event in await events(world)]
    assert types == [
        ("bank_details.proposed", 1), ("bank_details.approved", 2), ("bank_details.proposed", 1),
        ("bank_details.approved", 2), ("bank_details.superseded", 3),
    ]  # fmt: skip
    problem(await act(world.treasurer, first, "withdraw"), 409, "bank-details-transition")


async def test_bank_details_end_by_a_refusal_or_by_a_withdrawal(world: World) -> None:
    siren = await world.followed_firm()
    refused = await propose(world, siren)
    told = ok(await act(world.treasurer, refused, "refuse"))
    assert (told["status"], told["end_reason"]) == ("refused", "Not confirmed by phone.")
    assert told["ended_at"] == told["decided_at"]
    withdrawn = await propose(world, siren)
    told = ok(await act(world.clients["territory"], withdrawn, "withdraw"))
    assert (told["status"], told["decided_by"]) == ("withdrawn", None)
    stopped = await propose(world, siren)
    ok(await act(world.treasurer, stopped, "approve"))
    told = ok(await act(world.funder, stopped, "withdraw"))
    assert (told["status"], told["decided_by"]) == ("withdrawn", str(world.subjects["treasurer"]))
    listed = ok(await world.auditor.get(f"firms/{siren}/bank-details?status=refused&status=withdrawn"))["items"]
    assert [f"firms/{siren}/bank-details/{each['id']}" for each in listed] == [refused, withdrawn, stopped]


async def test_a_program_proposes_and_decides_nothing(world: World) -> None:
    siren = await world.followed_firm()
    program = await subject(world, "treasurer", kind="service_account")
    body = {"iban": iban_from(1), "holder_name": GARAGE}
    path = f"firms/{siren}/bank-details/{ok(await program.post(f'firms/{siren}/bank-details', body), 201)['id']}"
    for verb in ("approve", "refuse", "withdraw"):
        problem(await act(program, path, verb), 403, "person-required")
    ok(await act(world.treasurer, path, "approve"))


async def test_a_firm_that_the_territory_does_not_follow_has_no_bank_details(world: World, other: World) -> None:
    stranger = await world.add_firm()
    body = {"iban": iban_from(1), "holder_name": GARAGE}
    problem(await world.clients["territory"].post(f"firms/{stranger}/bank-details", body), 404, "not-found")
    problem(await world.clients["territory"].get(f"firms/{stranger}/bank-details"), 404, "not-found")
    siren = await world.followed_firm()
    id_ = (await propose(world, siren)).rpartition("/")[2]
    ok(await other.clients["territory"].put(f"firms/{siren}", {"stage": "identified"}))
    elsewhere = await world.followed_firm()
    for client, path in ((other.treasurer, f"firms/{siren}"), (world.treasurer, f"firms/{elsewhere}")):
        for tail in ("", "/iban"):
            problem(await client.get(f"{path}/bank-details/{id_}{tail}"), 404, "not-found")
        approval = await client.post(f"{path}/bank-details/{id_}/approve", headers={"If-Match": "*"})
        problem(approval, 404, "not-found")
    assert ok(await other.treasurer.get("bank-details"))["items"] == []
    assert ok(await other.treasurer.get(f"firms/{siren}/bank-details"))["items"] == []


async def test_of_many_proposals_at_once_one_stands_and_it_is_approved_once(world: World) -> None:
    siren = await world.followed_firm()
    bodies = [{"iban": iban_from(number), "holder_name": GARAGE} for number in range(1, 9)]
    clients = [world.clients["territory"], world.funder]
    answers = await asyncio.gather(
        *(clients[n % 2].post(f"firms/{siren}/bank-details", body) for n, body in enumerate(bodies))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    made = next(answer for answer in answers if answer.status_code == 201)
    path, match = made.headers["location"], {"If-Match": "*"}
    second = await treasurer(world)
    rivals = [client.post(f"{path}/{verb}", body, headers=match)
              for client in (world.treasurer, second)
              for verb, body in (("approve", None), ("refuse", {"reason": "No."}))]  # fmt: skip
    assert sorted(answer.status_code for answer in await asyncio.gather(*rivals)) == [200, 409, 409, 409]


async def test_an_approval_and_the_withdrawal_of_what_it_supersedes_end_in_one_order(world: World) -> None:
    siren = await world.followed_firm()
    standing = await propose(world, siren, 1)
    ok(await act(world.treasurer, standing, "approve"))
    for number in range(2, 8):
        proposed = await propose(world, siren, number)
        acts = [
            world.treasurer.post(f"{proposed}/approve", headers={"If-Match": "*"}),
            world.funder.post(f"{standing}/withdraw", {"reason": "Closed."}, headers={"If-Match": "*"}),
        ]
        approved, withdrawn = await asyncio.gather(*(acts if number % 2 else reversed(acts)))
        assert {approved.status_code, withdrawn.status_code} <= {200, 409}
        states = [each["status"] for each in ok(await world.auditor.get(f"firms/{siren}/bank-details"))["items"]]
        assert states[-1] == "approved"
        assert set(states[:-1]) <= {"superseded", "withdrawn"}
        standing = proposed


async def test_who_is_forgotten_leaves_the_bank_details_as_they_are(world: World) -> None:
    siren = await world.followed_firm()
    path = await propose(world, siren, by="funder")
    person = f"/v1/organisations/{world.organisations['office']}/persons/{world.subjects['funder']}"
    ok(await world.admin.patch(person, {"email": None}))
    ok(await act(world.treasurer, path, "approve"))
    contact = await world.contact(siren)
    ok(await world.clients["territory"].post(f"contacts/{contact['id']}/erase"))
    assert ok(await world.treasurer.get(path))["status"] == "approved"
    assert ok(await world.treasurer.get(f"{path}/iban"))["iban"] == iban_from(1)


# --- what is an IBAN -------------------------------------------------------------------------------------------------

GOOD = [
    "FR1420041010050500013M02606", "FR14 2004 1010 0505 0001 3M02 606", "fr14 2004 1010 0505 0001 3m02 606",
    " FR14\u00a02004\u20091010 0505 0001 3M02 606 ", "DE89370400440532013000", "NO9386011117947",
    "MT84 MALT 0110 0001 2345 MTLC AST0 01S", iban_from(1), spaced(iban_from(99_999_999)),
]  # fmt: skip
BAD: list[Any] = [
    "", " ", "FR", "FR1420041010050500013M02607", "FR1520041010050500013M02606", "FR142004101005050001M302606",
    "FR14 2004 1010 0505 0001 3M02 60", "FR14 2004 1010 0505 0001 3M02 6060", "XX1420041010050500013M02606",
    "DE8937040044053201300", "FR14-2004-1010-0505-0001-3M02-606", "FR14 •••• 0606", "F" * 5000,
    "ＦＲ1420041010050500013M02606", "FR1420041010050500013M0260６", 1420041010050500013, None, ["FR14"],
]  # fmt: skip


@pytest.mark.parametrize("given", GOOD)
async def test_an_iban_is_taken_with_spaces_and_in_small_letters(world: World, given: str) -> None:
    siren = await world.followed_firm()
    body = {"iban": given, "holder_name": GARAGE}
    made = ok(await world.clients["territory"].post(f"firms/{siren}/bank-details", body), 201)
    kept = "".join(given.split()).upper()
    assert made["iban"] == mask(kept)
    assert ok(await world.treasurer.get(f"firms/{siren}/bank-details/{made['id']}/iban"))["iban"] == kept
    assert await world.pool.fetchval("SELECT is_iban($1)", kept)


@pytest.mark.parametrize("given", BAD, ids=range(len(BAD)))
async def test_what_is_no_iban_is_refused_and_not_repeated(world: World, given: Any) -> None:
    siren = await world.followed_firm()
    body = {"iban": given, "holder_name": GARAGE}
    answer = await world.clients["territory"].post(f"firms/{siren}/bank-details", body)
    [error] = problem(answer, 422, "validation-failed")["errors"]
    assert (error["pointer"], error["code"]) == ("/iban", "iban_checksum" if isinstance(given, str) else "not_text")
    assert "2004" not in json.dumps(error)
    if isinstance(given, str) and given.isascii():
        assert not is_iban(given)


@pytest.mark.parametrize("slip", range(27))
async def test_one_wrong_character_is_seen_by_python_and_by_the_database(world: World, slip: int) -> None:
    right = "FR1420041010050500013M02606"
    alike = string.digits if right[slip].isdigit() else string.ascii_uppercase  # a letter may count as a digit does
    wrong = [right[:slip] + character + right[slip + 1 :] for character in alike]
    wrong += [right[:slip] + right[slip + 1 :], right[:slip] + right[slip : slip + 2][::-1] + right[slip + 2 :]]
    found = await world.pool.fetch("SELECT iban, is_iban(iban) AS said FROM unnest($1::text[]) AS iban", wrong)
    for row in found:
        assert is_iban(row["iban"]) is (row["iban"] == right)
        assert row["said"] or not is_iban(row["iban"]), "the database refuses nothing that Python takes"


def test_an_iban_is_found_in_a_text_however_it_is_spaced() -> None:
    iban = iban_from(7)
    for text in (iban, spaced(iban), f"Voir {iban.lower()}.", f"({'-'.join(iban)})", f"compte:{iban[:9]}\n{iban[9:]}!"):
        assert holds_iban(text), text
    for text in ("", "FR76", mask(iban), iban[:-1], GARAGE, "Le 14 juin 2023, à Alès : FR14 2004 1010 0505"):
        assert not holds_iban(text), text


def test_an_iban_of_every_country_is_found_in_a_text() -> None:
    """Each country's are of one length, and a text is searched for no other."""
    lines = resources.files("stdnum").joinpath("iban.dat").read_text().splitlines()
    told = {line[:2]: line.partition('bban="')[2].rstrip('"') for line in lines if 'bban="' in line}
    assert len(told) > 80
    lengths = {country: 4 + sum(map(int, re.findall("[0-9]+", bban))) for country, bban in told.items()}
    assert lengths["FR"] == 27
    assert lengths["NO"] == 15
    letters = (a + b for a in string.ascii_uppercase for b in string.ascii_uppercase)
    assert {country: length for country in letters if (length := _iban_length(country))} == lengths
    for iban in ("NO93 8601 1117 947", "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "DE89 3704 0044 0532 0130 00"):
        assert holds_iban(f"Compte n° 12 : {iban}, à vérifier")
        assert with_ibans_masked(f"({iban})") == f"({masked_iban(''.join(iban.split()))})"


async def test_a_text_that_is_shown_holds_no_iban(world: World) -> None:
    siren = await world.followed_firm()
    iban = iban_from(8)
    body = {"iban": iban, "holder_name": f"Garage {spaced(iban)}"}
    answer = await world.clients["territory"].post(f"firms/{siren}/bank-details", body)
    [error] = problem(answer, 422, "validation-failed")["errors"]
    assert (error["pointer"], error["code"]) == ("/holder_name", "iban_in_text")
    path = await propose(world, siren)
    for verb in ("refuse", "withdraw"):
        answer = await world.treasurer.post(
            f"{path}/{verb}", {"reason": f"It should be {iban}"}, headers=await seen(world.treasurer, path)
        )
        [error] = problem(answer, 422, "validation-failed")["errors"]
        assert (error["pointer"], error["code"]) == ("/reason", "iban_in_text")


# --- who reads what --------------------------------------------------------------------------------------------------


async def test_the_number_is_read_by_the_treasurer_alone_and_each_read_is_an_event(world: World) -> None:
    siren = await world.followed_firm()
    path = await propose(world, siren)
    for role in Role:
        answer = await world.clients[role].get(f"{path}/iban")
        if role is Role.TREASURER:
            assert ok(answer) == {"id": path.rpartition("/")[2], "iban": iban_from(1)}
            assert answer.headers["cache-control"] == "no-store"
            assert "etag" not in answer.headers
        else:
            problem(answer, 404, "not-found")
    ok(await (await treasurer(world)).get(f"{path}/iban"))
    reads = [event for event in await events(world) if event["type"] == "bank_details.iban_read"]
    assert len(reads) == 2
    assert reads[0]["actor_id"] == world.subjects["treasurer"] != reads[1]["actor_id"]
    assert json.loads(reads[0]["data"])["iban"] == mask(iban_from(1))
    assert {event["resource_version"] for event in reads} == {1}, "a read changes nothing"
    feed = f"territory={world.territory}&type=bank_details.iban_read"
    told = await world.shown(world.auditor, feed, lambda items: len(items) == len(reads))
    assert [event["actor"]["id"] for event in told] == [str(event["actor_id"]) for event in reads]
    problem(await world.treasurer.get(f"{path}/iban?dry_run=true"), 422, "validation-failed")


async def test_a_list_is_masked_in_every_form(world: World) -> None:
    siren = await world.followed_firm()
    await propose(world, siren)
    for path in ("bank-details", f"firms/{siren}/bank-details"):
        for form in ("json", "ndjson", "csv", "csv-fr", "xlsx"):
            answer = await world.auditor.get(f"{path}?format={form}")
            assert answer.status_code == 200
            text = unzipped(answer.content) if form == "xlsx" else answer.text
            assert mask(iban_from(1)) in text, form
            assert leaks(text, [iban_from(1)]) == [], form
        [row] = list(csv.DictReader(io.StringIO((await world.auditor.get(f"{path}?format=csv")).text)))
        assert row["iban"] == mask(iban_from(1))


async def test_bank_details_are_found_by_firm_state_and_who_may_decide(world: World) -> None:
    one, two = await world.followed_firm(), await world.followed_firm()
    first, second = await propose(world, one), await propose(world, two, 2, by="treasurer")
    ok(await act(world.treasurer, first, "approve"))

    async def found(query: str) -> list[str]:
        items = ok(await world.auditor.get(f"bank-details?{query}"))["items"]
        return [f"firms/{each['siren']}/bank-details/{each['id']}" for each in items]

    assert await found("") == [first, second]
    assert await found(f"siren={two}") == [second]
    assert await found("status=approved") == [first]
    assert await found(f"decidable_by={world.subjects['treasurer']}") == [first]
    assert await found("sort=-updated_at") == [first, second]
    assert await found("updated_since=2199-01-01T00:00:00Z") == []


# --- the number is nowhere else --------------------------------------------------------------------------------------


def leaks(text: str, ibans: list[str]) -> list[str]:
    """Which of the numbers a text holds: in full, spaced, in small letters, or the account in their middle."""
    packed = "".join(text.split()).upper()
    return [iban for iban in ibans if iban in packed or iban[4:-4] in packed]


def unzipped(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


async def events(world: World) -> list[Any]:
    rows: list[Any] = await world.pool.fetch(
        "SELECT type, actor_id, resource_version, data::text FROM events"
        " WHERE territory = $1 AND resource_type = 'bank_details' ORDER BY sequence",
        world.territory,
    )
    return rows


@contextmanager
def everything_logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.BytesIO]:
    """What the process would write to its log, at the most talkative level."""
    written = io.BytesIO()
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    with io.TextIOWrapper(written, encoding="utf-8", write_through=True) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logs.configure("debug")
        monkeypatch.setattr(shell, "log", structlog.get_logger("rebond"))
        root.setLevel(logging.DEBUG)
        monkeypatch.setattr(logging.getLogger("httpx2"), "disabled", True)  # the client's: it tells addresses
        try:
            yield written
        finally:
            root.handlers[:], root.level = handlers, level
            structlog.configure(**configured)


async def test_the_number_is_in_no_answer_event_log_export_or_stored_reply(
    world: World, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ibans = [iban_from(number) for number in range(40_000_001, 40_000_006)]
    answers: list[str] = []

    def note(response: httpx2.Response) -> httpx2.Response:
        answers.append(f"{response.headers} {response.text}")
        return response

    with everything_logged(monkeypatch) as log:
        siren = await world.followed_firm()
        collection = f"firms/{siren}/bank-details"
        staff, clerk = world.clients["territory"], world.treasurer

        async def sent(body: Any, **more: Any) -> httpx2.Response:
            return note(await staff.post(collection, body, headers=key(), **more))

        for iban in ibans:
            once = key()
            body = {"iban": spaced(iban).lower(), "holder_name": GARAGE}
            assert (await sent(body, params={"dry_run": "true"})).status_code == 200
            made = note(await staff.post(collection, body, headers=once))
            replayed = note(await staff.post(collection, body, headers=once))
            assert replayed.headers["idempotency-replayed"] == "true"
            problem(note(await staff.post(collection, {**body, "holder_name": "X"}, headers=once)), 422,
                    "idempotency-key-reused")  # fmt: skip
            path = f"{collection}/{ok(made, 201)['id']}"
            problem(await sent(body), 409, "bank-details-already-proposed")
            bad: list[Any] = [
                {**body, "iban": f"{iban}9"},
                {**body, "holder_name": iban},
                {"iban": [iban]},
                iban,
                [iban],
            ]
            bad += [{"iban": {"iban": iban}}, [iban], {**body, "bic": iban}, {"holder_name": iban}]
            for refused in bad:
                assert (await sent(refused)).status_code == 422
            for raw in (f'{{"iban": "{iban}', f'{{"iban": "{iban}", "iban": "{iban}"}}', f"iban={iban}"):
                answer = note(await staff.request("POST", collection, content=raw,
                                                  headers={"Content-Type": "application/json"}))  # fmt: skip
                assert answer.status_code in (400, 422)
            for filtered in (f"status={iban}", f"siren={iban}", f"iban={iban}", f"cursor={iban}", f"sort={iban}"):
                answer = await clerk.get(f"bank-details?{filtered}")
                assert answer.status_code == 422
                assert leaks(answer.text.replace(answer.json()["instance"], ""), ibans) == []
            verb = "refuse" if iban == ibans[0] else "approve"
            ok(note(await act(clerk, path, verb)))
            note(await act(clerk, path, "approve"))
            assert ok(await clerk.get(f"{path}/iban"))["iban"] == iban
        for form in ("json", "ndjson", "csv", "csv-fr"):
            note(await world.auditor.get(f"{collection}?format={form}"))
            note(await world.auditor.get(f"bank-details?format={form}"))
        answers.append(unzipped((await world.auditor.get("bank-details?format=xlsx")).content))
        note(await world.auditor.get(f"/v1/events?territory={world.territory}&limit=500"))
        note(await world.treasurer.get("/v1/me/to-do"))
        note(await world.auditor.get(f"firms/{siren}"))
        note(await world.auditor.get(f"/v1/firms/{siren}"))
        # A fault of ours: what Python lets through, the database refuses, and the log tells it.
        with monkeypatch.context() as fault:
            fault.setattr(values, "is_iban", lambda _text: True)
            wrong = ibans[0][:-2] + "00"
            problem(await sent({"iban": wrong, "holder_name": GARAGE}), 500, "internal-error")
        written = log.getvalue().decode()
    assert '"event":"unexpected_error"' in written
    assert "firm_iban" in written
    numbers = [*ibans, wrong]
    assert [leaks(answer, numbers) for answer in answers if leaks(answer, numbers)] == []
    assert [line for line in written.splitlines() if leaks(line, numbers)] == []
    engine = create_engine(database_url, pool_size=1)
    try:
        await export.write(engine, world.territory, tmp_path / "out")
    finally:
        await engine.dispose()
    assert {
        file.name: found for file in (tmp_path / "out").iterdir() if (found := leaks(file.read_text(), numbers))
    } == {}
    assert (tmp_path / "out" / "firm_bank_details.csv").read_text().count("••••") == len(ibans)
    tables = [row["tablename"] for row in await world.pool.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]  # fmt: skip
    holding = set()
    for table in tables:
        for iban in numbers:
            looked_for = f"SELECT count(*) FROM {table} AS whole WHERE upper(whole::text) LIKE '%' || $1 || '%'"
            if await world.pool.fetchval(looked_for, iban[4:-4]):
                holding.add(table)
    assert holding == {"firm_ibans"}
    running = await world.pool.fetch("SELECT query FROM pg_stat_activity")
    assert leaks(" ".join(row["query"] or "" for row in running), numbers) == []


# --- the database is the last line -----------------------------------------------------------------------------------

APPROVED = "SET status = 'approved', decided_at = now(), decided_by ="
ATTACKS = {
    "bank_details_own_approval": f"UPDATE firm_bank_details {APPROVED} proposed_by WHERE id = $1",
    "bank_details_status": """
        INSERT INTO firm_bank_details (territory, siren, iban_id, iban_masked, holder_name, status, proposed_by,
            ended_at, created_at, updated_at)
        SELECT territory, siren, iban_id, iban_masked, holder_name, 'lost', proposed_by, now(), created_at, updated_at
        FROM firm_bank_details WHERE id = $1""",
    "bank_details_decider_kind": "UPDATE firm_bank_details SET decider_kind = 'service_account' WHERE id = $1",
    "bank_details_holder_name": """
        INSERT INTO firm_bank_details (territory, siren, iban_id, iban_masked, holder_name, proposed_by, created_at,
            updated_at)
        SELECT territory, siren, iban_id, iban_masked, '', proposed_by, created_at, updated_at
        FROM firm_bank_details WHERE id = $1""",
    "bank_details_decision": "UPDATE firm_bank_details SET status = 'approved' WHERE id = $1",
    "bank_details_end_reason":
        "UPDATE firm_bank_details SET status = 'withdrawn', ended_at = now() WHERE id = $1",
    "bank_details_end": "UPDATE firm_bank_details SET status = 'withdrawn', end_reason = 'No.' WHERE id = $1",
    "bank_details_transition: superseded":
        "UPDATE firm_bank_details SET status = 'superseded', ended_at = now() WHERE id = $1",
    "bank_details_transition: deleted": "DELETE FROM firm_bank_details WHERE id = $1",
    "bank_details_transition: holder": "UPDATE firm_bank_details SET holder_name = 'X' WHERE id = $1",
    "bank_details_transition: mask": "UPDATE firm_bank_details SET iban_masked = 'FR14 •••• 0606' WHERE id = $1",
    "bank_details_mask_of_their_iban": """
        INSERT INTO firm_bank_details (territory, siren, iban_id, iban_masked, holder_name, status, proposed_by,
            end_reason, ended_at, created_at, updated_at)
        SELECT territory, siren, iban_id, 'FR14 •••• 0606', holder_name, 'withdrawn', proposed_by, 'No.', now(),
            created_at, updated_at FROM firm_bank_details WHERE id = $1""",
    "bank_details_already_proposed": """
        INSERT INTO firm_bank_details (territory, siren, iban_id, iban_masked, holder_name, proposed_by, created_at,
            updated_at)
        SELECT territory, siren, iban_id, iban_masked, holder_name, proposed_by, created_at, updated_at
        FROM firm_bank_details WHERE id = $1""",
    "firm_iban": "INSERT INTO firm_ibans (iban) SELECT 'FR1420041010050500013M02607' WHERE $1::uuid IS NOT NULL",
    "firm_ibans_append_only: changed": "UPDATE firm_ibans SET iban = 'X' WHERE $1::uuid IS NOT NULL",
    "firm_ibans_append_only: deleted": "DELETE FROM firm_ibans WHERE $1::uuid IS NOT NULL",
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
async def test_the_database_refuses_what_nobody_may_do(world: World, attack: str) -> None:
    path = await propose(world, await world.followed_firm())
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await world.pool.execute(ATTACKS[attack], path.rpartition("/")[2])
    assert refused.value.constraint_name == attack.partition(":")[0]


async def test_the_database_holds_one_approved_account_a_firm_and_only_a_person_approves(world: World) -> None:
    siren = await world.followed_firm()
    ok(await act(world.treasurer, await propose(world, siren, 1), "approve"))
    proposed = (await propose(world, siren, 2)).rpartition("/")[2]
    statement = f"UPDATE firm_bank_details {APPROVED} $2 WHERE id = $1"
    with pytest.raises(asyncpg.UniqueViolationError) as twice:
        await world.pool.execute(statement, proposed, world.subjects["treasurer"])
    assert twice.value.constraint_name == "firm_bank_details_approved_idx"
    async with world.pool.acquire() as connection:
        await world.add_subject(connection, "program", "office", "treasurer", kind="service_account")
    refusal = "UPDATE firm_bank_details SET status = 'refused', end_reason = 'No.', ended_at = now(),"
    with pytest.raises(asyncpg.ForeignKeyViolationError) as program:
        await world.pool.execute(
            f"{refusal} decided_at = now(), decided_by = $2 WHERE id = $1", proposed, world.subjects["program"]
        )
    assert program.value.constraint_name == "bank_details_decided_by_a_person"
