"""Invoices: made from certificates once, sealed, credited by their opposite, freed by a rejection or a cancellation."""

import asyncio
import hashlib
import json
from typing import Any

from app.engineering.invoices.schemas import Invoice
from tests.engineering.invoices.acts import act, ago, cancelled, certified, figures, invoice
from tests.world import World, ok, problem


async def clean(app: Any, world: World) -> None:
    assert await world.differences(app.state["engine"]) == []


async def test_an_invoice_has_the_lines_of_its_certificates_and_vat_on_their_sum(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    await world.rates(mission, day_rate_cents=99_999)
    first = await certified(world, mission, "2023-07-03", 0.25)
    second = await certified(world, mission, "2023-07-04", 0.25)
    # 249.9975 € → 250.00 each; VAT on 500.00 €
    assert await figures(world, mission) == (50_000, 0, 50_000)
    listed = ok(await world.consultant.get("service-certificates?to_invoice=true&count=exact"))
    assert listed["total"] == 2
    answer = await invoice(world.consultant, second, first, number="FA-2023/0071")
    made = ok(answer, 201)
    assert answer.headers["location"].endswith(f"/invoices/{made['id']}")
    assert (made["kind"], made["state"], made["number"]) == ("invoice", "issued", "FA-2023/0071")
    assert [each["number"] for each in made["certificates"]] == [1, 2]
    assert made["lines"] == [
        {"certificate_number": number, "profile": "senior", "days": 0.25, "day_rate_cents": 99_999,
         "amount_excl_vat_cents": 25_000, "vat_rate_bp": 2000}
        for number in (1, 2)
    ]  # fmt: skip
    assert made["vat"] == [{"rate_bp": 2000, "taxable_cents": 50_000, "vat_cents": 10_000}]
    assert [made[name] for name in ("days", "amount_excl_vat_cents", "vat_cents", "total_cents")] == [
        0.5, 50_000, 10_000, 60_000,
    ]  # fmt: skip
    assert (made["due_on"], made["late"], made["late_interest_cents"]) == (None, False, 0)
    siren = await world.pool.fetchval("SELECT siren FROM organisations WHERE id = $1", world.organisations["partner"])
    assert (made["supplier_siren"], made["payer_name"]) == (siren, f"office of {world.territory}")
    content = await world.consultant.get(f"invoices/{made['id']}/content")
    assert hashlib.sha256(content.content.removesuffix(b"\n")).hexdigest() == made["content_hash"]
    assert ok(await world.consultant.get(f"invoices/{made['id']}")) == made
    assert await figures(world, mission) == (50_000, 50_000, 0)
    assert ok(await world.consultant.get("service-certificates?to_invoice=true"))["items"] == []
    problem(await invoice(world.consultant, first), 409, "certificate-already-invoiced")
    await clean(app, world)


async def test_counter_certificates_make_a_credit_note(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    first = await certified(world, mission, "2023-07-03")
    made = ok(await invoice(world.consultant, first), 201)
    counter = await cancelled(world, first)
    assert await figures(world, mission) == (0, 50_000, -50_000)
    [waiting] = ok(await world.consultant.get("service-certificates?to_invoice=true"))["items"]
    assert waiting["id"] == counter["id"]
    again = await world.certify(mission)
    mixed = await invoice(world.consultant, counter, again)
    assert problem(mixed, 422, "validation-failed")["errors"][0]["code"] == "certificate_kinds_differ"
    note = ok(await invoice(world.consultant, counter), 201)
    assert (note["kind"], note["corrects_id"], note["corrects_number"]) == (
        "credit_note", made["id"], made["number"],
    )  # fmt: skip
    assert [note[name] for name in ("days", "amount_excl_vat_cents", "vat_cents", "total_cents")] == [
        -0.5, -50_000, -10_000, -60_000,
    ]  # fmt: skip
    assert await figures(world, mission) == (50_000, 0, 50_000)
    # What is cancelled before it is invoiced comes to nothing, and makes neither.
    other = await cancelled(world, again)
    assert ok(await world.consultant.get("service-certificates?to_invoice=true"))["items"] == []
    problem(await invoice(world.consultant, again), 409, "certificate-cancelled")
    problem(await invoice(world.consultant, other), 409, "certificate-not-invoiced")
    await clean(app, world)


async def test_a_rejection_or_a_cancellation_frees_number_and_certificates(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    first = await certified(world, mission, "2023-07-03")
    number = {"number": "FA 0012/23"}
    made = ok(await invoice(world.consultant, first, **number), 201)
    second = await certified(world, mission, "2023-07-04")
    problem(await invoice(world.consultant, second, number="fa-0012-23"), 409, "invoice-number-taken")
    problem(await act(world.consultant, made["id"], "suspend", reason="Too early."), 409, "invoice-transition")
    ok(await act(world.consultant, made["id"], "cancel", reason="Wrong engagement."))
    assert await figures(world, mission) == (100_000, 0, 100_000)
    again = ok(await invoice(world.consultant, first, **number), 201)
    problem(await act(world.consultant, made["id"], "reverse", reason="It was right."), 409, "invoice-number-taken")
    ok(await act(world.consultant, again["id"], "deposit"))
    problem(await act(world.consultant, again["id"], "cancel", reason="Late."), 409, "invoice-transition")
    rejected = ok(await act(world.operator, again["id"], "reject", reason="Wrong service."))
    assert (rejected["state"], rejected["reason"]) == ("rejected", "Wrong service.")
    third = ok(await invoice(world.consultant, first, second, number="FA 13"), 201)
    problem(
        await act(world.operator, again["id"], "reverse", reason="It was not."), 409, "certificate-already-invoiced"
    )
    ok(await act(world.consultant, third["id"], "cancel", reason="The first one stands."))
    back = ok(await act(world.operator, again["id"], "reverse", reason="It was not."))
    assert (back["state"], back["reason"]) == ("deposited", None)
    assert await figures(world, mission) == (100_000, 50_000, 50_000)
    listed = ok(await world.consultant.get(f"invoices?certificate_id={first['id']}&sort=number"))["items"]
    assert {item["state"] for item in listed} == {"cancelled", "deposited"}
    told = [row["act"] for row in ok(await world.auditor.get(f"invoices/{again['id']}/history"))["items"]]
    assert told == ["deposit", "reject", "reverse"]
    await clean(app, world)


async def test_two_at_once_invoice_a_certificate_once(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    one = await certified(world, mission, "2023-07-03")
    other = await certified(world, mission, "2023-07-04")
    answers = await asyncio.gather(
        *(invoice(world.consultant, *pair) for pair in ((one, other), (other, one), (one,), (other,)))
    )
    assert {answer.status_code for answer in answers} == {201, 409}
    for answer in answers:
        if answer.is_error:
            problem(answer, 409, "certificate-already-invoiced")
    assert (await figures(world, mission))[1:] == (100_000, 0) or len(
        [answer for answer in answers if answer.status_code == 201]
    ) == 1
    await clean(app, world)


async def test_a_partner_sees_its_own_invoices_alone_and_no_event_tells_amounts(world: World) -> None:
    mission = await world.mission(days=20)
    mine = ok(await invoice(world.consultant, await certified(world, mission, "2023-07-03")), 201)
    theirs = await certified(world, mission, "2023-07-03", of="lead")
    problem(await invoice(world.consultant, theirs), 404, "reference-not-found")
    lead = ok(await invoice(world.lead, theirs), 201)
    for client, own, other in ((world.consultant, mine, lead), (world.lead, lead, mine)):
        assert [item["id"] for item in ok(await client.get("invoices"))["items"]] == [own["id"]]
        assert ok(await client.get(f"invoices/{own['id']}/history"))["items"] == []
        for path in ("", "/content", "/history"):
            problem(await client.get(f"invoices/{other['id']}{path}"), 404, "not-found")
        refused = await client.post(f"invoices/{other['id']}/record", {"act": "deposit"}, headers={"If-Match": '"1"'})
        problem(refused, 404, "not-found")
    assert len(ok(await world.auditor.get("invoices"))["items"]) == 2
    for role in ("territory", "funder", "treasurer", "committee"):
        problem(await world.clients[role].get("invoices"), 404, "not-found")
    problem(await invoice(world.operator, theirs), 403, "forbidden")
    [event] = await world.events(mine["id"])
    told = json.loads(event["data"])
    confidential = Invoice.confidential()
    assert {"lines", "vat", "total_cents", "amount_excl_vat_cents", "content_hash"} <= confidential
    assert not confidential & told.keys()
    async with world.pool.acquire() as connection:
        everywhere = await world.add_subject(connection, "everywhere", "partner", "lead", territory=None)

    async def seen_by(reader: Any) -> set[str]:
        feed = ok(await reader.get("/v1/events", params={"resource_type": "invoice", "territory": world.territory}))
        return {each["resource"]["id"] for each in feed["items"]}

    async with asyncio.timeout(60):  # an older transaction, anywhere on the server, holds the feed back until it ends
        while await seen_by(world.auditor) != {mine["id"], lead["id"]}:  # noqa: ASYNC110  # others end it
            await asyncio.sleep(0.01)
    assert await seen_by(world.lead) == {lead["id"]}
    assert await seen_by(everywhere) == {mine["id"]}


async def test_what_an_invoice_is_asked(world: World) -> None:
    mission, elsewhere = await world.mission(days=20), await world.mission(days=20)
    one = await certified(world, mission, "2023-07-03", to_on="2023-07-31")
    other = await certified(world, elsewhere, "2023-07-04")

    async def code(*certificates: Any, status: int = 422, **more: Any) -> str:
        told = problem(await invoice(world.consultant, *certificates, **more), status, "validation-failed")
        return str(told["errors"][0]["code"])

    assert await code(one, one) == "repeated_certificate"
    assert await code(one, other) == "certificates_differ"
    assert await code(one, issued_on="2023-07-30") == "issued_too_early"
    assert await code(one, issued_on=ago(-1)) == "future_day"
    assert await code(one, number="- /") == "invalid_invoice_number"
    assert await code(one, payer_siret="35600000000048") == "other_payer"
    ok(await invoice(world.consultant, one, issued_on="2023-07-31"), 201)
    siren = await world.pool.fetchval(
        "UPDATE organisations SET siren = NULL WHERE id = $1 RETURNING id", world.organisations["partner"]
    )
    assert siren is not None
    problem(await invoice(world.consultant, other), 409, "supplier-siren-missing")
