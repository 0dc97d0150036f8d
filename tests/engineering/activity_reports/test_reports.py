"""Activity reports: made, sealed and signed; who sees and signs which; each way an entry changes makes them stale."""

import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pypdf
import pytest

from app.core.reading import documents
from app.engineering.activity_reports import document
from app.engineering.entries.rules import COUNTING
from tests.bare_sql import clone
from tests.contract.cures import seen, subject
from tests.engineering.corrections.test_corrections import act as correct
from tests.integrations.imports.files import carry_out, csv_file
from tests.integrations.imports.test_kinds import here
from tests.world import Client, Mission, World, ok, problem

JULY = "2023-07"
SIGNED_ON = "2023-08-01"


async def assigned(world: World, **more: Any) -> Mission:
    """A mission on which the consultant and the lead's own person work, both with a key."""
    people = {"partner": world.subjects["consultant"], "lead": world.subjects["lead"]}
    return await world.mission(days=40, lead=15, partner=25, people=people, **more)


async def enter(world: World, mission: Mission, day: str = "2023-07-04", days: float = 0.5, **more: Any) -> str:
    return str(
        ok(await world.consultant.post("time-entries", mission.entry(worked_on=day, days=days, **more)), 201)["id"]
    )


async def make(client: Client, consultant: str, month: str = JULY) -> dict[str, Any]:
    return dict(ok(await client.post("activity-reports", {"consultant_id": consultant, "month": month}), 201))


async def sign(client: Client, report: str, act: str = "sign", **more: Any) -> httpx2.Response:
    path = f"activity-reports/{report}"
    body = {"name": "Camille Exemple", "signed_on": SIGNED_ON, **more}
    return await client.post(f"{path}/{act}", body, headers=await seen(client, path))


async def signed(world: World, mission: Mission, month: str = JULY) -> dict[str, Any]:
    """The report of the partner's consultant, with both signatures."""
    report = await make(world.consultant, mission.partner_consultant, month)
    ok(await sign(world.consultant, report["id"]))
    return dict(ok(await sign(world.lead, report["id"], "countersign", name="Dominique Exemple")))


async def report_of(world: World, report: str) -> dict[str, Any]:
    return dict(ok(await world.operator.get(f"activity-reports/{report}")))


# --- the story -------------------------------------------------------------------------------------------------------


async def test_a_report_is_made_sealed_and_signed_by_two_persons(app: Any, world: World) -> None:
    mission = await assigned(world)
    siren = await world.followed_firm("Fonderie")
    first = await enter(world, mission, siren=siren, note="Two lines,\nof one day.")
    await enter(world, mission, "2023-07-05", 1, activity="analysis")
    await enter(world, mission, "2023-07-06", 1, status="draft")
    await enter(world, mission, "2023-06-30", 1)
    made = await make(world.consultant, mission.partner_consultant)
    assert (made["status"], made["days"], made["last_worked_on"], made["month"]) == ("to_sign", 1.5, "2023-07-05", JULY)
    path = f"activity-reports/{made['id']}"

    answer = await world.operator.get(f"{path}/content")
    assert hashlib.sha256(answer.text.removesuffix("\n").encode()).hexdigest() == made["content_hash"]
    said = answer.json()
    assert [entry["id"] for entry in said["entries"]][:1] == [first]
    assert said["entries"][0] | {"siren": siren, "firm_name": "Fonderie", "days": 0.5} == said["entries"][0]
    assert [(row["activity"], row["days"]) for row in said["by_activity"]] == [("analysis", 1), ("audition", 0.5)]
    assert [(row["siren"], row["days"]) for row in said["by_firm"]] == [(None, 1), (siren, 0.5)]
    assert said["by_day"] == [{"worked_on": "2023-07-04", "days": 0.5}, {"worked_on": "2023-07-05", "days": 1}]

    # Validation is no change of what the report says.
    ok(await world.lead_judge.post(f"time-entries/{first}/validate"))
    one = ok(await sign(world.consultant, made["id"]))
    assert (one["status"], one["consultant_signed_name"], one["consultant_signed_on"]) == (
        "signed_by_consultant", "Camille Exemple", SIGNED_ON,
    )  # fmt: skip
    both = ok(await sign(world.lead, made["id"], "countersign", name="Dominique Exemple", signed_on="2023-08-02"))
    assert (both["status"], both["lead_signed_by"], both["lead_signed_name"]) == (
        "signed", str(world.subjects["lead"]), "Dominique Exemple",
    )  # fmt: skip
    assert both["content_hash"] == made["content_hash"]
    events = await world.events(made["id"])
    assert [event["type"] for event in events] == [
        f"activity_report.{what}" for what in ("created", "signed", "countersigned")
    ]
    assert not [event for event in events if "Exemple" in event["data"] or "consultant_name" in event["data"]]
    problem(
        await world.consultant.post("activity-reports", {"consultant_id": mission.partner_consultant, "month": JULY}),
        409,
        "activity-report-exists",
    )
    assert await world.differences(app.state["engine"]) == []


