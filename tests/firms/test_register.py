"""What the register holds of a firm beside its name, and what a territory knows of it: sites, search, evidence."""

import asyncio
from datetime import date
from typing import Any

import asyncpg
import pytest

from app.core.values import is_siret, siren_from
from tests.directory import siret_of
from tests.world import World, fresh_siren, ok, problem


def staff(world: World) -> Any:
    return world.clients["territory"]


async def found(world: World, query: dict[str, Any], path: str = "/v1/firms") -> list[str]:
    return [item["siren"] for item in ok(await world.lead.get(path, params={"limit": "500", **query}))["items"]]


# --- search ----------------------------------------------------------------------------------------------------------


async def test_people_find_a_firm_as_they_type_it(world: World) -> None:
    siren, mark = fresh_siren(), world.territory.replace("-", "")
    facts = {"name": f"Société Mécanique Cévenole {mark}", "acronym": f"SMC{mark}", "trade_names": [f"L'Œuvre {mark}"]}
    ok(await staff(world).put(f"/v1/firms/{siren}", facts), 201)
    ok(await staff(world).put(f"firms/{siren}", {"stage": "identified"}), 201)
    siret = siret_of(siren)
    for words in (
        "mecanique cevenol", "MÉCANIQUE", "cévenole société", "soc mec cev", "l'oeuvre", "œuv", f"smc{mark}",
        "mecanique-cevenole", "«Mécanique»",
    ):  # fmt: skip
        query = f"{words} {mark}" if mark not in words else words
        assert await found(world, {"q": query}) == [siren], query
        assert await found(world, {"q": query}, "firms") == [siren], query
    spaced = f"{siren[:3]} {siren[3:6]} {siren[6:]}"
    for number in (siren, spaced, spaced.replace(" ", "\N{NO-BREAK SPACE}"), siret, f"{spaced} {siret[9:]}"):
        assert await found(world, {"q": number}) == [siren], number
        assert await found(world, {"q": number}, "firms") == [siren], number
    for words in ("canique", "mecanique cevenolx", "autre"):
        assert await found(world, {"q": f"{words} {mark}"}) == []


@pytest.mark.parametrize(
    "hostile",
    ["'", "''", "&", "|", "!", ":*", "a:*", "a & b", "!a", "(a", "a<->b", "\\", "'; DROP TABLE firms; --", "%", "_",
     "*", "a" * 100, "1 2 3", "0", "9" * 100, "٣٣٣", "İ", "ß", "🎉", "a\u0301" * 20, "\u2019", "<b>",
     "2e5", "-1", "1.5", "a@b.fr", "http://x.fr/a", "a\N{NO-BREAK SPACE}b"],
)  # fmt: skip
async def test_no_search_is_an_error(world: World, hostile: str) -> None:
    for path in ("/v1/firms", "firms"):
        listed = ok(await world.lead.get(path, params={"q": hostile, "count": "exact"}))
        assert isinstance(listed["total"], int)


async def test_what_holds_no_letter_finds_nothing(world: World) -> None:
    await world.add_firm()
    assert await found(world, {"q": "&"}) == []


