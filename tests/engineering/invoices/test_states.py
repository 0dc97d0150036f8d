"""What becomes of an invoice: states, the delay to pay, what lateness costs, files of Chorus Pro, and random lives."""

import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from app.core import clock
from app.engineering.invoices.rules import NEED_REASON
from tests.engineering.invoices.acts import act, ago, backdate, cancelled, certified, figures, invoice
from tests.integrations.imports.files import carry_out, csv_file
from tests.lives import FRESH, seed_of
from tests.missions.frameworks.acts import a_framework, a_parameter
from tests.missions.frameworks.acts import figures as of_framework
from tests.world import Mission, World, ok, problem

OF_CHORUS = ("deposit", "make_available", "suspend", "complete", "reject", "order_payment", "pay")
RATES = "/v1/refinancing-rates"
IMPORT = "imports?kind=invoice_statuses"
HEADER = "Numéro de facture;Statut;Date du statut;Motif"


async def of_2023(world: World, mission: Mission, **more: Any) -> dict[str, Any]:
    """An invoice of 5 July 2023 on a certificate of the day before."""
    certificate = await certified(world, mission, "2023-07-03", to_on="2023-07-04")
    await backdate(world, "service_certificates", certificate["id"], date(2023, 7, 4))
    made: dict[str, Any] = ok(await invoice(world.consultant, certificate, issued_on="2023-07-05", **more), 201)
    assert made["service_on"] == "2023-07-04"
    return made


def late(shown: dict[str, Any]) -> tuple[Any, ...]:
    names = ("due_on", "late", "days_late", "late_rate_bp", "late_interest_cents", "recovery_fee_cents")
    return tuple(shown[name] for name in names)


