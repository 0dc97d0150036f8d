"""Agendas and records on paper: what was sealed, tagged and in both languages, and workbooks that run nothing."""

import re
from typing import Any

import pytest

from app.applications.agendas import document as agendas
from app.applications.agendas.rules import DecisionOutcome
from app.applications.decisions import document as records
from app.applications.rules import ApplicationState
from app.committees.rules import Attendance, Level
from app.core.reading import documents
from tests.applications.acts import done
from tests.applications.meetings import (
    ADVANCE,
    DECIDED,
    GRANT,
    admitted,
    close,
    contribute,
    decided,
    decision,
    frozen,
    item,
    meeting,
    put_agenda,
)
from tests.engineering.certificates.test_documents import HOSTILE, ON_PAPER, read_pdf, read_xlsx, walk
from tests.envelopes.acts import key
from tests.projects.acts import staff
from tests.world import World, ok, problem

LATER = "2024-05-20"
FR, EN = {"Accept-Language": "fr"}, {"Accept-Language": "en"}


def plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


async def pdf(world: World, address: str, language: str = "fr") -> tuple[Any, str]:
    answer = await world.clients["committee"].get(f"{address}?format=pdf", headers={"Accept-Language": language})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-language"] == language
    reader, text = read_pdf(answer.content)
    return reader, plain(text)


async def xlsx(world: World, address: str, language: str = "fr") -> list[list[Any]]:
    answer = await world.clients["committee"].get(f"{address}?format=xlsx", headers={"Accept-Language": language})
    assert answer.status_code == 200
    return read_xlsx(answer.content)


async def decided_meeting(world: World) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """A closed territorial meeting: a pre-selection, a rejection, a reversed deferral, a file that was withdrawn."""
    files = [await admitted(world) for _ in range(4)]
    path = await meeting(world, attendance=("present", "represented", "excused"), quorum=2, place="Alès")
    await frozen(world, path, *(item(file) for file in files))
    first, second, third, fourth = files
    made = await decided(
        world, path, decision(first, conditions="The site stays."), decision(second, "reject", reasons=HOSTILE),
        decision(third, "defer"),
    )  # fmt: skip
    why = {"reason": "Another file was meant."}
    ok(await world.clients["committee"].post(f"{path}/decisions/{made[2]['id']}/reverse", why), 200)
    made += await decided(world, path, decision(third))
    await done(world, fourth, "withdraw", LATER, reason="The firm declares it.")
    ok(await close(world, path), 200)
    return path, files, made


async def test_a_record_says_what_was_sealed_in_every_form(world: World) -> None:
    path, files, made = await decided_meeting(world)
    address = f"{path}/record"
    shown = ok(await staff(world).get(address), 200)
    assert ok(await staff(world).get(f"{address}?format=json"), 200) == shown
    reader, text = await pdf(world, address)
    assert reader.metadata.title == "Procès-verbal – comité territorial du 15\u00a0avril\u00a02024"
    for said in (
        "Réunion du 15 avril 2024 à 10 h 00", "Lieu Alès", "2 membres requis, 2 présents ou représentés",
        "Ordre du jour n° 1, figé", "Compte rendu adopté le 30 juin 2024", "Seat 0 présidence présent",
        "Seat 1 représenté", "Seat 2 excusé", "présélection 120 000,00 € 80 000,00 € pour 2 contre 0 abst. 0",
        "Conditions : The site stays.", "ajournement annulée le", "Annulée : Another file was meant.",
        "Total des décisions qui tiennent 240 000,00 € 160 000,00 €", "Read and adopted.",
    ):  # fmt: skip
        assert said in text, (said, text)
    assert "sans décision : retiré depuis le 20 mai 2024" in text
    assert "".join(ON_PAPER.split(" שלום ")[0].split()) in "".join(text.split())
    assert shown["content_hash"] in "".join(text.split())
    for each in made:
        assert each["reference"].lower() in "".join(text.split()).lower()
    _, text = await pdf(world, address, "en")
    assert "Total of the decisions that stand €240,000.00 €160,000.00" in text
    assert "no decision: withdrawn since 20 May 2024" in text

    rows = await xlsx(world, address)
    table = {row[0]: row[2:7] for row in rows if row[0] in {each["reference"] for each in made}}
    assert table[made[0]["reference"]] == [
        "présélection", GRANT / 100, ADVANCE / 100, "pour 2\ncontre 0\nabst. 0", "Conditions\u00a0: The site stays.",
    ]  # fmt: skip
    assert table[made[1]["reference"]][4] == f"Motifs\u00a0: {HOSTILE}"
    assert ["Total des décisions qui tiennent", None, 240_000, 160_000] in [row[1:5] for row in rows]
    assert ["Seat 1", None, None, "représenté"] in [row[:4] for row in rows]
    assert len(files) == 4