async def test_firms_are_filtered_by_place_activity_and_size(world: World) -> None:
    a, b = fresh_siren(), fresh_siren()
    one = {"name": "A", "naf_code": "25.62B", "insee_category": "pme", "headcount_bracket": "12"}
    two = {"name": "B", "naf_code": "62.01Z", "insee_category": "eti", "ceased": True, "ceased_on": "2024-01-31"}
    for siren, facts in ((a, one), (b, two)):
        ok(await staff(world).put(f"/v1/firms/{siren}", facts), 201)
        ok(await staff(world).put(f"firms/{siren}", {"stage": "identified"}), 201)
    ok(await staff(world).put(f"/v1/firms/{a}/sites/{siret_of(a)}", {"insee_code": "30007"}), 201)
    size = {"eu_size": "small", "eu_size_evidence_on": "2023-06-30", "eu_size_source": "Liasse 2022"}
    ok(await staff(world).patch(f"firms/{a}", size))
    both: dict[str, Any] = {"siren": [a, b]}
    queries: list[dict[str, Any]] = [
        {"naf_section": "C"}, {"naf_code": "25.62B"}, {"insee_category": "pme"}, {"headcount_bracket": "12"},
        {"ceased": "false"}, {"commune": "30007"}, {"commune": ["30007", "30010"], "naf_section": ["C", "J"]},
    ]  # fmt: skip
    for query in queries:
        assert await found(world, both | query) == [a], query
        assert await found(world, both | query, "firms") == [a], query
    assert await found(world, both | {"eu_size": "small"}, "firms") == [a]
    assert await found(world, both | {"naf_section": "J"}) == [b]
    assert await found(world, both | {"ceased": "true"}) == [b]
    problem(await world.lead.get("/v1/firms?naf_section=Z"), 422, "validation-failed")


# --- sites, seats, activities ----------------------------------------------------------------------------------------


def test_sites_of_la_poste_have_a_rule_of_their_own() -> None:
    assert is_siret("35600000000048")
    assert is_siret("35600000049837")
    assert not is_siret("35600000049838")


async def test_the_database_knows_a_siret_as_the_service_does(world: World) -> None:
    head = [
        "35600000000048",
        "35600000049837",
        "35600000049838",
        "11002001300097",
        "11002001300098",
        "1100200130009",
        "",
    ]
    for siret in [*head, *(siret_of(siren_from(number), 7) for number in range(1, 40)), "00000000000000"]:
        assert await world.pool.fetchval("SELECT is_siret($1)", siret) is is_siret(siret), siret


async def test_a_firm_that_moves_closes_a_site_and_opens_another(world: World) -> None:
    siren = await world.add_firm()
    old, new = siret_of(siren, 1), siret_of(siren, 2)
    home = f"/v1/firms/{siren}/sites"
    first = {"insee_code": "30007", "opened_on": "2010-01-04", "seat_from_on": "2010-01-04"}
    made = ok(await staff(world).put(f"{home}/{old}", first), 201)
    assert made["is_seat"] is True
    ok(await staff(world).put(f"{home}/{new}", {**first, "opened_on": "2023-09-01", "seat_from_on": "2023-09-01"}), 201)
    ok(await staff(world).put(f"{home}/{old}", {"insee_code": "30007", "opened_on": "2010-01-04", "closed": True,
                                                 "closed_on": "2023-08-31"}), 200)  # fmt: skip
    sites = ok(await world.lead.get(home))["items"]
    assert [(site["siret"], site["closed"], site["is_seat"]) for site in sites] == [
        (old, True, False),
        (new, False, True),
    ]
    assert ok(await world.lead.get(f"/v1/firms/{siren}"))["seat_siret"] == new
    seats = ok(await world.lead.get(f"/v1/firms/{siren}/seats"))["items"]
    assert [(seat["siret"], seat["from_on"]) for seat in seats] == [(old, "2010-01-04"), (new, "2023-09-01")]
    types = [event["type"] for event in await world.pool.fetch(
        "SELECT type FROM events WHERE topic = $1 ORDER BY sequence", f"firm/{siren}")]  # fmt: skip
    assert types == ["firm.created", "site.created", "firm.updated", "site.created", "firm.updated", "site.updated"]