async def test_the_paper_has_what_was_sealed_and_the_signatures(world: World) -> None:
    """The same report gives the same bytes; a firm that is renamed later stands there as it was called."""
    mission = await assigned(world)
    siren = await world.followed_firm("Fonderie")
    entry = await enter(world, mission, siren=siren, note="Échange avec l'équipe")
    made = (await signed(world, mission))["id"]
    ok(await world.clients["territory"].patch(f"/v1/firms/{siren}", {"name": "Another name"}))
    french = {"Accept": "application/pdf", "Accept-Language": "fr"}
    paper = await world.consultant.get(f"activity-reports/{made}", headers=french)
    again = await world.operator.get(f"activity-reports/{made}", params={"format": "pdf"}, headers=french)
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.content == again.content
    reader = pypdf.PdfReader(io.BytesIO(paper.content))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).replace("\u200b", "").split())
    for said in ("Compte rendu d’activité – juillet 2023", "Fonderie", "Échange avec l'équipe", "0,50",
                 "Signé par Camille Exemple le 1er août 2023", "Signé par Dominique Exemple le 1er août 2023",
                 f"Donné dans Rebond avec la clé de consultant of {world.territory}"):  # fmt: skip
        assert said in text, (said, text)
    assert "Another name" not in text
    assert (await report_of(world, made))["content_hash"][:16] in text.replace(" ", "")
    ok(await world.lead.post(f"time-entries/{entry}/reject", {"reason": "No."}))
    stale = await world.operator.get(f"activity-reports/{made}", params={"format": "pdf"})
    assert "This report is stale" in pypdf.PdfReader(io.BytesIO(stale.content)).pages[0].extract_text()


async def test_the_signatures_share_a_page_with_what_is_signed() -> None:
    """However many days there are: nobody signs a page that says nothing."""
    entry = {"worked_on": "2023-07-03", "counted_on": "2023-07-03", "activity_label": "Audition",
             "firm_name": "Fonderie", "days": 1, "note": None}  # fmt: skip
    pages = set()
    for number in range(24, 36, 3):
        content = {"consultant_name": "Camille", "organisation_name": "Cabinet", "mission_name": "Mission", "days": 1,
                   "territory_name": "Alès", "lead_name": "Cabinet", "by_activity": [], "by_firm": [],
                   "entries": [entry] * number}  # fmt: skip
        signed = {f"{who}_signed_{what}": value for who in ("consultant", "lead")
                  for what, value in (("on", "2023-08-01"), ("name", "Camille"), ("by_name", "Camille"))}  # fmt: skip
        shown = {"content": content, "month": "2023-07", "stale_entry_worked_on": None, "consultant_name": "Camille",
                 "content_hash": "0" * 64, **signed}  # fmt: skip
        paper = await documents.pdf(document.DOCUMENT.template, document.as_data(shown, "fr"))
        last = pypdf.PdfReader(io.BytesIO(paper)).pages[-1]
        assert "déclare avoir effectué" in last.extract_text(), number
        pages.add(last.page_number)
    assert pages == {0, 1}, "the break is among them"