async def test_a_pdf_of_a_meeting_is_tagged_named_and_always_the_same(world: World) -> None:
    path, _, _ = await decided_meeting(world)
    for part, name in (("record", f"record-{world.territory}-territorial-{DECIDED}"),
                       ("agenda", f"agenda-{world.territory}-{DECIDED}-1")):  # fmt: skip
        answer = await staff(world).get(f"{path}/{part}?format=pdf", headers=FR)
        assert answer.headers["content-disposition"] == f'inline; filename="{name}.pdf"'
        reader, _ = read_pdf(answer.content)
        catalogue: Any = reader.trailer["/Root"]
        assert (catalogue["/Lang"], catalogue["/MarkInfo"]["/Marked"]) == ("fr", True)
        assert b"pdfuaid" in catalogue["/Metadata"].get_data()
        roles = re.findall(r"'/S': '/(\w+)'", str(walk(catalogue["/StructTreeRoot"])))
        assert {"H1", "H2", "Table", "TR", "TH", "TD"} <= set(roles)
        assert (await staff(world).get(f"{path}/{part}?format=pdf", headers=FR)).content == answer.content


async def test_an_erratum_names_what_it_corrects_and_adds_no_money(world: World) -> None:
    await contribute(world, 1_000_000_00)
    _, (file, _, another, _), _ = await decided_meeting(world)
    path, later = [await meeting(world, "state_region", on=on) for on in ("2024-05-21", "2024-06-18")]
    await frozen(world, path, item(file, "grant"))
    [first] = await decided(world, path, decision(file, "grant"))
    ok(await close(world, path), 200)
    await frozen(world, later, item(another, "grant"))
    await decided(world, later, decision(another, "grant"))
    votes = {"for": 1, "against": 0, "abstained": 1}
    body = {"corrects_id": first["id"], "reason": "A vote was counted twice.", "votes": votes}
    ok(await world.clients["committee"].post(f"{later}/errata", body, headers=key()), 201)
    ok(await close(world, later), 200)
    _, text = await pdf(world, f"{later}/record", "en")
    assert f"Erratum to {first['reference']}: A vote was counted twice." in text
    assert "Total of the decisions that stand €120,000.00 €80,000.00" in text
    assert "for 1 against 0 abstained 1" in text
    assert path != later