async def test_a_site_has_the_form_of_a_site(world: World) -> None:
    siren = await world.add_firm()
    home = f"/v1/firms/{siren}/sites"
    stranger = siret_of(await world.add_firm())
    problem(await world.operator.put(f"{home}/{stranger}", {}), 422, "siret-of-another-firm")
    wrong_key = siret_of(siren)[:-1] + str((int(siret_of(siren)[-1]) + 1) % 10)
    problem(await world.operator.put(f"{home}/{wrong_key}", {}), 404, "not-found")
    problem(await world.operator.put(f"/v1/firms/{fresh_siren()}/sites/{stranger}", {}), 404, "not-found")
    site = f"{home}/{siret_of(siren)}"
    problem(await world.operator.put(site, {"closed_on": "2024-01-01"}), 422, "closed-on-of-an-open-site")
    reversed_ = {"opened_on": "2024-01-02", "closed": True, "closed_on": "2024-01-01"}
    problem(await world.operator.put(site, reversed_), 422, "site-closes-before-it-opens")
    problem(await world.operator.put(site, {"naf_version": "naf_2025"}), 422, "naf-code-without-version")
    made = await world.operator.put(site, {"insee_code": "30007"})
    ok(made, 201)
    same = await world.operator.put(site, {"insee_code": "30007"}, headers={"If-Match": made.headers["etag"]})
    assert (ok(same, 200), same.headers["etag"]) == (made.json(), made.headers["etag"])
    ok(await world.operator.put(site, {"insee_code": "30010"}), 200)
    problem(await world.operator.put(site, {}, headers={"If-Match": made.headers["etag"]}), 412, "stale-version")


async def test_both_nomenclatures_are_held_with_their_days(world: World) -> None:
    siren = fresh_siren()
    ok(await world.operator.put(f"/v1/firms/{siren}", {"name": "A", "naf_code": "25.62B"}), 201)
    home = f"/v1/firms/{siren}/activities"
    ok(await world.operator.post(home, {"naf_code": "25.53Y", "naf_version": "naf_2025", "from_on": "2025-12-01"}), 201)
    ok(await world.operator.post(home, {"naf_code": "24.54Z", "naf_version": "naf_rev2", "from_on": "2024-05-01"}), 201)
    codes = ok(await world.operator.get(home))["items"]
    assert [(code["naf_code"], code["from_on"], code["to_on"]) for code in codes] == [
        ("25.62B", None, "2024-04-30"), ("24.54Z", "2024-05-01", None), ("25.53Y", "2025-12-01", None)
    ]  # fmt: skip
    assert ok(await world.operator.get(f"/v1/firms/{siren}"))["naf_code"] == "24.54Z"
    on_a_day = ok(await world.operator.get(f"{home}?in_force_on=2024-04-30"))["items"]
    assert [code["naf_code"] for code in on_a_day] == ["25.62B"]
    with pytest.raises(asyncpg.ExclusionViolationError):
        await world.pool.execute(
            "INSERT INTO firm_activities (siren, naf_code, naf_version, from_on) VALUES ($1, '01.11Z', 'naf_2025', $2)",
            siren, date(2026, 1, 1),
        )  # fmt: skip


async def test_a_proceeding_has_its_days(world: World) -> None:
    siren = await world.add_firm()
    home = f"/v1/firms/{siren}/proceedings"
    body = {"kind": "safeguard", "opened_on": "2024-02-06", "source_reference": "BODACC A n° 30"}
    made = await staff(world).post(home, body)
    assert made.headers["location"] == f"{home}/{ok(made, 201)['id']}"
    problem(await staff(world).post(home, body), 409, "already-exists")
    early = await staff(world).patch(made.headers["location"], {"closed_on": "2024-02-05"})
    problem(early, 422, "proceeding-closes-before-it-opens")
    assert await found(world, {"siren": siren, "in_proceedings": "true"}) == [siren]
    ok(await staff(world).patch(made.headers["location"], {"closed_on": "2024-11-12"}))
    assert await found(world, {"siren": siren, "in_proceedings": "true"}) == []
    problem(await staff(world).post(f"/v1/firms/{fresh_siren()}/proceedings", body), 404, "not-found")
    other = await world.add_firm()
    problem(await world.lead.get(f"/v1/firms/{other}/proceedings/{made.json()['id']}"), 404, "not-found")