# --- who -------------------------------------------------------------------------------------------------------------


async def test_each_signs_with_a_key_of_their_own(world: World) -> None:
    mission = await assigned(world)
    await enter(world, mission)
    ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)
    theirs = (await make(world.lead, mission.partner_consultant))["id"]
    own = (await make(world.lead, mission.lead_consultant))["id"]
    colleague = await subject(world, "consultant", home="partner")

    problem(await sign(colleague, theirs), 403, "activity-report-not-yours")
    problem(await sign(world.lead, theirs), 403, "activity-report-not-yours")
    problem(await sign(world.lead, theirs, "countersign"), 409, "activity-report-transition")
    problem(await sign(world.operator, theirs), 403, "forbidden")
    early = problem(await sign(world.consultant, theirs, signed_on="2023-07-03"), 422, "validation-failed")
    assert early["errors"][0]["code"] == "signed_before_last_day"
    path = f"activity-reports/{theirs}"
    body = {"name": "Camille Exemple", "signed_on": SIGNED_ON}
    problem(await world.consultant.post(f"{path}/sign", body), 428, "if-match-missing")
    ok(await sign(world.consultant, theirs))
    problem(await sign(world.consultant, theirs), 409, "activity-report-transition")
    early = problem(await sign(world.lead, theirs, "countersign", signed_on="2023-07-31"), 422, "validation-failed")
    assert early["errors"][0]["code"] == "signed_before_consultant"
    problem(await sign(world.consultant, theirs, "countersign"), 403, "forbidden")
    ok(await sign(world.lead, theirs, "countersign"))

    ok(await sign(world.lead, own))
    problem(await sign(world.lead, own, "countersign"), 403, "activity-report-by-one-person")
    ok(await sign(world.lead_judge, own, "countersign"))

    # A partner sees and makes its own firm's; the lead those of the consortium.
    assert [row["id"] for row in ok(await world.consultant.get("activity-reports"))["items"]] == [theirs]
    problem(await world.consultant.get(f"activity-reports/{own}"), 404, "not-found")
    problem(await world.consultant.get(f"activity-reports/{own}/content"), 404, "not-found")
    assert len(ok(await world.lead.get("activity-reports"))["items"]) == 2
    body = {"consultant_id": mission.lead_consultant, "month": JULY}
    problem(await world.consultant.post("activity-reports", body), 404, "reference-not-found")
    for hidden in ("territory", "funder", "treasurer", "committee"):
        problem(await world.clients[hidden].get("activity-reports"), 404, "not-found")


async def test_a_lead_role_without_the_lead_of_the_mission_neither_makes_nor_signs(world: World) -> None:
    mission = await assigned(world)
    await enter(world, mission)
    other = await subject(world, "lead", home="office")
    body = {"consultant_id": mission.partner_consultant, "month": JULY}
    problem(await other.post("activity-reports", body), 403, "other-organisation")
    made = (await make(world.consultant, mission.partner_consultant))["id"]
    ok(await sign(world.consultant, made))
    problem(await sign(other, made, "countersign"), 403, "not-the-lead-firm")


