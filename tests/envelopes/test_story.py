"""The money of a territory, from the contribution to the last repayment, through HTTP alone."""

from typing import Any
from uuid import uuid4

from tests.world import World, ok, problem


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


async def contribute(world: World, organisation: str, cents: int, **more: Any) -> Any:
    body = {
        "organisation_id": str(world.organisations[organisation]),
        "amount_cents": cents,
        "decided_on": "2023-06-14",
        "reference": f"REF-{uuid4()}",
        **more,
    }
    return ok(await world.programme.post("envelope/contributions", body, headers=key()), 201)


async def test_an_euro_is_followed_from_contribution_to_repayment(world: World) -> None:
    await contribute(world, "office", 100_000_00)
    await contribute(world, "lead", 50_000_00, repayment_policy="recycle")
    firm = await world.followed_firm()
    award = {
        "siren": firm,
        "project_title": "Atelier",
        "amount_cents": 60_000_00,
        "decided_on": "2023-10-03",
        "decision_reference": "D-1",
    }
    grant = ok(await world.funder.post("grants", award, headers=key()), 201)
    envelope = ok(await world.auditor.get("envelope"))
    assert envelope["contributed_cents"] == 150_000_00
    assert envelope["available_cents"] == 90_000_00
    assert envelope["committed_cents"] == 60_000_00
    assert {c["committed_cents"] for c in envelope["by_contributor"]} == {40_000_00, 20_000_00}

    payment = {"amount_cents": 20_000_01, "paid_on": "2023-11-15", "kind": "advance_payment", "reference": "VIR-1"}
    ok(await world.treasurer.post(f"grants/{grant['id']}/payments", payment, headers=key()), 201)
    too_much = {**payment, "amount_cents": 40_000_00, "reference": "VIR-2"}
    refused = await world.treasurer.post(f"grants/{grant['id']}/payments", too_much, headers=key())
    assert problem(refused, 409, "payments-exceed-award")["remaining_cents"] == 39_999_99
    read = await world.funder.get(f"grants/{grant['id']}")
    release = await world.funder.post(
        f"grants/{grant['id']}/release", {"reason": "Cheaper.", "released_on": "2023-11-20"},
        headers={"If-Match": read.headers["etag"]},
    )  # fmt: skip
    assert ok(release)["status"] == "closed"
    envelope = ok(await world.auditor.get("envelope"))
    assert (envelope["released_cents"], envelope["committed_cents"], envelope["paid_cents"]) == (
        39_999_99,
        0,
        20_000_01,
    )

    terms = {"instalments": 12, "frequency": "quarterly", "due_dates": "period_end", "first_due_on": "2024-03-31"}
    loan = {**award, "amount_cents": 100_000_00, "decision_reference": "D-2", "terms": terms}
    loan["decided_on"] = "2023-11-24"
    advance = ok(await world.funder.post("advances", loan, headers=key()), 201)
    address = f"advances/{advance['id']}"
    ok(
        await world.treasurer.post(
            f"{address}/tranches", {"amount_cents": 100_000_00, "paid_on": "2023-12-01"}, headers=key()
        ),
        201,
    )
    schedule = ok(await world.funder.get(f"{address}/schedule"))
    assert [line["principal_cents"] for line in schedule["lines"]] == [8_333_33] * 11 + [8_333_37]
    repayment = {"amount_cents": 8_333_33, "received_on": "2024-04-02", "reference": "PRLV-1"}
    ok(await world.treasurer.post(f"{address}/repayments", repayment, headers=key()), 201)
    statement = ok(await world.funder.get(f"{address}/statement?as_of=2024-07-01"))
    assert (statement["due_cents"], statement["repaid_cents"], statement["late_cents"]) == (
        16_666_66,
        8_333_33,
        8_333_33,
    )
    assert statement["outstanding_cents"] == 91_666_67
    envelope = ok(await world.auditor.get("envelope"))
    assert envelope["repaid_cents"] == 8_333_33
    assert 0 < envelope["recycled_cents"] < 8_333_33
    assert (
        envelope["contributed_cents"] + envelope["recycled_cents"]
        == envelope["available_cents"] + envelope["committed_cents"] + envelope["paid_cents"]
    )
    summary = ok(await world.committee.get("summary"))
    assert summary["outstanding_cents"] == 91_666_67
    whole = ok(await world.committee.get("/v1/summary"))
    assert whole["territories"] == 1
    assert ok(await world.auditor.get("/v1/summary?as_of=2023-10-03"))["territories"] >= 1
    ok(await world.auditor.get("envelope/entries?sort=-effective_on&count=exact"))