async def test_a_proceeding_has_its_notice_and_its_end(world: World) -> None:
    siren = await world.add_firm()
    home = f"/v1/firms/{siren}/proceedings"
    refused = {
        "proceeding-noticed-before-it-opens": {"noticed_on": "2024-02-05"},
        "continued-outside-liquidation": {"continued_until_on": "2024-05-01"},
        "ended-by-of-an-open-proceeding": {"ended_by": "plan"},
    }
    body = {"kind": "reorganisation", "opened_on": "2024-02-06"}
    for code, more in refused.items():
        problem(await world.operator.post(home, body | more), 422, code)
    made = ok(await world.operator.post(home, body | {"noticed_on": "2024-02-20"}), 201)
    ended = ok(
        await world.operator.patch(f"{home}/{made['id']}", {"closed_on": "2024-06-04", "ended_by": "conversion"})
    )
    assert (ended["noticed_on"], ended["ended_by"], ended["continued_until_on"]) == ("2024-02-20", "conversion", None)
    body = {"kind": "liquidation", "opened_on": "2024-06-05", "continued_until_on": "2024-09-01"}
    sold = ok(await world.operator.post(home, body), 201)
    problem(await world.operator.patch(f"{home}/{sold['id']}", {"continued_until_on": "2024-06-04"}), 422,
            "continued-outside-liquidation")  # fmt: skip
    corrected = ok(await world.operator.patch(f"{home}/{sold['id']}", {"opened_on": "2024-06-04"}))
    assert (corrected["opened_on"], corrected["version"]) == ("2024-06-04", 2)
    mistaken = {"kind": "reorganisation", "opened_on": "2024-02-06", "continued_until_on": None}
    problem(await world.operator.patch(f"{home}/{sold['id']}", mistaken), 409, "already-exists")
    [converted] = ok(await world.operator.get(f"{home}?ended_by=conversion"))["items"]
    assert converted["id"] == made["id"]


async def test_the_name_of_a_sole_trader_is_no_public_fact(world: World) -> None:
    siren = await world.add_firm()
    address = f"/v1/firms/{siren}/owner"
    problem(await staff(world).put(address, {"name": "Camille Exemple"}), 409, "owner-of-a-company")
    ok(await staff(world).patch(f"/v1/firms/{siren}", {"sole_trader": True}))
    ok(await staff(world).put(address, {"name": "Camille Exemple"}), 201)
    assert ok(await world.auditor.get(address))["name"] == "Camille Exemple"
    for role in ("consultant", "lead", "committee"):
        problem(await world.clients[role].get(address), 404, "not-found")
    rows = await world.pool.fetch("SELECT data::text FROM events WHERE topic = $1", f"firm/{siren}")
    assert rows
    assert not any("Camille" in row["data"] for row in rows)


# --- what a territory knows ------------------------------------------------------------------------------------------


async def followed(world: World) -> str:
    siren = await world.add_firm()
    ok(await staff(world).put(f"firms/{siren}", {"stage": "identified"}), 201)
    return siren


async def test_a_size_goes_with_its_evidence(world: World) -> None:
    siren = await followed(world)
    problem(await staff(world).patch(f"firms/{siren}", {"eu_size": "small"}), 422, "eu-size-without-evidence")
    size = {"eu_size": "small_mid_cap", "eu_size_evidence_on": "2025-12-31", "eu_size_source": "Comptes consolidés"}
    told = ok(await staff(world).patch(f"firms/{siren}", size))
    assert (told["eu_size"], told["insee_category"]) == ("small_mid_cap", None)
    problem(await staff(world).patch(f"firms/{siren}", {"eu_size_source": None}), 422, "eu-size-without-evidence")
    same = await staff(world).patch(f"firms/{siren}", size)
    assert ok(same)["version"] == 2


async def test_another_systems_id_is_one_firm_of_a_territory(world: World, other: World) -> None:
    a, b = await followed(world), await followed(world)
    ok(await staff(world).patch(f"firms/{a}", {"external_id": "CRM-1"}))
    refused = problem(await staff(world).patch(f"firms/{b}", {"external_id": "CRM-1"}), 409, "already-exists")
    assert refused["errors"][0]["pointer"] == "/external_id"
    assert await found(world, {"external_id": "CRM-1"}, "firms") == [a]
    ok(await staff(other).patch(f"firms/{await followed(other)}", {"external_id": "CRM-1"}))