async def test_what_lacks_a_signature_is_listed_and_told_to_whoever_gives_it(world: World) -> None:
    mission = await assigned(world)
    await enter(world, mission)
    await enter(world, mission, "2023-06-20")
    june, july = [
        (await make(world.consultant, mission.partner_consultant, month))["id"] for month in ("2023-06", JULY)
    ]
    ok(await sign(world.consultant, june))

    async def listed(query: str) -> list[str]:
        found = ok(await world.operator.get(f"activity-reports?sort=month&{query}"))
        return [row["id"] for row in found["items"]]

    assert await listed("missing=signature") == [june, july]
    assert await listed("missing=consultant_signature") == [july]
    assert await listed("missing=lead_signature") == [june]
    assert await listed(f"month={JULY}&status=to_sign&person_id={world.subjects['consultant']}") == [july]
    assert await listed(f"led_by={world.organisations['partner']}") == []

    async def waits(client: Client) -> dict[str, tuple[int, str]]:
        items = ok(await client.get("engineering/to-do"))["items"]
        for item in items:
            assert ok(await client.get(item["link"] + "&count=exact"))["total"] == item["count"]
        return {item["kind"]: (item["count"], item["oldest_on"]) for item in items if "report" in item["kind"]}

    assert await waits(world.consultant) == {"activity_reports_to_sign": (1, "2023-07-04")}
    assert await waits(world.lead) == {"activity_reports_to_countersign": (1, "2023-06-20")}
    ok(await sign(world.lead, june, "countersign"))
    await enter(world, mission, "2023-06-21")
    assert await listed("missing=signature") == [july]
    assert await listed("status=stale&replaced=false") == [june]
    assert (await waits(world.consultant))["activity_reports_to_make_again"] == (1, "2023-06-20")
    assert "activity_reports_to_countersign" not in await waits(world.lead)
    await make(world.consultant, mission.partner_consultant, "2023-06")
    assert await listed("status=stale&replaced=false") == []
    ok(await world.lead.post("time-entries", mission.entry(by="lead", worked_on="2023-07-05")), 201)
    await make(world.lead, mission.lead_consultant)
    none = {"to_sign": 0, "signed_by_consultant": 0, "signed": 0, "stale": 0}
    other = f"?organisation_id={world.organisations['lead']}"
    for reader, query, to_sign in (
        (world.operator, "", 3), (world.lead, "", 3), (world.consultant, "", 2),
        (world.operator, other, 1), (world.consultant, other, 0),
    ):  # fmt: skip
        counted = ok(await reader.get(f"engineering{query}"))["activity_reports"]
        assert counted == none | {"to_sign": to_sign}, (reader, query)


async def test_the_follow_up_counts_reports_as_they_were_known_then(world: World) -> None:
    mission = await assigned(world)
    await enter(world, mission)
    made = (await make(world.consultant, mission.partner_consultant))["id"]
    await world.pool.execute("UPDATE activity_reports SET created_at = '2023-08-01 08:00Z' WHERE id = $1", made)
    for who, day in (("consultant", "2023-08-03"), ("lead", "2023-08-05")):
        await world.pool.execute(
            f"UPDATE activity_reports SET {who}_signed_by = $2, {who}_signed_name = 'A', {who}_signed_on = '{day}',"
            f" {who}_signed_at = '{day} 08:00Z' WHERE id = $1",
            made,
            world.subjects[who],
        )
    await enter(world, mission, "2023-07-05")
    states = {"2023-07-31": None, "2023-08-02": "to_sign", "2023-08-04": "signed_by_consultant",
              "2023-08-06": "signed"}  # fmt: skip
    for day, state in states.items():
        found = ok(await world.operator.get(f"engineering?recorded_as_of={day}"))["activity_reports"]
        assert {name for name, number in found.items() if number} == ({state} if state else set()), day
    assert ok(await world.operator.get("engineering"))["activity_reports"]["stale"] == 1
    assert ok(await world.operator.get("engineering?as_of=2023-06-30"))["activity_reports"]["stale"] == 0
    await make(world.consultant, mission.partner_consultant)
    counted = ok(await world.operator.get(f"engineering?organisation_id={world.organisations['partner']}"))
    assert counted["activity_reports"] == {"to_sign": 1, "signed_by_consultant": 0, "signed": 0, "stale": 0}


async def test_a_month_without_days_has_no_report(world: World) -> None:
    mission = await assigned(world)
    await enter(world, mission, status="draft")
    body = {"consultant_id": mission.partner_consultant, "month": JULY}
    problem(await world.consultant.post("activity-reports", body), 409, "activity-report-empty")


