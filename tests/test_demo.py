"""The Alès demonstration, loaded into databases of its own through the same services as the API."""

import asyncio
import contextlib
import itertools
import json
import re
import stat
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from app.access.gate import digest_of
from app.access.rules import Role
from app.commands import serving
from app.core import values
from app.core.writing.writes import Write
from app.demo import load as demo
from app.engineering.entries.rules import MonthLocked, Status
from app.main import create_app
from app.settings import KEYS_FILE, Settings
from tests.conftest import plain
from tests.world import Client, ok, problem

_NUMBERS = itertools.count()
STEPS = ["people", "programme", "firms", "mission", "entries", "judgements", "corrections", "rates", "june", "keys"]


class Died(Exception):
    """The load is stopped here."""


def load(url: str, keys_file: Path, *, first_start: bool = True) -> dict[str, str]:
    return asyncio.run(demo.ensure(url, keys_file, first_start=first_start))


def look(url: str, query: str, *arguments: Any) -> list[Any]:
    """Rows of the demonstration's database, by SQL."""

    async def ask() -> list[Any]:
        connection = await asyncpg.connect(plain(url))
        try:
            rows: list[Any] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()

    return asyncio.run(ask())


def fingerprint(url: str) -> dict[str, str]:
    """Every table's rows, as one digest each: what a run that changes nothing leaves as it was."""
    tables = [row[0] for row in look(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")]
    digest = "coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '')"
    return dict(look(url, " UNION ALL ".join(f"SELECT '{table}', {digest} FROM {table} t" for table in tables)))


class Loaded:
    """A database with the demonstration in it."""

    def __init__(self, url: str, keys_file: Path) -> None:
        self.url, self.keys_file = url, keys_file
        self.keys: dict[str, str] = json.loads(keys_file.read_text())

    @classmethod
    def copied(cls, new_demonstration: Any, suffix: str, directory: Path) -> "Loaded":
        return cls(new_demonstration(suffix, directory / KEYS_FILE), directory / KEYS_FILE)

    @contextlib.asynccontextmanager
    async def client(self, role: str) -> AsyncIterator[Client]:
        """The service on this database, spoken to with the key of a role."""
        settings = Settings(_env_file=None, database_url=self.url, pool_size=2, log_level="error")
        application = create_app(settings)
        async with application.router.lifespan_context(application) as state:

            async def served(scope: Any, receive: Any, send: Any) -> None:
                scope["state"] = dict(state or {})
                await application(scope, receive, send)

            transport = httpx2.ASGITransport(app=served)
            async with httpx2.AsyncClient(transport=transport, base_url="http://rebond.test") as http:
                yield Client(http, self.keys[role], "/v1/territories/ales")

    def get(self, role: str, *paths: str) -> list[Any]:
        """What a role's key reads at these addresses below the territory."""

        async def read() -> list[Any]:
            async with self.client(role) as client:
                return [ok(await client.get(path)) for path in paths]

        return asyncio.run(read())


@pytest.fixture(scope="module")
def loaded(new_demonstration: Any, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return Loaded.copied(new_demonstration, "demo", tmp_path_factory.mktemp("demo"))


@pytest.fixture
def empty(new_database: Any) -> str:
    url: str = new_database(f"demo{next(_NUMBERS)}")
    return url


def test_the_days_are_those_of_the_story(loaded: Loaded) -> None:
    days, missions, orders = loaded.get(
        "operator", "engineering", "missions", f"missions/{_mission(loaded)}/orders?sort=signed_on"
    )
    assert (days["days_ordered"], days["days_entered"], days["days_left"]) == (100, 75, 25)
    assert 0 < days["days_validated"] < 75
    assert 0 < days["days_certified"] == days["days_validated"]
    assert days["days_draft"] == 4
    assert sum(week["days_entered"] for week in days["by_week"]) == 75
    [mission] = missions["items"]
    assert (mission["starts_on"], mission["ends_on"]) == ("2023-06-14", "2023-10-03")
    assert (mission["days_ordered"], mission["days_allotted"]) == (100, 100)
    told = [(order["kind"], order["days"], order["starts_on"], order["ends_on"]) for order in orders["items"]]
    assert told == [("initial", 100, "2023-06-14", "2023-09-30"), ("amendment", 0, None, "2023-10-03")]


def _mission(loaded: Loaded) -> str:
    return str(look(loaded.url, "SELECT id FROM missions")[0][0])


def test_all_that_is_left_is_the_leads(loaded: Loaded) -> None:
    [days] = loaded.get("lead", "engineering")
    left = {member["organisation_name"]: member["days_left"] for member in days["by_member"]}
    assert left == {
        "Ancoris (demonstration)": 25,
        "Studio Reset (demonstration)": 0,
        "Inec (demonstration)": 0,
        "June Partners (demonstration)": 0,
    }


def test_four_consultancies_have_two_persons_each(loaded: Loaded) -> None:
    [consultants] = loaded.get("operator", "consultants")
    persons: dict[str, set[str]] = {}
    for consultant in consultants["items"]:
        persons.setdefault(consultant["organisation_name"], set()).add(consultant["person_id"])
    assert {name: len(found) for name, found in persons.items()} == dict.fromkeys(demo.CONSULTANCIES, 2)
    assert look(loaded.url, "SELECT count(DISTINCT entered_by) FROM time_entries")[0][0] == 4


def test_entries_are_in_every_state_but_validated(loaded: Loaded) -> None:
    states = {row[0] for row in look(loaded.url, "SELECT DISTINCT status FROM time_entries")}
    assert states == set(Status) - {Status.VALIDATED}, "what was validated, in June, is certified"


def test_june_is_certified_for_each_firm_and_closed(loaded: Loaded) -> None:
    certificates, locks = loaded.get("operator", "service-certificates?sort=number", "month-locks")
    assert [certificate["number"] for certificate in certificates["items"]] == [1, 2, 3, 4]
    assert {certificate["organisation_name"] for certificate in certificates["items"]} == set(demo.CONSULTANCIES)
    assert all(
        certificate["total_cents"] > certificate["amount_excl_vat_cents"] > 0 for certificate in certificates["items"]
    )
    assert [(lock["month"], lock["days_submitted"]) for lock in locks["items"]] == [("2023-06", 0)]


def test_the_reports_of_june_are_signed_and_those_of_july_wait(loaded: Loaded) -> None:
    june, july, waiting = loaded.get(
        "operator", "activity-reports?month=2023-06", "activity-reports?month=2023-07",
        "activity-reports?missing=signature&count=exact",
    )  # fmt: skip
    assert [(row["status"], row["lead_signed_on"]) for row in june["items"]] == [("signed", "2023-07-04")] * 8
    states = {(row["organisation_name"] == demo.LEAD, row["status"]) for row in july["items"]}
    assert states == {(True, "signed_by_consultant"), (False, "to_sign")}
    assert waiting["total"] == len(july["items"]) == 5


def test_the_leads_people_have_august_free(loaded: Loaded) -> None:
    late = look(
        loaded.url,
        "SELECT count(*) FROM time_entries e JOIN organisations o ON o.id = e.organisation_id"
        " WHERE o.name LIKE 'Ancoris%' AND e.status <> 'draft' AND e.worked_on > '2023-07-31'",
    )
    assert late[0][0] == 0


def test_the_limit_rows_agree_with_the_entries(loaded: Loaded) -> None:
    counting = "status IN ('submitted', 'validated', 'certified')"
    entered = look(loaded.url, f"SELECT sum(days) FROM time_entries WHERE {counting}")[0][0]
    assert entered == Decimal(75)
    of_persons = look(loaded.url, "SELECT sum(days), max(days) FROM person_days")[0]
    assert tuple(of_persons) == (Decimal(75), Decimal(1))


def test_the_territory_its_perimeter_and_its_firms(loaded: Loaded) -> None:
    territory, perimeter, firms = loaded.get("territory", "", "perimeter/2023", "firms?limit=100")
    assert (territory["wave_number"], territory["status"]) == (2, "laureate")
    assert territory["epci_sirens"] == ["200066918"]
    assert len(perimeter["communes"]) == 71
    assert {"insee_code": "30022", "name": "Aujac"} in perimeter["communes"]
    assert {"insee_code": "30007", "name": "Alès"} in perimeter["communes"]
    assert len(firms["items"]) == 46
    assert all(values.is_siren(firm["siren"]) and "(demonstration)" in firm["name"] for firm in firms["items"])
    assert {firm["stage"] for firm in firms["items"]} >= {"interviewed", "shortlisted", "supported", "declined"}
    assert {firm["eu_size"] for firm in firms["items"]} == {"micro", "small", "medium", "small_mid_cap", "large"}
    [funnel, searched] = loaded.get(
        "territory", "firms/funnel?as_of=2023-10-03", "firms?q=mecanique+ales&commune=30007"
    )
    assert (funnel["firms_solicited"], funnel["firms_interviewed"], funnel["response_rate"]) == (46, 46, 1.0)
    assert [firm["name"] for firm in searched["items"]] == ["Mécanique d'Alès (demonstration)"]


def test_46_auditions_were_held_on_working_days_and_some_are_still_followed_up(loaded: Loaded) -> None:
    whole, early, auditions, still, people = loaded.get(
        "territory", "summary?as_of=2023-10-03", "summary?as_of=2023-06-15", "auditions?status=held&limit=100",
        "auditions?follow_up_status=open&count=exact", "contacts?limit=100",
    )  # fmt: skip
    assert (whole["auditions_held"], early["auditions_held"]) == (46, 2)
    assert len({siren for audition in auditions["items"] for siren in audition["sirens"]}) == 46
    assert {date.fromisoformat(audition["held_on"]).weekday() for audition in auditions["items"]} <= {0, 1, 2, 3, 4}
    assert all(audition["findings"] and audition["needs"] for audition in auditions["items"])
    assert still["total"] == 8
    assert all(
        "(demonstration)" in person["name"] and person["email"].endswith(".invalid") for person in people["items"]
    )


def test_the_closing_committee_of_3_october_is_closed(loaded: Loaded) -> None:
    [meetings] = loaded.get("committee", "committees?sort=held_at")
    first, second, *later = meetings["items"]
    told = [(meeting["level"], meeting["held_at"][:10], meeting["status"]) for meeting in (first, second)]
    assert told == [("territorial", "2023-09-26", "closed"), ("state_region", "2023-10-03", "closed")]
    assert [(meeting["level"], meeting["status"]) for meeting in later] == [
        ("territorial", "closed"), ("state_region", "closed"),
    ]  # fmt: skip
    assert all(meeting["quorum_reached"] for meeting in meetings["items"])


def test_two_committees_have_decided_files_and_their_records_are_sealed(loaded: Loaded) -> None:
    [meetings] = loaded.get("committee", "committees?sort=-held_at&limit=2")
    granting, selecting = (f"committees/{meeting['id']}" for meeting in meetings["items"])
    told = {}
    for path in (selecting, granting):
        agenda, record, decisions = loaded.get("committee", f"{path}/agenda", f"{path}/record", f"{path}/decisions")
        assert agenda["state"] == "frozen"
        assert record["content"]["agenda"] == {"number": 1, "content_hash": agenda["content_hash"]}
        assert len(record["content_hash"]) == 64
        assert [each["id"] for each in record["content"]["decisions"]] == [each["id"] for each in decisions["items"]]
        told[path] = decisions["items"]
    assert [each["outcome"] for each in told[selecting]] == ["pre_select", "reject"]
    [grant] = told[granting]
    assert (grant["outcome"], grant["grant_cents"]) == ("grant", 50_000_00)
    assert re.fullmatch(r"ALES-20\d\d-SR1-01", grant["reference"])
    [award] = loaded.get("funder", f"grants/{grant['grant_id']}")
    assert (award["decision_reference"], award["decision_id"]) == (grant["reference"], grant["id"])


def test_leave_for_late_entry_is_recorded_with_its_reason(loaded: Loaded) -> None:
    [leaves] = loaded.get("auditor", f"missions/{_mission(loaded)}/late-entry-leaves")
    [leave] = leaves["items"]
    assert leave["until_on"] > date.today().isoformat()  # decades away
    assert leave["reason"]


def test_every_key_works_and_holds_its_role(loaded: Loaded) -> None:
    assert set(loaded.keys) == {*Role, "second_funder", "second_treasurer"}
    subjects = set()
    for name in loaded.keys:
        [me] = loaded.get(name, "/v1/me")
        assert [held["role"] for held in me["roles"]] == [name.removeprefix("second_")]
        subjects.add(me["subject_id"])
    assert len(subjects) == len(loaded.keys)


def test_the_keys_are_for_their_owner_alone(loaded: Loaded) -> None:
    assert stat.S_IMODE(loaded.keys_file.stat().st_mode) == 0o600
    assert json.loads(loaded.keys_file.read_text()) == loaded.keys
    assert [path.name for path in loaded.keys_file.parent.iterdir()] == [KEYS_FILE]


@pytest.mark.parametrize("first_start", [True, False])
def test_a_second_run_changes_nothing(loaded: Loaded, first_start: bool) -> None:
    before = fingerprint(loaded.url)
    assert load(loaded.url, loaded.keys_file, first_start=first_start) == loaded.keys
    assert fingerprint(loaded.url) == before


@pytest.mark.parametrize("first_start", [True, False])
def test_what_became_of_the_demonstration_is_left_as_it_is(
    new_demonstration: Any, tmp_path: Path, first_start: bool
) -> None:
    """Entries are gone and their month is closed, the override is withdrawn: a later start neither enters them again
    nor fails over it.
    """
    mine = Loaded.copied(new_demonstration, f"demoused{first_start}", tmp_path)

    async def use() -> None:
        async with mine.client("lead") as lead, mine.client("operator") as operator:
            drafts = ok(await lead.get("time-entries?status=draft"))["items"]
            for entry in drafts:
                await lead.delete(f"time-entries/{entry['id']}")
            mission_id = ok(await lead.get("missions"))["items"][0]["id"]
            ok(await operator.post("month-locks", {"mission_id": mission_id, "month": "2023-07"}), 201)
        async with mine.client("funder") as funder:
            override = ok(await funder.get("overrides?status=approved"))["items"][0]["id"]
            headers = {"If-Match": "*"}
            ok(await funder.post(f"overrides/{override}/withdraw", {"reason": "No need."}, headers=headers))

    asyncio.run(use())
    before = fingerprint(mine.url)
    assert load(mine.url, mine.keys_file, first_start=first_start) == mine.keys
    assert fingerprint(mine.url) == before


def test_a_start_issues_no_key_in_the_place_of_one_that_was_revoked(new_demonstration: Any, tmp_path: Path) -> None:
    mine = Loaded.copied(new_demonstration, "demorevoked", tmp_path)
    look(mine.url, "UPDATE api_keys SET revoked_at = now() WHERE digest = $1", digest_of(mine.keys["admin"]))
    before = fingerprint(mine.url)
    kept = load(mine.url, mine.keys_file, first_start=True)
    assert kept == {role: key for role, key in mine.keys.items() if role != "admin"}
    assert fingerprint(mine.url) == before


@pytest.mark.parametrize(
    ("error", "said"), [(MonthLocked(month="2023-07"), "month-locked: "), (KeyError("gone"), "KeyError: 'gone'")]
)
def test_a_demonstration_that_fails_never_stops_the_service(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(*_: Any, **__: Any) -> dict[str, str]:
        raise error

    monkeypatch.setattr(demo, "ensure", fail)
    assert serving._demonstration("postgresql://nowhere/none", tmp_path) == {}
    assert f"the demonstration is not loaded ({said}" in capsys.readouterr().err


def test_a_firm_has_an_approved_account_and_proposes_another(loaded: Loaded) -> None:
    [listed] = loaded.get("auditor", "bank-details")
    changing = next(item["siren"] for item in listed["items"] if item["status"] == "proposed")
    approved, proposed = [item for item in listed["items"] if item["siren"] == changing]
    assert (approved["status"], proposed["status"]) == ("approved", "proposed")
    assert approved["siren"] == proposed["siren"]
    assert approved["iban"][5:9] == proposed["iban"][5:9] == "••••"
    waiting = loaded.get("treasurer", "/v1/me/to-do")[0]["items"]
    [advances] = loaded.get("auditor", "advances")
    statements = loaded.get("auditor", *(f"advances/{each['id']}/statement" for each in advances["items"]))
    late = sum(line["late_cents"] > 0 for each in statements for line in each["lines"])  # more of them as time passes
    assert late > 0
    told = {each["kind"]: each["count"] for each in waiting}
    assert told == {"bank_details_to_approve": 1, "instalments_late": late}
    path = f"firms/{approved['siren']}/certificates?valid_on=2023-10-03"
    assert {item["kind"] for item in loaded.get("auditor", path)[0]["items"]} == {"tax", "social"}


def test_eleven_aid_files_are_in_eleven_states(loaded: Loaded) -> None:
    listed, waiting = loaded.get("funder", "applications?sort=received_on", "/v1/me/to-do")
    states = [item["state"] for item in listed["items"]]
    assert sorted(states) == [
        "admissible", "deemed_admissible", "draft", "granted", "implicitly_rejected", "inadmissible", "incomplete",
        "rejected", "submitted", "under_review", "withdrawn",
    ]  # fmt: skip
    told = {each["kind"]: each["count"] for each in waiting["items"]}
    assert told["applications_before_silence"] >= 1
    [mine] = loaded.get("territory", "/v1/me/to-do")
    assert {each["kind"]: each["count"] for each in mine["items"]}["applications_awaiting_documents"] == 1
    reviewed = next(item for item in listed["items"] if item["state"] == "under_review")
    [review] = loaded.get("operator", f"applications/{reviewed['id']}/review")
    assert review["opinion"] == "favourable"


def test_each_award_rests_on_its_scheme_and_lives_in_its_own_way(loaded: Loaded) -> None:
    grants, advances, claims, payments, recoveries, commitments, letters = loaded.get(
        "auditor", "grants?sort=id", "advances", "claims", "grant-payments", "recoveries",
        "commitments", "letters",
    )  # fmt: skip
    awards = [*grants["items"], *advances["items"]]
    assert all(award["parameters"]["advance_payment_bp"] == 3_000 and award["notified_on"] for award in awards)
    assert all(award["amount_cents"] <= award["base_cents"] == _sum(award["lines"]) for award in awards)
    told = [
        (award["stage"], award["status"], award["amount_cents"], award["paid_cents"], award["released_cents"],
         award["in_flight_cents"], award["recovered_cents"], award["in_recovery"])
        for award in grants["items"]
    ]  # fmt: skip
    assert told == [
        ("completed", "paying", 250_000_00, 175_000_00, 0, 0, 0, False),
        ("closed", "closed", 120_000_00, 108_000_00, 12_000_00, 0, 0, False),
        ("started", "paying", 90_000_00, 27_000_00, 0, 0, 3_000_00, True),
        ("lapsed", "cancelled", 60_000_00, 0, 60_000_00, 0, 0, False),
        ("started", "awarded", 50_000_00, 0, 0, 15_000_00, 0, False),
    ]
    assert [award["final_cents"] for award in grants["items"]] == [None, 108_000_00, None, None, None]
    assert grants["items"][3]["ended_on"] == "2025-10-21", "24 months after the notification"
    assert sorted((claim["status"], claim["deducted_cents"]) for claim in claims["items"]) == [
        ("settled", 0), ("settled", 0), ("settled", 4_000_00), ("submitted", 0),
    ]  # fmt: skip
    [tranches] = loaded.get("auditor", "advance-tranches")
    paid = [*payments["items"], *tranches["items"]]
    assert not any(payment["exceeds"] for payment in paid), "nothing was paid that could not be proposed"
    [waiting] = [payment for payment in payments["items"] if payment["status"] == "approved"]
    assert waiting["proposed_by"] != waiting["approved_by"]
    assert [(each["status"], each["remaining_cents"]) for each in recoveries["items"]] == [("ordered", 6_000_00)]
    assert [(each["kind"], each["status"]) for each in letters["items"]] == [
        ("notification", "notified"), ("agreement", "notified"),
    ]  # fmt: skip
    assert {(each["kind"], each["months"], each["outcome"]) for each in commitments["items"]} == {
        ("jobs", 12, "met"), ("jobs", 36, None), ("investment", 60, None),
    }  # fmt: skip


def test_five_advances_are_repaid_in_five_ways(loaded: Loaded) -> None:
    """On time; late, noticed and settled with late interest; rescheduled; repaid early; failed and waived in part."""
    [advances] = loaded.get("auditor", "advances?sort=id")
    told = {advance["external_id"]: advance for advance in advances["items"]}
    assert list(told) == [f"demo-advance-{number}" for number in range(1, 6)]
    late, on_time, rescheduled, early, failed = told.values()
    stands = loaded.get("auditor", *(f"advances/{each['id']}/statement?as_of=2026-10-01" for each in told.values()))
    figures = [
        (
            each["repaid_cents"],
            each["waived_cents"],
            each["outstanding_cents"],
            each["late_cents"],
            each["income_cents"],
        )
        for each in stands
    ]
    assert figures == [
        (250_000_00, 0, 50_000_00, 25_000_00, 152_47),  # 60 days at 3.71 % on a quarter; the last one is late again
        (91_666_63, 0, 8_333_37, 0, 0),
        (7_500_00, 0, 52_500_00, 0, 0),
        (42_000_00, 0, 0, 0, 0),
        (26_500_00, 20_000_00, 1_500_00, 0, 0),
    ]
    assert not any(each["overpaid_cents"] for each in stands)
    assert all(line["settled_on"] <= line["due_on"] for line in stands[1]["lines"] if line["settled_on"])
    assert [line["due_on"] for line in stands[0]["lines"] if (line["settled_on"] or "") > line["due_on"]] == [
        "2025-03-31"
    ]
    [during] = loaded.get("auditor", f"advances/{late['id']}/statement?as_of=2025-06-15")
    assert (during["late_cents"], during["late_interest_cents"]) == (25_000_00, 149_92)
    notices, reschedules, announced, waivers, schedule = (
        found.get("items", found)
        for found in loaded.get(
            "auditor", f"advances/{late['id']}/notices", f"advances/{rescheduled['id']}/reschedules",
            f"advances/{early['id']}/early-repayments", f"advances/{failed['id']}/waivers",
            f"advances/{rescheduled['id']}/schedule",
        )
    )  # fmt: skip
    assert [(each["lines"], each["runs_from_on"]) for each in notices] == [(["2025-03-31"], "2025-04-17")]
    [moved], [waived] = reschedules, waivers
    assert (moved["kind"], moved["status"], len(moved["after"])) == ("re_age", "approved", 8)
    assert (waived["waive"], waived["status"], waived["waived_cents"]) == ("part", "approved", 20_000_00)
    assert all(each["requested_by"] != each["decided_by"] for each in (moved, waived))
    assert (schedule["cause"], schedule["version"], schedule["lines"][-1]["due_on"]) == ("amendment", 2, "2028-06-30")
    [rest] = announced
    assert (rest["status"], rest["choice"], rest["amount_cents"]) == ("received", "shorten", 28_000_00)
    assert [each["stage"] for each in told.values()] == ["running", "running", "running", "repaid", "running"]
    assert (on_time["released_cents"], failed["terms"]["kind"]) == (100_000_00, "conditional")


def _sum(lines: list[dict[str, Any]]) -> int:
    return sum(line["amount_cents"] for line in lines)


def test_every_act_of_the_demonstration_left_an_event(loaded: Loaded) -> None:
    told = {row[0] for row in look(loaded.url, "SELECT DISTINCT type FROM events")}
    assert told >= {
        "wave.created", "territory.created", "perimeter.created", "organisation.created", "person.created",
        "member.created", "api_key.created", "firm.created", "territory_firm.created", "mission.created",
        "order.created", "late_entry_leave.created", "mission_member.created", "consultant.created",
        "time_entry.created", "time_entry.validated", "time_entry.rejected", "time_entry.reversed",
        "grant.notified", "grant.agreed", "grant.started", "grant.completed", "grant.closed", "grant.lapsed",
        "claim.submitted", "claim.settled", "grant_payment.approved", "recovery.ordered", "commitment.judged",
        "advance_notice.recorded", "advance_repayment.bounced", "reschedule.approved", "waiver.found",
        "waiver.approved", "early_repayment.received",
    }  # fmt: skip
    counted = look(
        loaded.url,
        "SELECT (SELECT count(*) FROM events WHERE type = 'time_entry.created'), (SELECT count(*) FROM time_entries)",
    )
    assert counted[0][0] == counted[0][1]


def test_a_load_that_died_in_any_step_goes_on(
    empty: str, tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each start dies one step later: first before the step's COMMIT, then right after it."""
    keys_file = tmp_path / KEYS_FILE
    for step in STEPS:
        whole = getattr(demo._Load, step)

        async def unfinished(self: Any, *arguments: Any, whole: Any = whole) -> None:
            with monkeypatch.context() as within:
                within.setattr(Write, "see", _die)
                await whole(self, *arguments)

        async def then_die(self: Any, *arguments: Any, whole: Any = whole) -> None:
            await whole(self, *arguments)
            raise Died

        for dying in (unfinished, then_die):
            with monkeypatch.context() as patched:
                patched.setattr(demo._Load, step, dying)
                with pytest.raises(Died):
                    load(empty, keys_file)
    keys_file.unlink()
    issued = load(empty, keys_file, first_start=False)
    assert issued.keys() == demo.PEOPLE.keys()
    assert _figures(empty) == _figures(loaded.url)


async def _die(*_: Any) -> Any:
    raise Died


def _figures(url: str) -> list[tuple[str, ...]]:
    """What is in the database, without what differs between two loads: ids, times, keys."""
    members = "member_days m JOIN organisations o ON o.id = m.organisation_id"
    roles = "members m JOIN subjects s ON s.id = m.subject_id"
    queries = [
        "SELECT 'entry', external_id, worked_on::text, days::text, status FROM time_entries",
        "SELECT 'firm', siren, stage, stage_since_on::text, '' FROM territory_firms",
        f"SELECT 'member', o.name, m.days_allotted::text, m.days_entered::text, '' FROM {members}",
        "SELECT 'mission', days_ordered::text, days_allotted::text, days_entered::text, '' FROM mission_days",
        f"SELECT 'role', s.name, m.role, coalesce(m.territory, ''), m.from_on::text FROM {roles}",
        "SELECT 'commune', insee_code, name, vintage::text, '' FROM perimeter_communes",
        "SELECT 'leave', until_on::text, reason, '', '' FROM late_entry_leaves",
    ]
    return sorted(tuple(row) for query in queries for row in look(url, query))


def test_keys_that_no_longer_work_are_replaced_and_the_others_kept(loaded: Loaded, tmp_path: Path) -> None:
    keys_file = tmp_path / KEYS_FILE
    first = load(loaded.url, keys_file, first_start=False)
    assert set(first.values()).isdisjoint(loaded.keys.values())
    look(loaded.url, "UPDATE api_keys SET revoked_at = now() WHERE digest = $1", digest_of(first["lead"]))
    second = load(loaded.url, keys_file, first_start=False)
    assert [role for role in first if first[role] != second[role]] == ["lead"]


def test_a_database_filled_by_others_is_left_alone_on_first_start(empty: str, tmp_path: Path) -> None:
    look(empty, "INSERT INTO organisations (name, created_at, updated_at) VALUES ('Another', now(), now())")
    before = fingerprint(empty)
    assert load(empty, tmp_path / KEYS_FILE) == {}
    assert fingerprint(empty) == before
    assert list(tmp_path.iterdir()) == []


def test_day_100_25_is_refused_on_the_demonstration(new_demonstration: Any, tmp_path: Path) -> None:
    """The README's tour: the lead enters the 25 days that are left, and the next quarter is refused."""
    mine = Loaded.copied(new_demonstration, "demotour", tmp_path)
    [consultants] = mine.get("lead", "consultants")
    ours = [item for item in consultants["items"] if item["organisation_name"].startswith("Ancoris")]
    days = [date(2023, 8, day) for day in range(1, 32) if date(2023, 8, day).weekday() < 5]
    entries = [
        {"mission_id": consultant["mission_id"], "consultant_id": consultant["id"], "worked_on": day.isoformat(),
         "days": 1, "activity": "roadmap"}
        for day in days for consultant in ours
    ]  # fmt: skip

    async def enter() -> None:
        async with mine.client("lead") as lead:
            ok(await lead.post("time-entries/batch", {"items": entries[:25]}), 201)
            assert ok(await lead.get("engineering"))["days_left"] == 0
            refused = problem(await lead.post("time-entries", {**entries[25], "days": 0.25}), 409, "days-exhausted")
            assert (refused["days_requested"], refused["days_left"], refused["days_ordered"]) == (0.25, 0, 100)

    asyncio.run(enter())


def test_the_projects_come_to_the_published_sums(loaded: Loaded) -> None:
    """177 M€ and 586 jobs, a fifth of the projects oriented to France 2030: 25 projects stand for the 131."""
    sums, projects, drafts = loaded.get(
        "territory", "projects/totals", "projects?limit=500", "projects?longer_than_24_months=true"
    )
    assert (sums["projects"], sums["cost_cents"], sums["jobs_created_fte"]) == (25, 177_000_000_00, 586)
    shares = {route["funding_route"]: route["share"] for route in sums["by_funding_route"]}
    assert shares["france_2030"] == 0.2
    assert all(project["detected_in_audition_id"] for project in projects["items"])
    assert len(drafts["items"]) == 1
    plans = loaded.get("funder", *(f"projects/{project['id']}/financing" for project in projects["items"]))
    assert sorted(plan["status"] for plan in plans) == ["complete"] * 24 + ["draft"]
    gaps = [[gap["code"] for gap in plan["gaps"]] for plan in plans if plan["status"] == "draft"]
    # A bank has refused. What was released of an aid its firm has made up for.
    assert sorted(gaps) == [["sources_below_uses", "source_refused"]]
    lines = [line for plan in plans for line in plan["lines"] if line["kind"].startswith("rebond_")]
    awards = [award for page in loaded.get("funder", "grants", "advances") for award in page["items"]]
    standing = {
        award["id"]: award["amount_cents"] - award["released_cents"]
        for award in awards
        if award["status"] != "cancelled"
    }
    assert {line["award_id"]: line["amount_cents"] for line in lines if line["award_id"]} == standing
    released = 12_000_00 + 60_000_00 + 100_000_00
    assert sum(standing.values()) + released == 1_220_000_00, "the awards, less what was released"
    assert [line["amount_cents"] for line in lines if not line["award_id"]] == [60_000_00], "the grant has lapsed"
    [then] = loaded.get("territory", "projects/totals?as_of=2023-10-03")
    assert then["by_stage"]["contracted"] == 9, "on the day of their awards"


def test_the_roadmap_in_four_axes_is_adopted_by_the_closing_committee(loaded: Loaded) -> None:
    roadmap, committees = loaded.get("committee", "roadmap", "committees?sort=held_at")
    assert (roadmap["status"], roadmap["adopted_on"], len(roadmap["axes"])) == ("adopted", "2023-10-03", 4)
    assert roadmap["committee_id"] == committees["items"][1]["id"]
    assert (roadmap["starts_on"], roadmap["ends_on"]) == ("2023-10-03", "2027-12-31")
    [on_the_day] = loaded.get("committee", "roadmap?as_of=2023-10-03")
    assert (on_the_day["progress"]["ratio"], roadmap["progress"]["done"]) == (0, 2)