async def test_the_years_of_a_firm_with_their_documents(world: World, other: World) -> None:
    siren = await followed(world)
    figures = {"turnover_cents": 480_000_000, "balance_sheet_cents": 310_000_000, "headcount": 34, "source": "Liasse"}
    made = await staff(world).put(f"firms/{siren}/accounts/2022", figures)
    assert ok(made, 201) | figures == made.json()
    ok(await staff(world).put(f"firms/{siren}/accounts/2021", {"headcount": 31, "source": "DSN"}), 201)
    same = await staff(world).put(f"firms/{siren}/accounts/2022", figures)
    assert (ok(same, 200), same.headers["etag"]) == (made.json(), made.headers["etag"])
    stale = await staff(world).put(f"firms/{siren}/accounts/2022", figures, headers={"If-Match": '"9"'})
    problem(stale, 412, "stale-version")
    listed = ok(await world.funder.get(f"firms/{siren}/accounts"))["items"]
    assert [year["year"] for year in listed] == [2021, 2022]
    problem(await staff(world).put(f"firms/{await world.add_firm()}/accounts/2022", figures), 404, "not-found")
    problem(
        await staff(world).put(f"firms/{siren}/accounts/2022", {**figures, "source": " "}), 422, "validation-failed"
    )
    for path in (f"firms/{siren}/accounts", f"firms/{siren}/accounts/2022", f"firms/{siren}/note"):
        problem(await other.lead.get(f"{world.lead.base}/{path}"), 404, "not-found")
    for path in (f"firms/{siren}/accounts", f"firms/{siren}/accounts/2022"):
        problem(await other.lead.get(path), 404, "not-found")


async def test_a_confidential_note_is_read_by_few_and_told_to_nobody(world: World) -> None:
    siren = await followed(world)
    ok(await staff(world).put(f"firms/{siren}/note", {"text": "Repreneur recherché."}), 201)
    assert ok(await staff(world).get(f"firms/{siren}/note"))["text"] == "Repreneur recherché."
    for role in ("lead", "consultant", "funder", "treasurer", "committee"):
        problem(await world.clients[role].get(f"firms/{siren}/note"), 404, "not-found")
    rows = await world.pool.fetch("SELECT type, data::text FROM events WHERE territory = $1", world.territory)
    assert "firm_note.created" in {row["type"] for row in rows}
    assert not any("Repreneur" in row["data"] for row in rows)


@pytest.mark.parametrize(
    "attack",
    [
        (
            "INSERT INTO firm_accounts (territory, siren, year, source, created_at, updated_at)"
            " VALUES ($2, $1, 2022, 'x', now(), now())"
        ),
        "INSERT INTO firm_notes (territory, siren, text, created_at, updated_at) VALUES ($2, $1, 'x', now(), now())",
        (
            "INSERT INTO firm_stage_changes (territory, siren, stage, effective_on, recorded_at)"
            " VALUES ($2, $1, 'identified', '2023-06-14', now())"
        ),
    ],
)
async def test_nothing_is_kept_in_a_territory_that_does_not_follow_the_firm(
    world: World, other: World, attack: str
) -> None:
    siren = await followed(world)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await world.pool.execute(attack, siren, other.territory)


async def test_the_seat_is_a_site_of_the_firm_and_moves_stay(world: World) -> None:
    a, b = await world.add_firm(), await world.add_firm()
    ok(await staff(world).put(f"/v1/firms/{a}/sites/{siret_of(a)}", {"seat_from_on": "2020-01-01"}), 201)
    ok(await staff(world).put(f"/v1/firms/{a}/sites/{siret_of(a, 2)}", {}), 201)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await world.pool.execute("UPDATE firms SET seat_siret = $2 WHERE siren = $1", b, siret_of(a, 2))
    with pytest.raises(asyncpg.RestrictViolationError):
        await world.pool.execute("DELETE FROM firm_seats WHERE siren = $1", a)
    with pytest.raises(asyncpg.CheckViolationError):
        await world.pool.execute("UPDATE sites SET siren = $2 WHERE siren = $1", a, b)


