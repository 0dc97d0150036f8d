"""Accounts of organisations: the mechanism of firms' bank details (tests/firms/test_bank_details), for who pays."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from app.core.values import iban_from
from tests.contract.cures import seen, subject, word
from tests.firms.test_bank_details import leaks, mask, spaced, unzipped
from tests.world import Client, World, ok, problem


def accounts(world: World, organisation: str = "office") -> str:
    return f"/v1/organisations/{world.organisations[organisation]}/bank-accounts"


def body_of(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"label": word("label"), "iban": spaced(iban_from(number)), "from_on": "2026-12-01", **more}


async def act(client: Client, path: str, verb: str) -> Any:
    body = None if verb == "approve" else {"reason": "Closed."}
    return await client.post(f"{path}/{verb}", body, headers=await seen(client, path))


async def test_an_account_counts_once_another_treasurer_of_the_organisation_has_approved_it(world: World) -> None:
    path, body = accounts(world), body_of(creditor_identifier="fr72 zzz 123456")
    made = await world.treasurer.post(path, body)
    told = ok(made, 201)
    one = f"{path}/{told['id']}"
    assert made.headers["location"] == one
    assert (told["iban"], told["creditor_identifier"], told["status"]) == (
        mask(iban_from(1)),
        "FR72ZZZ123456",
        "proposed",
    )
    assert told["organisation_name"] == f"office of {world.territory}"
    for verb in ("approve", "refuse"):
        problem(await act(world.treasurer, one, verb), 403, "bank-details-own-approval")
    second = await subject(world, "treasurer")
    told = ok(await act(second, one, "approve"))
    assert (told["status"], told["ended_at"]) == ("approved", None)
    problem(await act(second, one, "refuse"), 409, "bank-details-transition")
    # Another of the same label takes its place; another label stands beside it.
    beside = f"{path}/{ok(await world.treasurer.post(path, body_of(2)), 201)['id']}"
    ok(await act(second, beside, "approve"))
    after = f"{path}/{ok(await world.treasurer.post(path, body_of(3, label=body['label'])), 201)['id']}"
    assert ok(await second.get(one))["status"] == "approved", "a proposal moves nothing"
    ok(await act(second, after, "approve"))
    states = [ok(await second.get(each))["status"] for each in (one, beside, after)]
    assert states == ["superseded", "approved", "approved"]
    assert ok(await act(world.treasurer, beside, "withdraw"))["status"] == "withdrawn"
    [only] = ok(await second.get(f"{path}?status=approved&label={body['label']}"))["items"]
    assert only["iban"] == mask(iban_from(3))


async def test_of_one_label_one_account_is_proposed_whoever_asks_at_once(world: World) -> None:
    path, label = accounts(world), word("label")
    answers = await asyncio.gather(*(world.treasurer.post(path, body_of(n, label=label)) for n in range(1, 6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
    one = next(answer.headers["location"] for answer in answers if answer.status_code == 201)
    rivals = [await subject(world, "treasurer") for _ in range(2)]
    acts = [each.post(f"{one}/{verb}", reason, headers={"If-Match": "*"})
            for each in rivals for verb, reason in (("approve", None), ("refuse", {"reason": "No."}))]  # fmt: skip
    assert sorted(answer.status_code for answer in await asyncio.gather(*acts)) == [200, 409, 409, 409]


async def test_who_belongs_to_another_organisation_sees_no_account_of_this_one(world: World) -> None:
    path = accounts(world)
    one = f"{path}/{await world.bank_account()}"
    stranger = await subject(world, "treasurer", home="partner")
    for address in (path, one, f"{one}/iban", accounts(world, "lead")):
        problem(await stranger.get(address), 404, "not-found")
    problem(await stranger.post(path, body_of()), 404, "not-found")
    problem(await stranger.post(f"{one}/approve", headers={"If-Match": "*"}), 404, "not-found")
    everywhere = word()
    async with world.pool.acquire() as connection:
        national = await world.add_subject(connection, everywhere, "partner", "treasurer", territory=None)
    assert mask("")[2:6] in ok(await national.get(one))["iban"]
    problem(await national.get(f"{one}/iban"), 404, "not-found")
    assert problem(await national.post(path, body_of()), 403, "forbidden")["permission"] == "bank_accounts:propose"
    problem(await national.post(f"{one}/approve", headers={"If-Match": "*"}), 403, "forbidden")
    ok(await national.post(accounts(world, "partner"), body_of()), 201)
    problem(await world.auditor.get("/v1/organisations/019a9f5e-0000-7000-8000-000000000000/bank-accounts"), 404,
            "not-found")  # fmt: skip


async def test_the_number_is_told_at_its_own_address_alone(world: World) -> None:
    path, number = accounts(world), 40_000_777
    one = f"{path}/{await world.bank_account(number=number)}"
    answer = await world.treasurer.get(f"{one}/iban")
    assert ok(answer)["iban"] == iban_from(number)
    assert answer.headers["cache-control"] == "no-store"
    problem(await world.auditor.get(f"{one}/iban"), 404, "not-found")
    for form in ("json", "ndjson", "csv", "csv-fr", "xlsx"):
        listed = await world.auditor.get(f"{path}?format={form}")
        text = unzipped(listed.content) if form == "xlsx" else listed.text
        assert mask(iban_from(number)) in text
        assert leaks(text, [iban_from(number)]) == []
    rows = await world.pool.fetch(
        "SELECT type, territory, data::text FROM events WHERE resource_id = $1 ORDER BY sequence",
        one.rpartition("/")[2],
    )
    assert [(row["type"], row["territory"]) for row in rows] == [
        ("bank_account.proposed", None), ("bank_account.iban_read", None),
    ]  # fmt: skip
    assert all(json.loads(row["data"])["iban"] == mask(iban_from(number)) for row in rows)
    problem(await world.treasurer.post(path, body_of(label=iban_from(5))), 422, "validation-failed")


ATTACKS = {
    "bank_details_own_approval":
        "SET status = 'approved', decided_at = now(), decided_by = proposed_by",
    "bank_details_decision": "SET status = 'approved'",
    "bank_details_end_reason": "SET status = 'withdrawn', ended_at = now()",
    "bank_details_transition: account": "SET from_on = '2020-01-02'",
    "bank_details_transition: label": "SET label = 'X'",
    "bank_details_transition: number": "SET iban_id = uuidv7()",
    "bank_details_transition: deleted": None,
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
async def test_the_database_holds_an_account_to_what_was_proposed(world: World, attack: str) -> None:
    account, change = await world.bank_account(), ATTACKS[attack]
    table = "organisation_bank_accounts"
    statement = f"UPDATE {table} {change} WHERE id = $1" if change else f"DELETE FROM {table} WHERE id = $1"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await world.pool.execute(statement, account)
    assert refused.value.constraint_name == attack.partition(":")[0]
