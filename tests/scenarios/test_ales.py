"""The story that must always work, as the press told it: the hundred days of Alès, through HTTP alone."""

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from tests.world import Client, World, fresh_email, fresh_siren, ok, problem


class Ales:
    """Who plays, and what has been made so far. Everything is asked for by a person with a key."""

    def __init__(self, world: World) -> None:
        self.world, self.http = world, world.http
        self.admin, self.programme, self.operator = world.admin, world.programme, world.operator
        self.slug = world.territory.replace("t-", "ales-")
        self.base = f"/v1/territories/{self.slug}"
        self.mission = ""
        self.houses: dict[str, str] = {}
        self.consultants: dict[str, list[str]] = {}

    def by(self, client: Client) -> Client:
        """A national caller, looking at Alès."""
        return Client(client.http, client.key, self.base)

    async def person(self, house: str, name: str, role: str | None = None) -> tuple[str, Client]:
        """Somebody of a consultancy, with a key of his own, and perhaps a role at Alès."""
        address = f"/v1/organisations/{self.houses[house]}/persons"
        person = ok(await self.admin.post(address, {"name": name, "email": fresh_email()}), 201)["id"]
        if role is not None:
            member = {"subject_id": person, "role": role, "territory": self.slug}
            await self.world.grant(**member)
        key = (await self.world.issue(person))["key"]
        return person, Client(self.http, key, self.base)

    def entry(self, house: str, place: int, day: date, days: float, **more: Any) -> dict[str, Any]:
        return {
            "mission_id": self.mission, "consultant_id": self.consultants[house][place], "worked_on": day.isoformat(),
            "days": days, "activity": "audition", **more,
        }  # fmt: skip


def working_days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


ALLOTMENTS = {"Ancoris": 46, "Studio Reset": 20, "Inec": 18, "June Partners": 16}