# --- who hears of it -------------------------------------------------------------------------------------------------


async def heard(client: Any, siren: str, until: str) -> list[dict[str, Any]]:
    """The events about a firm in a reader's feed, read from its beginning until one of this type is there."""
    events: list[dict[str, Any]] = []
    after = ""
    async with asyncio.timeout(20):  # an older transaction holds the horizon back until it ends
        while True:
            page = ok(await client.get(f"/v1/events?limit=500{after}"))
            events += [each for each in page["items"] if each["resource"]["id"].startswith(siren)]
            if any(each["type"] == until for each in events):
                return [each for each in events if each["territory"] is None]
            after = f"&after={page['next_cursor']}"
            await asyncio.sleep(0 if page["items"] else 0.02)


async def test_events_about_a_firm_reach_those_who_follow_it_without_their_author(world: World, other: World) -> None:
    siren = await world.add_firm("Known")
    ok(await staff(world).put(f"firms/{siren}", {"stage": "identified"}), 201)
    ok(await staff(other).patch(f"/v1/firms/{siren}", {"acronym": "KNW"}))
    ok(await staff(world).put(f"/v1/firms/{siren}/sites/{siret_of(siren)}", {"insee_code": "30007"}), 201)
    mine = await heard(world.lead, siren, "site.created")
    assert [each["type"] for each in mine] == ["firm.created", "firm.updated", "site.created"], "the past ones too"
    assert all(each["actor"]["id"] is None and each["actor"]["organisation_id"] is None for each in mine)
    assert all(each["request_id"] is None for each in mine)
    assert mine[1]["data"]["acronym"] == "KNW"
    assert mine[1]["actor"]["kind"] == "person"
    # What is hidden is not found either: it would tell who it is.
    for who in (other, world):
        asked = f"/v1/events?resource_type=firm&actor={who.subjects['territory']}&limit=500"
        assert siren not in {each["resource"]["id"] for each in ok(await world.lead.get(asked))["items"]}
    # Another territory hears nothing: neither of the facts nor of who follows.
    marker = ok(await other.operator.post("missions", {"name": "Marker"}), 201)["id"]
    assert await heard(other.lead, marker, "mission.created") == []
    seen: list[str] = []
    after = ""
    while True:
        page = ok(await other.lead.get(f"/v1/events?limit=500{after}"))
        if not page["items"]:
            break
        seen += [each["resource"]["id"] for each in page["items"]]
        after = f"&after={page['next_cursor']}"
    assert siren not in seen
    assert siret_of(siren) not in seen
    # National readers see who did it.
    national = await heard(world.auditor, siren, "site.created")
    assert national[1]["actor"]["id"] == str(other.subjects["territory"])
    asked = f"/v1/events?resource_id={siren}&actor={other.subjects['territory']}"
    assert [each["type"] for each in ok(await world.auditor.get(asked))["items"]] == ["firm.updated"]


async def test_a_territory_that_follows_later_goes_on_from_there(world: World, other: World) -> None:
    siren = await world.add_firm("Later")
    marker = ok(await other.operator.post("missions", {"name": "Marker"}), 201)["id"]
    await heard(other.lead, marker, "mission.created")
    ok(await staff(other).put(f"firms/{siren}", {"stage": "identified"}), 201)
    ok(await staff(world).patch(f"/v1/firms/{siren}", {"acronym": "LTR"}))
    told = await heard(other.lead, siren, "firm.updated")
    assert [each["type"] for each in told] == ["firm.created", "firm.updated"]
    by_territory = ok(await other.lead.get(f"/v1/events?limit=500&territory={other.territory}"))["items"]
    assert all(each["territory"] == other.territory for each in by_territory)
