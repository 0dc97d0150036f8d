"""Conditions over HTTP: each alone on a file that is otherwise ready, until its cure is done, and all at once."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import asyncpg
import pytest

from app.applications.conditions import CONDITIONS, FileStep
from tests.applications import ready as r
from tests.applications.ready import LINES, RECEIVED, SOURCES, ReadyFile, ready
from tests.contract.cures.schemes import parameter, scheme
from tests.projects.acts import followed, perimeter, searched, staff
from tests.world import World, ok, problem

# What a scheme of one's own says always.
ALWAYS = {"maximum_months": 24, "certificate_days": 180, "clocks_stop": True, "admissibility_months": 2,
          "decision_months": 8, "admissibility_clock": "suspends"}  # fmt: skip
ASKED = {**ALWAYS, "minimum_base_cents": 400_000_00}
EARLY = {**LINES[0], "ordered_on": "2024-01-14"}
TRAINING = {"label": "Training", "kind": "not_eligible", "amount_cents": 1}
OTHER_AID = {"kind": "other_public_aid", "source": "Region", "amount_cents": 1_00, "legal_basis": "SA.1",
             "status": "requested"}  # fmt: skip
WITH_OTHER_AID = [{**SOURCES[0], "amount_cents": 249_999_00}, *SOURCES[1:], OTHER_AID]
TOO_MUCH_AID = [
    {**SOURCES[0], "amount_cents": 174_999_99}, {**SOURCES[2], "amount_cents": 525_000_01}, SOURCES[3],
]  # fmt: skip


async def patched(file: ReadyFile, **fields: Any) -> None:
    """Change the draft."""
    ok(await staff(file.world).patch(file.path, fields), 200)


class Walk(NamedTuple):
    """How a file comes to miss a condition, and what its cure says."""

    arrange: Callable[[World], Awaitable[ReadyFile]]
    cure: Callable[[ReadyFile], Awaitable[Any]]
    pointer: str | None = None


def lacking(*parts: str, **more: Any) -> Callable[[World], Awaitable[ReadyFile]]:
    """A file that is ready but for these parts, or with these fields."""
    return lambda world: ready(world, without=frozenset(parts), **more)


def with_fields(**fields: Any) -> Callable[[ReadyFile], Awaitable[Any]]:
    return lambda file: patched(file, **fields)


async def counting_on_other_aid(world: World) -> ReadyFile:
    file = await ready(world)
    await r.plan(world, file.project_id, WITH_OTHER_AID)
    return file


async def counting_on_too_much_aid(world: World) -> ReadyFile:
    file = await ready(world)
    await r.plan(world, file.project_id, TOO_MUCH_AID)
    return file


async def with_a_draft_of_a_plan(world: World) -> ReadyFile:
    file = await ready(world)
    await r.plan(world, file.project_id, SOURCES, "draft")
    return file


def expired(kind: str) -> Callable[[World], Awaitable[ReadyFile]]:
    async def arrange(world: World) -> ReadyFile:
        file = await ready(world, without=frozenset({kind}))
        await r.certificate(world, file.siren, kind, "2023-06-01")
        return file

    return arrange


async def in_proceedings(world: World) -> ReadyFile:
    file = await ready(world)
    body = {"kind": "safeguard", "opened_on": "2023-11-06"}
    ok(await staff(world).post(f"/v1/firms/{file.siren}/proceedings", body), 201)
    return file


async def proceedings_ended(file: ReadyFile) -> None:
    path = f"/v1/firms/{file.siren}/proceedings"
    known = ok(await staff(file.world).get(path))["items"][0]["id"]
    ok(await staff(file.world).patch(f"{path}/{known}", {"closed_on": RECEIVED}), 200)


async def approved(file: ReadyFile) -> None:
    path = f"firms/{file.siren}/bank-details"
    known = ok(await file.world.treasurer.get(path))["items"][0]["id"]
    await r.approve_bank_details(file.world, f"{path}/{known}")


async def bank_details_approved(file: ReadyFile) -> None:
    await r.approve_bank_details(file.world, await r.propose_bank_details(file.world, file.siren))


async def with_a_closed_scheme(world: World) -> ReadyFile:
    """The scheme ended on the eve of the receipt; its parameters go on."""
    of = await scheme(world, valid_until_on="2024-01-14")
    for name, value in ASKED.items():
        await parameter(world, of, name=name, value=value)
    return await ready(world, scheme=of.rsplit("/", 1)[1])


def at_stage(*stages: str) -> Callable[[World], Awaitable[ReadyFile]]:
    async def arrange(world: World) -> ReadyFile:
        file = await ready(world)
        for stage in stages:
            body = {"stage": stage, "reason": "So decided.", "effective_on": "2023-09-01"}
            ok(await staff(world).post(f"projects/{file.project_id}/stages", body), 200)
        return file

    return arrange


async def oriented_again(file: ReadyFile) -> None:
    for stage in ("detected", "oriented"):
        body = {"stage": stage, "reason": "It goes on.", "effective_on": "2023-09-02", "funding_route": "rebond"}
        ok(await staff(file.world).post(f"projects/{file.project_id}/stages", body), 200)


async def moved(file: ReadyFile) -> None:
    ok(await staff(file.world).patch(f"projects/{file.project_id}", {"commune_code": "30007"}), 200)


def certified(kind: str) -> Callable[[ReadyFile], Awaitable[Any]]:
    return lambda file: r.certificate(file.world, file.siren, kind, RECEIVED)


# By code: on the way into it and out of it again.
WALKS: dict[str, Walk] = {
    "expense-before-receipt": Walk(lacking(lines=[LINES[1], EARLY]), with_fields(lines=LINES), "/lines/1/ordered_on"),
    "not-an-asset": Walk(lacking(lines=[*LINES, TRAINING]), with_fields(lines=LINES), "/lines/2/kind"),
    "base-below-minimum": Walk(
        lacking(lines=[{**LINES[0], "amount_cents": 399_999_99}]), with_fields(lines=LINES), "/lines"
    ),
    "longer-than-allowed": Walk(
        lacking(planned_end_on="2026-03-01"), with_fields(planned_end_on="2026-02-28"), "/planned_end_on"
    ),
    "requested-above-base": Walk(
        lacking(requested_grant_cents=525_000_01),
        with_fields(requested_grant_cents=525_000_00),
        "/requested_advance_cents",
    ),
    "scheme-closed": Walk(with_a_closed_scheme, with_fields(scheme="rebond_industriel"), "/scheme"),
    "project-not-oriented": Walk(at_stage("dropped"), oriented_again),
    "commune-outside-perimeter": Walk(lacking("commune"), moved),
    "financing-incomplete": Walk(with_a_draft_of_a_plan, lambda file: r.plan(file.world, file.project_id, SOURCES)),
    "funding-statement-missing": Walk(
        lacking("statement"), lambda file: searched(file.world, file.project_id, RECEIVED)
    ),
    "other-public-aid-in-plan": Walk(
        counting_on_other_aid,
        lambda file: r.plan(file.world, file.project_id, [*SOURCES, {**OTHER_AID, "status": "refused"}]),
    ),
    "public-aid-above-base": Walk(counting_on_too_much_aid, lambda file: r.plan(file.world, file.project_id, SOURCES)),
    "tax-certificate-missing": Walk(lacking("tax"), certified("tax")),
    "tax-certificate-expired": Walk(expired("tax"), certified("tax")),
    "social-certificate-missing": Walk(lacking("social"), certified("social")),
    "social-certificate-expired": Walk(expired("social"), certified("social")),
    "proceedings-open": Walk(in_proceedings, proceedings_ended),
    "accounts-missing": Walk(lacking("accounts"), lambda file: r.accounts(file.world, file.siren)),
    "eu-size-missing": Walk(lacking("eu_size"), lambda file: r.eu_size(file.world, file.siren)),
    "bank-details-missing": Walk(lacking("bank_details"), bank_details_approved),
    "bank-details-unapproved": Walk(lacking("approval"), approved),
}
NOT_BOTH = {  # of each pair one alone can be said of a file: the other
    "tax-certificate-expired", "social-certificate-missing", "bank-details-unapproved",
}  # fmt: skip


def codes(told: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(each["code"] for each in told))


async def test_a_file_that_meets_every_condition_is_received(world: World) -> None:
    file = await ready(world)
    assert ok(await file.submit(dry_run=True), 200)["state"] == "submitted"
    assert ok(await file.submit(), 200)["state"] == "submitted"


async def test_a_received_file_names_what_its_receipt_rests_on(world: World) -> None:
    """The certificates that count longest of those issued by then, and the bank details approved by then, for good."""
    file = await ready(world)
    await r.certificate(world, file.siren, "tax", "2024-01-10")
    await r.certificate(world, file.siren, "tax", "2024-01-16")  # after the receipt
    before = ok(await staff(world).get(file.path))
    assert (before["tax_certificate_id"], before["social_certificate_id"], before["bank_details_id"]) == (None,) * 3
    told = ok(await file.submit(), 200)
    papers = ok(await staff(world).get(f"firms/{file.siren}/certificates"))["items"]
    issued = {each["id"]: (each["kind"], each["issued_on"]) for each in papers}
    assert issued[told["tax_certificate_id"]] == ("tax", "2024-01-10")
    assert issued[told["social_certificate_id"]] == ("social", "2023-12-01")
    assert told["tax_certificate_valid_until_on"] == "2024-04-09"
    [details] = ok(await staff(world).get(f"firms/{file.siren}/bank-details"))["items"]
    assert (told["bank_details_id"], told["bank_details_iban"]) == (details["id"], details["iban"])
    assert "••••" in told["bank_details_iban"]
    data = " ".join(row["data"] for row in await world.events(file.id))
    assert details["id"] in data
    assert "••••" not in data, "events name them by id alone"
    for column in ("tax_certificate_id", "social_certificate_id", "bank_details_id"):
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            await world.pool.execute(f"UPDATE applications SET {column} = NULL WHERE id = $1", file.id)
        assert caught.value.constraint_name == "application_not_a_draft"


def test_every_condition_of_the_receipt_is_walked() -> None:
    assert set(WALKS) == {code for code, condition in CONDITIONS.items() if FileStep.SUBMIT in condition.steps}


@pytest.mark.parametrize("code", WALKS)
async def test_a_condition_refuses_alone_until_its_cure_is_done(world: World, code: str) -> None:
    walk = WALKS[code]
    file = await walk.arrange(world)
    before = ok(await staff(world).get(file.path))
    for dry_run in (True, False):
        refused = problem(await file.submit(dry_run=dry_run), 409, "application-not-ready")
        [unmet] = refused["unmet"]
        assert (unmet["code"], unmet["pointer"]) == (code, walk.pointer)
        assert code in refused["detail"]
    french = await file.submit(headers={"Accept-Language": "fr"})
    [told] = french.json()["unmet"]
    assert told["code"] == code
    assert (told["detail"], told["cure"]) != (unmet["detail"], unmet["cure"])
    assert ok(await staff(world).get(file.path)) == before
    await walk.cure(file)
    assert ok(await file.submit(), 200)["state"] == "submitted"


async def everything_missing(world: World) -> ReadyFile:
    """A draft that misses every condition of its receipt that can be missed with the others."""
    left_out = frozenset({"commune", "plan", "statement", "tax", "social", "accounts", "eu_size", "bank_details"})
    closed = await scheme(world, valid_until_on="2024-01-14")
    for name, value in ASKED.items():
        await parameter(world, closed, name=name, value=value)
    file = await ready(
        world, without=left_out, lines=[{**EARLY, "amount_cents": 100_000_00}, TRAINING], planned_end_on="2026-03-01",
        scheme=closed.rsplit("/", 1)[1],
    )  # fmt: skip
    dropped = {"stage": "dropped", "reason": "So decided.", "effective_on": "2023-09-01"}
    ok(await staff(world).post(f"projects/{file.project_id}/stages", dropped), 200)
    await r.plan(world, file.project_id, [OTHER_AID, *TOO_MUCH_AID], "draft")
    await r.certificate(world, file.siren, "social", "2023-06-01")
    body = {"kind": "safeguard", "opened_on": "2023-11-06"}
    ok(await staff(world).post(f"/v1/firms/{file.siren}/proceedings", body), 201)
    return file


async def test_every_unmet_condition_is_named_at_once(world: World) -> None:
    file = await everything_missing(world)
    refused = problem(await file.submit(), 409, "application-not-ready")
    expected = [code for code in CONDITIONS if code in WALKS and code not in NOT_BOTH]
    assert codes(refused["unmet"]) == expected
    assert set(refused["unmet"][0]) == {"code", "detail", "cure", "pointer"}


async def test_what_can_follow_tells_all_that_keeps_a_file_from_each_step(world: World) -> None:
    """In one answer everything that keeps a file from being decided, whoever asks."""
    file = await everything_missing(world)
    for step in FileStep:
        expected = [
            code
            for code, condition in CONDITIONS.items()
            if step in condition.steps and code not in NOT_BOTH and "award" not in code and not condition.confidential
        ]
        if step is FileStep.GRANT:
            expected.append("review-not-favourable")
        assert codes(await file.unmet("territory", step)) == expected


async def test_what_can_follow_looks_at_a_draft_as_if_it_were_received_today(world: World) -> None:
    file = await ready(world, lines=[{**LINES[0], "ordered_on": None}, LINES[1]])
    assert codes(await file.unmet("auditor", "submit")) == ["tax-certificate-expired", "social-certificate-expired"]
    await file.renewed()
    for step in (FileStep.SUBMIT, FileStep.PRE_SELECT):
        assert await file.unmet("auditor", step) == []


# --- the day of receipt ----------------------------------------------------------------------------------------------


async def received(file: ReadyFile, instant: str) -> list[str]:
    """The codes of what is unmet were the file received at this instant."""
    response = await staff(file.world).post(f"{file.path}/submit?dry_run=true", {"received_at": instant})
    return [] if response.status_code == 200 else codes(problem(response, 409, "application-not-ready")["unmet"])


LAST_MINUTE, NEXT = "2024-01-15T22:59:59Z", "2024-01-15T23:00:00Z"


async def test_a_certificate_counts_to_the_last_minute_of_its_last_day_in_paris(world: World) -> None:
    file = await ready(world, without=frozenset({"tax"}))
    await r.certificate(world, file.siren, "tax", "2023-12-01", valid_until_on=RECEIVED)
    assert await received(file, LAST_MINUTE) == []
    assert await received(file, NEXT) == ["tax-certificate-expired"]


async def test_a_certificate_counts_no_longer_than_the_scheme_says(world: World) -> None:
    """180 days from the day on which it was issued, whatever it says itself."""
    file = await ready(world, without=frozenset({"social"}))
    await r.certificate(world, file.siren, "social", "2023-07-19", valid_until_on="2024-12-31")
    assert await received(file, LAST_MINUTE) == []
    assert await received(file, NEXT) == ["social-certificate-expired"]


async def test_a_certificate_counts_from_the_day_on_which_it_was_issued(world: World) -> None:
    file = await ready(world, without=frozenset({"tax"}))
    await r.certificate(world, file.siren, "tax", "2024-01-16")
    assert await received(file, LAST_MINUTE) == ["tax-certificate-missing"]
    assert await received(file, NEXT) == []


async def test_a_certificate_that_was_reversed_counts_no_more(world: World) -> None:
    file = await ready(world)
    path = f"firms/{file.siren}/certificates"
    known = ok(await staff(world).get(f"{path}?kind=tax"))["items"][0]["id"]
    ok(await staff(world).post(f"{path}/{known}/reverse", {"reason": "Of another firm."}), 200)
    assert await received(file, LAST_MINUTE) == ["tax-certificate-missing"]


async def test_a_proceeding_counts_from_its_opening_to_the_day_before_its_end(world: World) -> None:
    file = await ready(world)
    path = f"/v1/firms/{file.siren}/proceedings"
    body = {"kind": "safeguard", "opened_on": "2024-01-16", "closed_on": "2024-01-18"}
    ok(await staff(world).post(path, body), 201)
    days = {f"2024-01-{day}": await received(file, f"2024-01-{day}T12:00:00Z") for day in (15, 16, 17, 18)}
    open_on = [day for day, told in days.items() if told == ["proceedings-open"]]
    assert open_on == ["2024-01-16", "2024-01-17"]


async def test_the_statement_is_one_of_the_day_of_receipt_or_before(world: World) -> None:
    file = await ready(world, without=frozenset({"statement"}))
    await searched(world, file.project_id, "2024-01-16")
    assert await received(file, LAST_MINUTE) == ["funding-statement-missing"]
    assert await received(file, NEXT) == []


async def test_the_perimeter_is_that_of_the_day_of_receipt(world: World) -> None:
    """Alès leaves it on 1 January 2024; the programme then records the perimeter of that year as it should be."""
    file = await ready(world)
    await perimeter(world, 2024, "30008")
    assert await received(file, "2023-12-31T22:59:59Z") == []
    assert await received(file, "2023-12-31T23:00:00Z") == ["commune-outside-perimeter"]
    await perimeter(world, 2024, "30007", "30008")
    assert await received(file, LAST_MINUTE) == []


async def test_a_line_may_be_ordered_on_the_day_of_receipt_and_not_before(world: World) -> None:
    file = await ready(world, lines=[{**LINES[0], "ordered_on": RECEIVED}])
    assert await received(file, LAST_MINUTE) == []
    assert await received(file, NEXT) == ["expense-before-receipt"]
    study = {"label": "Land", "kind": "tangible_asset", "amount_cents": 1, "ordered_on": "2020-01-01"}
    await patched(file, lines=[*LINES, study])
    assert await received(file, LAST_MINUTE) == ["expense-before-receipt"]
    await patched(file, lines=[*LINES, {**study, "preliminary": True}])
    assert await received(file, LAST_MINUTE) == []


async def test_the_parameters_are_those_of_the_day_of_receipt(world: World) -> None:
    """A scheme of one's own: what it asks changes on 16 January 2024, and it says nothing from the 20th on."""
    of = await scheme(world)
    code = of.rsplit("/", 1)[1]
    for name, value in ALWAYS.items():
        await parameter(world, of, name=name, value=value)
    minima = ((625_000_00, "2023-01-01", "2024-01-15"), (625_000_01, "2024-01-16", "2024-01-19"))
    for value, since, until in minima:
        days = {"valid_from_on": since, "valid_until_on": until}
        await parameter(world, of, name="minimum_base_cents", value=value, **days)
    file = await ready(world, scheme=code)
    assert await received(file, LAST_MINUTE) == []
    assert await received(file, NEXT) == ["base-below-minimum"]
    body = {"received_at": "2024-01-20T12:00:00Z"}
    [told] = [each for each in await file.unmet("territory", "submit") if each["code"] == "parameter-not-in-force"]
    assert told["detail"].startswith("minimum_base_cents has no value on"), "transitions tells it among the others"
    refused = problem(await staff(world).post(f"{file.path}/submit", body), 409, "parameter-not-in-force")
    assert (refused["parameter"], refused["on"]) == ("minimum_base_cents", "2024-01-20")
    assert "(`/v1/schemes/…/parameters`)" in refused["detail"]
    assert not set("{}") & set(refused["detail"])
    await parameter(world, of, name="minimum_base_cents", value=1, valid_from_on="2024-01-20")
    ok(await staff(world).post(f"{file.path}/submit", body), 200)