async def test_the_hundred_days_of_ales(world: World) -> None:
    ales, crowd = Ales(world), 50
    operator = ales.by(ales.operator)

    # A wave is open, and CA Alès Agglomération becomes a laureate of it.
    epci = fresh_siren()
    laureate = {"slug": ales.slug, "name": "Alès Agglomération", "wave_number": world.wave, "lead_siren": epci,
                "laureate_on": "2023-06-14"}  # fmt: skip
    ok(await ales.programme.post("/v1/territories", laureate), 201)
    communes = [{"insee_code": "30007", "name": "Alès"}, {"insee_code": "30132", "name": "La Grand-Combe"}]
    ok(await ales.by(ales.programme).put("perimeter/2023", {"communes": communes}), 201)

    # Banque des territoires orders a mission of 100 days, from 14 June to 30 September 2023 …
    mission = ok(await operator.post("missions", {"name": "Ingénierie Rebond industriel", "step": 0.25}), 201)
    ales.mission = mission["id"]
    order = {"kind": "initial", "reference": "BC-2023-014", "signed_on": "2023-06-01", "days": 100,
             "starts_on": "2023-06-14", "ends_on": "2023-09-30"}  # fmt: skip
    ok(await operator.post(f"missions/{ales.mission}/orders", order), 201)

    # … from four consultancies, each with its allotment, and assigns two persons of each.
    people: dict[str, Client] = {}
    for house, days in ALLOTMENTS.items():
        body = {"name": f"{house} ({ales.slug})", "siren": fresh_siren()}
        ales.houses[house] = ok(await ales.admin.post("/v1/organisations", body), 201)["id"]
        role = "lead" if house == "Ancoris" else "partner"
        member = {"organisation_id": ales.houses[house], "role": role, "days_allotted": days}
        ok(await operator.post(f"missions/{ales.mission}/members", member), 201)
        ales.consultants[house] = []
        for name in ("Consultante A", "Consultant B"):
            person, client = await ales.person(house, name, "consultant" if name.endswith("A") else None)
            people.setdefault(house, client)
            assigned = {"person_id": person, "mission_id": ales.mission, "from_on": "2023-06-14"}
            ales.consultants[house].append(ok(await operator.post("consultants", assigned), 201)["id"])
    _, lead = await ales.person("Ancoris", "Directrice de mission", "lead")
    too_much = {"organisation_id": str(world.organisations["office"]), "role": "partner", "days_allotted": 0.25}
    refused = await operator.post(f"missions/{ales.mission}/members", too_much)
    problem(refused, 409, "allotments-exceed-order")

    # The closing committee meets on 3 October: the mission is extended by an amendment, which adds no day.
    closing = ales.entry("Ancoris", 0, date(2023, 10, 3), 0.5, activity="committee")
    problem(await people["Ancoris"].post("time-entries", closing), 409, "outside-mission-window")
    extension = {"kind": "amendment", "reference": "BC-2023-014-AV1", "signed_on": "2023-09-28", "days": 0,
                 "ends_on": "2023-10-03", "reason": "Closing committee of 3 October."}  # fmt: skip
    ok(await operator.post(f"missions/{ales.mission}/orders", extension), 201)
    extended = ok(await operator.get(f"missions/{ales.mission}"))
    assert (extended["days_ordered"], extended["ends_on"]) == (100, "2023-10-03")
    ok(await people["Ancoris"].post("time-entries", closing), 201)

    # Consultants log quarter days, each firm all it is allotted; only the lead keeps one quarter for the end.
    for house, allotted in ALLOTMENTS.items():
        left = float(allotted) - (0.75 if house == "Ancoris" else 0)
        entries: list[dict[str, Any]] = []
        for day, place in (
            (day, place) for day in working_days(date(2023, 6, 14), date(2023, 9, 30)) for place in (0, 1)
        ):
            part = min((0.25, 0.5, 0.75, 1.0)[len(entries) % 4], left)
            if part <= 0:
                break
            entries.append(ales.entry(house, place, day, part))
            left -= part
        ok(await people[house].post("time-entries/batch", {"items": entries}), 201)
    assert ok(await lead.get("engineering"))["days_left"] == 0.25

    # The last quarter is worked on 2 October; fifty people write it down at the same time, one of them is heard.
    last = ales.entry("Ancoris", 0, date(2023, 10, 2), 0.25, activity="roadmap")
    answers = await asyncio.gather(*(people["Ancoris"].post("time-entries", last) for _ in range(crowd)))
    taken = [answer for answer in answers if answer.status_code == 201]
    assert len(taken) == 1
    for answer in answers:
        if answer is not taken[0]:
            told = problem(answer, 409, "days-exhausted")
            assert (told["days_requested"], told["days_left"], told["days_ordered"]) == (0.25, 0, 100)

    # Day 100.25 is refused, to one and to fifty at once, whoever of the consortium asks.
    beyond = ales.entry("Ancoris", 1, date(2023, 10, 2), 0.25, activity="roadmap")
    problem(await people["Ancoris"].post("time-entries", beyond), 409, "days-exhausted")
    crowded = [
        people[house].post("time-entries", ales.entry(house, n % 2, date(2023, 9, 29), 0.25))
        for n, house in zip(range(crowd), list(ALLOTMENTS) * crowd, strict=False)
    ]
    for answer in await asyncio.gather(*crowded):
        problem(answer, 409, "days-exhausted")

    # The lead validates the consortium's entries; she entered none of them, and worked none.
    listed = ok(await lead.get("time-entries?status=submitted&limit=500&count=exact"))
    assert listed["total"] == len(listed["items"])
    assert sum(entry["days"] for entry in listed["items"]) == 100
    problem(await people["Inec"].post(f"time-entries/{listed['items'][0]['id']}/validate"), 403, "forbidden")
    for entry in listed["items"]:
        ok(await lead.post(f"time-entries/{entry['id']}/validate"))

    # And everybody reads the same: 100 ordered, 100 entered and validated, none left.
    found = ok(await people["Studio Reset"].get("engineering"))
    figures = ("days_ordered", "days_entered", "days_validated", "days_certified", "days_draft", "days_left")
    assert [found[name] for name in figures] == [100, 100, 100, 0, 0, 0]
    by_member = {member["organisation_name"].partition(" (")[0]: member for member in found["by_member"]}
    assert {name: member["days_entered"] for name, member in by_member.items()} == ALLOTMENTS
    assert {member["days_left"] for member in found["by_member"]} == {0}
    assert sum(week["days_validated"] for week in found["by_week"]) == 100
    assert (found["by_week"][0]["week"], found["by_week"][-1]["week"]) == ("2023-W24", "2023-W40")

    # A day that was wrong is reversed, never edited; what it took is free again, once.
    wrong = taken[0].json()["id"]
    problem(await people["Ancoris"].patch(f"time-entries/{wrong}", {"days": 0.5}), 409, "entry-locked")
    problem(await people["Ancoris"].delete(f"time-entries/{wrong}"), 409, "entry-locked")
    reason = {"reason": "It was the day before."}
    problem(await people["Ancoris"].post(f"time-entries/{wrong}/reverse", reason), 403, "reversal-reserved")
    ok(await lead.post(f"time-entries/{wrong}/reverse", reason))
    assert ok(await lead.get("engineering"))["days_left"] == 0.25
    ok(await people["Ancoris"].post("time-entries", {**last, "worked_on": "2023-09-29"}), 201)
    problem(await people["Ancoris"].post("time-entries", beyond), 409, "days-exhausted")