# --- stale, by every way an entry changes ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """A way in which an entry of a signed report changes: the state that it is in before, and the change."""

    name: str
    before: str
    change: Callable[["Reported"], Awaitable[None]]


@dataclass
class Reported:
    """A signed report of one entry, half a day of 4 July, and where it is."""

    world: World
    mission: Mission
    entry: str
    report: str = ""

    async def by_request(self, client: Client, method: str, path: str, body: Any = None, **more: Any) -> None:
        arguments = {} if body is None else {"json": body}
        ok(await client.request(method, f"time-entries{path}", **arguments, **more))

    async def grid(self, *cells: float) -> None:
        week = {"consultant_id": self.mission.partner_consultant, "week": "2023-W27"}
        read = await seen(
            self.world.consultant, f"time-entries/grid?consultant_id={week['consultant_id']}&week=2023-W27"
        )
        days = [
            {"worked_on": f"2023-07-{4 + n:02}", "activity": "audition", "days": part} for n, part in enumerate(cells)
        ]
        ok(await self.world.consultant.put("time-entries/grid", {**week, "cells": days}, headers=read))

    async def imports(self, line: str) -> None:
        head = "consultant_id,worked_on,days,activity"
        file = csv_file(head, f"{self.mission.partner_consultant},{line}")
        ended = await carry_out(self.world.consultant, here(self.world, "time_entries"), file)
        assert ended["status"] == "succeeded", ended

    async def step(self, act: str, client: str = "lead_judge", **body: Any) -> None:
        path = f"/{self.entry}/{act}" if body.pop("one", True) else f"/{act}"
        await self.by_request(self.world.clients[client], "POST", path, body or None)

    async def patch(self, **changed: Any) -> None:
        await self.by_request(self.world.consultant, "PATCH", f"/{self.entry}", changed)

    async def correct(self, **changed: Any) -> None:
        body = {"entry_id": self.entry, "reason": "The morning only.", **changed}
        made = ok(await self.world.consultant.post("time-entry-corrections", body), 201)["id"]
        ok(await correct(self.world.lead, made, "agree"))
        assert (await report_of(self.world, self.report))["status"] == "signed", "nothing has changed yet"
        ok(await correct(self.world.operator, made, "accept"))

    async def submit_another(self) -> None:
        [draft] = ok(await self.world.consultant.get("time-entries?status=draft"))["items"]
        await self.by_request(self.world.consultant, "POST", f"/{draft['id']}/submit")

    async def sql(self, statement: str, *arguments: Any) -> None:
        await self.world.pool.execute(statement.format(entry=f"'{self.entry}'"), *arguments)