# --- the sum of public aid -------------------------------------------------------------------------------------------


async def test_public_aid_counts_to_the_cent_and_the_advance_with_it(world: World) -> None:
    file = await ready(world)
    equal = [{**SOURCES[0], "amount_cents": 175_000_00}, {**SOURCES[2], "amount_cents": 525_000_00}, SOURCES[3]]
    await r.plan(world, file.project_id, equal)
    assert await received(file, LAST_MINUTE) == []
    await r.plan(world, file.project_id, TOO_MUCH_AID)
    assert await received(file, LAST_MINUTE) == ["public-aid-above-base"]


async def test_aid_that_the_plan_does_not_name_counts_too(world: World) -> None:
    """A request is public aid, though the plan may count on less."""
    file = await ready(world, requested_grant_cents=525_000_00)
    assert await received(file, LAST_MINUTE) == []
    await r.plan(world, file.project_id, WITH_OTHER_AID)
    assert await received(file, LAST_MINUTE) == ["other-public-aid-in-plan", "public-aid-above-base"]


async def test_what_other_holders_ask_for_is_not_aid_of_this_file(world: World) -> None:
    """Two holders of a project share its plan; each has a base of its own."""
    file = await ready(world)
    partner = await followed(world, "Partner")
    holders = [{"kind": "firm", "siren": siren} for siren in (file.siren, partner)]
    ok(await staff(world).patch(f"projects/{file.project_id}", {"holders": holders}), 200)
    shared = [{**SOURCES[2], "amount_cents": 500_000_00}, {**SOURCES[3], "amount_cents": 300_000_00}]
    await r.plan(world, file.project_id, shared)
    assert await received(file, LAST_MINUTE) == ["public-aid-above-base"]
    await r.draft(world, file.project_id, partner, requested_grant_cents=350_000_00, requested_advance_cents=200_000_00)
    assert await received(file, LAST_MINUTE) == []