async def test_a_late_payment_costs_interest_and_forty_euros(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    made = await of_2023(world, mission)
    ok(await act(world.consultant, made["id"], "deposit", on="2023-07-06"))
    at = ok(await act(world.operator, made["id"], "make_available", on="2023-07-10"))
    assert (at["received_on"], at["due_on"]) == ("2023-07-10", "2023-08-09")
    assert (at["late"], at["days_late"]) == (True, (clock.today() - date(2023, 8, 9)).days)
    kinds = {item["kind"]: item for item in ok(await world.consultant.get("engineering/to-do"))["items"]}
    assert (kinds["invoices_late"]["count"], kinds["invoices_late"]["oldest_on"]) == (1, "2023-08-09")
    assert [each["id"] for each in ok(await world.consultant.get(kinds["invoices_late"]["link"]))["items"]] == [
        made["id"]
    ]
    kinds = {item["kind"]: item for item in ok(await world.operator.get("engineering/to-do"))["items"]}
    assert kinds["invoices_to_pay_late"]["count"] == 1
    paid = ok(await act(world.operator, made["id"], "pay", on="2023-08-19"))
    # 600.00 € for 10 days at 4 % of July 2023 and 8 points: 1.9726 €
    assert late(paid) == ("2023-08-09", True, 10, 1200, 197, 4000)
    in_time = ok(await act(world.operator, made["id"], "reverse", reason="It was on the last day."))
    assert in_time["paid_on"] is None
    in_time = ok(await act(world.operator, made["id"], "pay", on="2023-08-09"))
    assert late(in_time) == ("2023-08-09", False, 0, None, 0, 0)
    assert await world.differences(app.state["engine"]) == []


async def test_what_is_wholly_credited_is_not_late(world: World) -> None:
    mission = await world.mission(days=20)
    made = await of_2023(world, mission)
    ok(await act(world.consultant, made["id"], "make_available", on="2023-07-10"))
    counter = await cancelled(world, made["certificates"][0])
    note = ok(await invoice(world.consultant, counter), 201)

    async def waits() -> tuple[Any, ...]:
        shown = ok(await world.consultant.get(f"invoices/{made['id']}"))
        late_ones = ok(await world.consultant.get("invoices?overdue=true"))["items"]
        kinds = {item["kind"] for item in ok(await world.consultant.get("engineering/to-do"))["items"]}
        return shown["late"], shown["recovery_fee_cents"], len(late_ones), "invoices_late" in kinds

    assert await waits() == (False, 0, 0, False)
    ok(await act(world.consultant, note["id"], "cancel", reason="Wrong."))
    assert await waits() == (True, 4000, 1, True)


async def test_a_suspension_stops_the_delay_and_the_framework_says_how_long_it_is(world: World) -> None:
    framework = await a_framework(world)
    for name, value in (("payment_days", 45), ("late_margin_bp", 1000), ("recovery_fee_cents", 5000)):
        await a_parameter(world, framework, name=name, value=value)
    mission = await world.mission(days=20, framework=framework)
    made = await of_2023(world, mission)
    ok(await act(world.consultant, made["id"], "make_available", on="2023-07-10"))
    held = ok(await act(world.operator, made["id"], "suspend", on="2023-07-20", reason="The service is missing."))
    assert (held["state"], held["reason"], held["due_on"], held["late"]) == (
        "suspended", "The service is missing.", None, False,
    )  # fmt: skip
    [waits] = [
        item for item in ok(await world.consultant.get("engineering/to-do"))["items"]
        if item["kind"] == "invoices_suspended"
    ]  # fmt: skip
    assert (waits["count"], waits["oldest_on"]) == (1, "2023-07-20")
    problem(await act(world.consultant, made["id"], "complete", on="2023-07-19"), 409, "invoice-act-out-of-order")
    again = ok(await act(world.consultant, made["id"], "complete", on="2023-08-01"))
    assert (again["due_on"], again["late_rate_bp"]) == ("2023-09-05", 1400)  # 35 days were left of 45
    paid = ok(await act(world.operator, made["id"], "pay", on="2023-09-06"))
    assert late(paid) == ("2023-09-05", True, 1, 1400, 23, 5000)


async def test_the_rate_of_a_half_year_is_recorded_and_corrected(world: World) -> None:
    """Those of before come with the service; late interest that begins to run in a new half-year waits for its rate."""
    shipped = ok(await world.consultant.get(f"{RATES}?sort=from_on&from_to=2026-06-30"))["items"]
    assert [(row["from_on"], row["rate_bp"], row["recorded_by"]) for row in shipped] == [
        ("2023-01-01", 250, None), ("2023-07-01", 400, None), ("2024-01-01", 450, None), ("2024-07-01", 425, None),
        ("2025-01-01", 315, None), ("2025-07-01", 215, None), ("2026-01-01", 215, None),
    ]  # fmt: skip
    assert all(row["source"].startswith("BCE") for row in shipped)
    made = await of_2023(world, await world.mission(days=20))
    ok(await act(world.consultant, made["id"], "make_available", on=ago(40)))  # late for ten days
    begins_on = clock.today() - timedelta(days=9)
    half_year = begins_on.replace(month=1 if begins_on.month < 7 else 7, day=1).isoformat()
    path = f"invoices/{made['id']}"
    assert late(ok(await world.consultant.get(path)))[1:] == (True, 10, None, None, 4000)
    body = {"from_on": half_year, "rate_bp": 50, "source": "BCE"}
    refused = problem(
        await world.programme.post(RATES, body | {"from_on": half_year[:-1] + "2"}), 422, "validation-failed"
    )
    assert [error["code"] for error in refused["errors"]] == ["not_a_half_year"]
    problem(await world.operator.post(RATES, body), 403, "forbidden")
    first = ok(await world.programme.post(RATES, body), 201)
    # 600.00 € for 10 days at 8.5 % and, corrected, at 8.65 %
    assert late(ok(await world.consultant.get(path)))[2:5] == (10, 850, 140)
    second = ok(await world.programme.post(RATES, body | {"rate_bp": 65}), 201)
    assert late(ok(await world.consultant.get(path)))[2:5] == (10, 865, 142)
    of_it = f"{RATES}?from_from={half_year}&from_to={half_year}"
    kept = ok(await world.auditor.get(of_it))["items"]
    assert [(row["id"], row["rate_bp"], row["corrected"]) for row in kept] == [
        (first["id"], 50, True), (second["id"], 65, False)]  # fmt: skip
    [counts] = ok(await world.auditor.get(f"{of_it}&corrected=false"))["items"]
    assert counts == ok(await world.consultant.get(f"{RATES}/{second['id']}"))


async def test_a_file_of_chorus_pro_records_what_it_says_once(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    made = await of_2023(world, mission, number="FA-2023-0071")
    lines = [
        "fa 2023 0071;Mise à disposition du destinataire;10/07/2023;",
        "FA-2023-0071;Déposée;06/07/2023;",
        "FA-2023-0071;Suspendue;20/07/2023;Code service absent",
        "FA-2023-0071;Service fait;21/07/2023;",
    ]

    def counts(ended: dict[str, Any]) -> tuple[Any, ...]:
        return ended["status"], ended["rows_updated"], ended["rows_unchanged"]

    assert counts(await carry_out(world.consultant, IMPORT, csv_file(HEADER, *lines))) == ("succeeded", 3, 1)
    shown = ok(await world.consultant.get(f"invoices/{made['id']}"))
    assert (shown["state"], shown["reason"], shown["received_on"]) == (
        "suspended", "Code service absent", "2023-07-10",
    )  # fmt: skip
    assert counts(await carry_out(world.consultant, IMPORT, csv_file(HEADER, *lines))) == ("succeeded", 0, 4)
    more = [*lines, "FA-2023-0071;Complétée;25/07/2023;", "FA-2023-0071;Mandatée;01/08/2023;",
            "FA-2023-0071;Mise en paiement;03/08/2023;"]  # fmt: skip
    assert counts(await carry_out(world.consultant, IMPORT, csv_file(HEADER, *more))) == ("succeeded", 3, 4)
    assert ok(await world.consultant.get(f"invoices/{made['id']}"))["paid_on"] == "2023-08-03"
    for line, column, code in (
        ("FA-9;Déposée;06/07/2023;", "number", "invoice_unknown"),
        ("FA-2023-0071;Rejetée;06/08/2023;", "reason", "invoice_line_reason"),
        ("FA-2023-0071;Suspendue;06/08/2023;Trop tard", "", "invoice-transition"),
    ):
        ended = await carry_out(world.consultant, IMPORT, csv_file(HEADER, line))
        assert (ended["status"], [each[1:3] for each in ended["problems"]]) == ("refused", [(column, code)])
    ended = await carry_out(world.lead, IMPORT, csv_file(HEADER, lines[0]))
    assert ended["status"] == "refused"  # another firm's invoice
    assert await world.differences(app.state["engine"]) == []


async def test_a_file_does_not_end_an_invoice_under_its_credit_note(app: Any, world: World) -> None:
    made = await of_2023(world, await world.mission(days=20), number="FA-1")
    ok(await act(world.consultant, made["id"], "deposit", on="2023-07-06"))
    note = ok(await invoice(world.consultant, await cancelled(world, made["certificates"][0])), 201)
    lines = ["FA-1;Rejetée;10/07/2023;Code service absent"]
    ended = await carry_out(world.consultant, IMPORT, csv_file(HEADER, *lines))
    assert (ended["status"], [each[2] for each in ended["problems"]]) == ("refused", ["invoice-credited"])
    assert ok(await world.consultant.get(f"invoices/{made['id']}"))["state"] == "deposited"
    ok(await act(world.consultant, note["id"], "cancel", reason="The payer rejects the invoice."))
    assert (await carry_out(world.consultant, IMPORT, csv_file(HEADER, *lines)))["status"] == "succeeded"
    assert await world.differences(app.state["engine"]) == []


async def test_the_follow_up_and_the_framework_say_what_is_invoiced(world: World) -> None:
    framework = await a_framework(world)
    mission = await world.mission(days=20, framework=framework)
    first = await certified(world, mission, "2023-07-03", 1)
    await certified(world, mission, "2023-07-03", 0.5, of="lead")
    made = ok(await invoice(world.consultant, first), 201)

    async def told(client: Any) -> Any:
        return ok(await client.get("engineering"))["invoices"]

    for client, issued, to_invoice in ((world.auditor, 1, 0.5), (world.consultant, 1, 0), (world.lead, 0, 0.5)):
        seen = await told(client)
        assert (seen["issued"], seen["days_invoiced"], seen["days_to_invoice"]) == (issued, issued, to_invoice)
    assert await told(world.clients["territory"]) is None
    today = clock.today().isoformat()
    for day in (None, today):
        seen = await of_framework(world, framework, day)
        assert (seen["certified_cents"], seen["invoiced_cents"], seen["days_invoiced"]) == (150_000, 100_000, 1)
        [place], members = seen["by_territory"], seen["by_member"]
        assert (place["invoiced_cents"], place["days_invoiced"]) == (100_000, 1)
        assert sum(each["invoiced_cents"] for each in members) == 100_000
    assert (await of_framework(world, framework, ago(1)))["invoiced_cents"] == 0
    ok(await act(world.consultant, made["id"], "deposit"))
    ok(await act(world.operator, made["id"], "reject", reason="Wrong service."))
    for day in (None, today):
        assert (await of_framework(world, framework, day))["invoiced_cents"] == 0
    assert (await told(world.auditor))["rejected"] == 1
    ok(await act(world.operator, made["id"], "reverse", reason="It was right."))
    assert (await of_framework(world, framework, today))["invoiced_cents"] == 100_000


@pytest.mark.parametrize("given", [1, 2, FRESH])
async def test_random_lives_of_certificates_and_invoices_sum_up(app: Any, world: World, given: int | str) -> None:
    """Days certified and cancelled, invoices and credit notes made, followed, ended and taken back."""
    seed = seed_of(given)
    chance = random.Random(seed)
    mission = await world.mission(days=100)
    await world.rates(mission, day_rate_cents=chance.choice([100_000, 99_999]))
    days = iter([f"2023-{month:02}-{day:02}" for month in (6, 7, 8) for day in range(15, 29)])
    answered: Counter[int] = Counter()

    async def some(path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ok(await world.consultant.get(path))["items"]
        return found

    async def step() -> None:
        kind = chance.choice(["certify", "cancel", "invoice", "invoice", "follow", "follow", "follow", "credit"])
        if kind == "certify":
            await certified(world, mission, next(days), chance.choice([0.25, 0.5, 1]))
            return
        if kind == "cancel":
            standing = [
                c for c in await some("service-certificates") if not c["cancels_id"] and not c["cancelled_by_id"]
            ]
            if standing:
                await cancelled(world, chance.choice(standing))
            return
        if kind in ("invoice", "credit"):
            waiting = await some("service-certificates?to_invoice=true")
            chosen = [c for c in waiting if (c["cancels_id"] is not None) == (kind == "credit")]
            if chosen:
                part = chance.sample(chosen, chance.randint(1, min(3, len(chosen))))
                answered[(await invoice(world.consultant, *part)).status_code] += 1
            return
        known = await some("invoices")
        if known:
            verb = chance.choice([*OF_CHORUS, "cancel", "reverse"])
            why = {"reason": "By chance."} if verb in NEED_REASON else {}
            client = world.consultant if verb == "cancel" else world.operator
            answer = await act(client, chance.choice(known)["id"], verb, **why)
            answered[answer.status_code] += 1

    for _ in range(30):
        await step()
        certified_cents, invoiced, to_invoice = await figures(world, mission)
        assert certified_cents == invoiced + to_invoice, seed
    assert set(answered) <= {200, 201, 409, 422}, (seed, answered)
    certificates, invoices = await some("service-certificates?limit=500"), await some("invoices?stands=true&limit=500")
    on_invoices = Counter(each["id"] for one in invoices for each in one["certificates"])
    assert set(on_invoices.values()) <= {1}, seed
    assert await figures(world, mission) == (
        sum(each["amount_excl_vat_cents"] for each in certificates),
        sum(each["amount_excl_vat_cents"] for each in invoices),
        sum(each["amount_excl_vat_cents"] for each in certificates if each["id"] not in on_invoices),
    ), seed
    assert await world.differences(app.state["engine"]) == [], seed