UPDATE = "UPDATE time_entries e SET {} WHERE id = {{entry}}"
FIRM = "SELECT siren FROM territory_firms WHERE territory = e.territory LIMIT 1"
WAYS = [
    Way("another entry", "submitted", lambda it: it.by_request(
        it.world.consultant, "POST", "", it.mission.entry(worked_on="2023-07-06"))),
    Way("a batch", "submitted", lambda it: it.by_request(
        it.world.consultant, "POST", "/batch", {"items": [it.mission.entry(worked_on="2023-07-06")]})),
    Way("a draft that is submitted", "submitted", lambda it: it.submit_another()),
    Way("an edit of the days", "submitted", lambda it: it.patch(days=0.25)),
    Way("an edit of the activity", "submitted", lambda it: it.patch(activity="analysis")),
    Way("an edit of the note", "submitted", lambda it: it.patch(note="In the workshop.")),
    Way("an edit of the day", "submitted", lambda it: it.patch(worked_on="2023-07-05")),
    Way("an edit that moves it to another month", "submitted", lambda it: it.patch(worked_on="2023-06-20")),
    Way("a recall", "submitted", lambda it: it.step("recall", "consultant")),
    Way("a recall of many", "submitted", lambda it: it.step("recall", "consultant", one=False, ids=[it.entry])),
    Way("a rejection", "submitted", lambda it: it.step("reject", reason="No.")),
    Way("a rejection of many", "submitted", lambda it: it.step("reject", one=False, ids=[it.entry], reason="No.")),
    Way("a reversal", "submitted", lambda it: it.step("reverse", "consultant", reason="No.")),
    Way("a reversal by the lead", "validated", lambda it: it.step("reverse", reason="No.")),
    Way("a reversal of many", "validated", lambda it: it.step("reverse", one=False, ids=[it.entry], reason="No.")),
    Way("a correction", "certified", lambda it: it.correct(days=0.25)),
    Way("a correction that takes it back", "certified", lambda it: it.correct(days=0)),
    Way("a grid that changes it", "submitted", lambda it: it.grid(0.25)),
    Way("a grid that deletes it", "submitted", lambda it: it.grid(0)),
    Way("a grid that adds a day", "submitted", lambda it: it.grid(0.5, 1)),
    Way("an import that changes it", "submitted", lambda it: it.imports("2023-07-04,0.25,audition")),
    Way("an import that adds a day", "submitted", lambda it: it.imports("2023-07-06,0.25,audition")),
    *(
        Way(f"SQL: {what}", before, partial(Reported.sql, statement=UPDATE.format(what)))
        for before, changes in {
            "submitted": [
                "days = 0.25", "activity = 'analysis'", "note = 'x'",
                "worked_on = '2023-07-05', counted_on = '2023-07-05'",
                "worked_on = '2023-06-20', counted_on = '2023-06-20'", f"firm_siren = ({FIRM})", "status = 'draft'",
                "status = 'rejected', reason = 'x'", "status = 'reversed', reason = 'x'",
            ],
            "validated": ["status = 'reversed', reason = 'x'"],
        }.items()
        for what in changes
    ),
    Way("SQL: a new entry", "submitted", lambda it: it.sql(clone("time_entries", "id = {entry}", external_id="NULL"))),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
async def test_an_entry_that_changes_makes_the_report_stale(app: Any, world: World, way: Way) -> None:
    """At once and for good, told once; the paper stands as it was sealed, and another report can be made."""
    mission = await assigned(world)
    await world.followed_firm()
    it = Reported(world, mission, await enter(world, mission))
    if "draft" in way.name:
        await enter(world, mission, "2023-07-10", status="draft")
    if way.before != "submitted":
        ok(await world.lead_judge.post(f"time-entries/{it.entry}/validate"))
    before = await signed(world, mission)
    it.report = before["id"]
    if way.before == "certified":
        await world.certify(mission)
    other = await enter(world, mission, "2023-08-02")
    august = (await make(world.consultant, mission.partner_consultant, "2023-08"))["id"]
    assert (await report_of(world, it.report)) | {"updated_at": 0} == before | {"updated_at": 0}, "not stale before"
    await way.change(it)
    after = await report_of(world, it.report)
    assert (after["status"], after["version"]) == ("stale", before["version"] + 1)
    assert [name for name in ("stale_at", "stale_entry_id", "stale_entry_worked_on") if after[name] is None] == []
    assert after["content_hash"] == before["content_hash"]
    assert after["lead_signed_name"] == before["lead_signed_name"]
    assert [event["type"] for event in await world.events(it.report)].count("activity_report.stale") == 1
    assert (await report_of(world, august))["status"] == "to_sign", f"another month: {other}"
    problem(await sign(world.lead, it.report, "countersign"), 409, "activity-report-transition")
    counting = "&".join(f"status={status}" for status in COUNTING)
    july = f"time-entries?counted_from=2023-07-01&counted_to=2023-07-31&{counting}"
    if ok(await world.operator.get(july))["items"]:
        assert (await make(world.consultant, mission.partner_consultant))["status"] == "to_sign"
    if not way.name.startswith("SQL"):
        assert await world.differences(app.state["engine"]) == []