# --- the review is confidential --------------------------------------------------------------------------------------


async def test_a_condition_that_the_caller_reads_names_the_review_and_others_do_not(world: World) -> None:
    file = await ready(world)
    await file.admitted()
    await file.renewed()
    assert codes(await file.unmet("funder", "grant")) == ["not-pre-selected", "review-missing"]
    assert codes(await file.unmet("territory", "grant")) == ["not-pre-selected", "review-not-favourable"]
    await file.reviewed(kyc="alert")
    assert codes(await file.unmet("auditor", "grant")) == ["not-pre-selected", "kyc-not-clear"]
    assert codes(await file.unmet("committee", "grant")) == ["not-pre-selected", "review-not-favourable"]
    await file.reviewed(kyc="clear")
    for role in ("funder", "territory"):
        assert codes(await file.unmet(role, "grant")) == ["not-pre-selected"]
        assert await file.unmet(role, "pre_select") == []


async def test_what_was_met_at_the_receipt_is_looked_at_again_on_the_day_of_the_decision(world: World) -> None:
    file = await ready(world)
    await file.admitted()
    await file.reviewed()
    expired_since = ["tax-certificate-expired", "social-certificate-expired", "not-pre-selected"]
    assert codes(await file.unmet("funder", "grant")) == expired_since
    assert await file.unmet("funder", "pre_select") == []
    await file.renewed()
    assert codes(await file.unmet("funder", "grant")) == ["not-pre-selected"]
    await r.plan(world, file.project_id, SOURCES, "draft")
    assert codes(await file.unmet("funder", "pre_select")) == ["financing-incomplete"]