async def test_an_agenda_on_paper_is_what_was_frozen_or_says_that_it_is_a_draft(world: World) -> None:
    await contribute(world, 1_000_000_00)
    file = await admitted(world)
    path = await meeting(world)
    problem(await staff(world).get(f"{path}/agenda?format=pdf"), 404, "not-found")
    ok(await put_agenda(world, path, item(file, note=HOSTILE)), 201)
    _, text = await pdf(world, f"{path}/agenda")
    assert "Projet en l’état : il n’est pas figé et peut changer." in text
    assert "Disponible de l’enveloppe" not in text
    assert [row for row in await xlsx(world, f"{path}/agenda", "en") if "Draft as it stands" in str(row[0])]
    ok(await staff(world).post(f"{path}/agenda/freeze"), 200)
    shown = ok(await staff(world).get(f"{path}/agenda"), 200)
    before = await pdf(world, f"{path}/agenda")
    for said in ("Ordre du jour n° 1 – comité territorial du 15 avril 2024", "La réunion statue sur ces seuls points.",
                 "recevable présélection 750 000,00 € 200 000,00 € 120 000,00 € 80 000,00 €",
                 "Disponible de l’enveloppe", "C-1 1 000 000,00 €"):  # fmt: skip
        assert said in before[1], (said, before[1])
    assert "".join(ON_PAPER.split(" שלום ")[0].split()) in "".join(before[1].split())
    assert shown["content_hash"] in "".join(before[1].split())
    await decided(world, path, decision(file))
    assert (await pdf(world, f"{path}/agenda"))[1] == before[1], "the file was decided since, the paper stays"
    rows = await xlsx(world, f"{path}/agenda")
    (row,) = [row for row in rows if row[0] == 1]
    assert row[2:9] == ["recevable", "présélection", 750_000, 200_000, 120_000, 80_000,
                        HOSTILE]  # fmt: skip
    ok(await staff(world).post(f"{path}/agenda/reopen", {"reason": "A quote came in."}), 200)
    assert "Ordre du jour n° 2" in (await pdf(world, f"{path}/agenda"))[1]


async def test_a_meeting_without_agenda_has_a_record_and_an_open_one_has_none(world: World) -> None:
    path = await meeting(world)
    for form in ("pdf", "xlsx", "json"):
        problem(await staff(world).get(f"{path}/record?format={form}"), 404, "not-found")
    ok(await close(world, path), 200)
    _, text = await pdf(world, f"{path}/record", "en")
    assert "Agenda there was none" in text
    assert "The meeting took no decision." in text
    assert [row for row in await xlsx(world, f"{path}/record", "en") if row[0] == "Agenda"]


async def test_papers_of_a_meeting_that_are_not_for_the_caller_are_not_found(world: World, other: World) -> None:
    path, _, _ = await decided_meeting(world)
    for part in ("agenda", "record"):
        for form in ("pdf", "xlsx"):
            problem(await staff(world).get(f"{other.operator.base}/{path}/{part}?format={form}"), 404, "not-found")
            problem(await world.consultant.get(f"{path}/{part}?format={form}"), 404, "not-found")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_state_outcome_and_level_has_its_word(language: str) -> None:
    words = agendas.COMMON[language]
    for known, wanted in (("states", ApplicationState), ("outcomes", DecisionOutcome), ("levels", Level)):
        assert set(words[known]) == set(wanted)
    assert set(records.WORDS[language]["attendance"]) == set(Attendance)
    assert set(records.WORDS["fr"]) == set(records.WORDS["en"])
    assert set(agendas.WORDS["fr"]) == set(agendas.WORDS["en"])


async def test_an_agenda_of_a_hundred_files_is_set_in_time() -> None:
    files = [{"id": str(n), "siren": "100000041", "firm_name": "W" * 80, "project_title": "Usinage " * 20}
             for n in range(100)]  # fmt: skip
    items = [
        {"position": n + 1, "application_id": str(n), "state": "admissible", "proposal": "pre_select",
         "grant_cents": 10**13, "advance_cents": 10**13, "note": "Observation. " * 30} for n in range(100)
    ]  # fmt: skip
    shown = {"number": 1, "level": "state_region", "meets_at": "2024-04-15T08:00:00+00:00", "territory_name": "T",
             "place": None, "content": None, "content_hash": None, "items": items, "files": files}  # fmt: skip
    body = await documents.pdf(agendas.DOCUMENT.template, agendas.as_data(shown, "fr"))
    _, text = read_pdf(body)
    assert "100. WWWW" in text
