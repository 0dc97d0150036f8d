"""Letters about an aid: drawn up from the data, sealed, signed, notified, and set as PDF."""

import asyncio
import re
from typing import Any

import asyncpg
import httpx2
import pytest

from app.awards.letters import document
from app.core.reading import documents
from tests.awards.life import DECIDED, HASH, NOTIFIED, Life
from tests.engineering.certificates.test_documents import HOSTILE, ON_PAPER, read_pdf, walk
from tests.envelopes.acts import Acts
from tests.world import World, ok, problem

TERMS = {
    "planned_start_on": "2023-12-01", "planned_end_on": "2025-11-30", "payment_terms": "30 % at the start.",
    "recovery_terms": "It is paid back where its object is changed.",
}  # fmt: skip
SIGNED_ON, FIRM_ON, NOTIFIED_ON = "2023-10-20", "2023-10-24", "2023-11-02"


@pytest.fixture
async def life(world: World) -> Life:
    return await Life.of(await Acts.of(world, 30_000_000), 4_000_000, 1_000_000)


SIGNATORY = {"signatory_name": "Camille Martin", "signatory_capacity": "Directrice régionale"}


async def draw_up(life: Life, kind: str = "notification", of: str = "", **more: Any) -> httpx2.Response:
    award = (of or life.grant).rpartition("/")[2]
    body = {"award_id": award, "kind": kind, "reference": f"L-{life.acts.reference()}", **TERMS, **more}
    return await life.acts.world.funder.post("letters", body)


async def drawn_up(life: Life, kind: str = "notification", **more: Any) -> str:
    return f"letters/{ok(await draw_up(life, kind, **more), 201)['id']}"


async def act(life: Life, letter: str, verb: str, **body: Any) -> httpx2.Response:
    return await life.acts.world.funder.post(f"{letter}/{verb}", body, headers=await life.acts.seen(letter))


async def sign(life: Life, letter: str, **more: Any) -> httpx2.Response:
    return await act(life, letter, "sign", signed_on=SIGNED_ON, document_sha256=HASH, **more)


async def test_a_notification_that_is_notified_notifies_the_aid(life: Life) -> None:
    letter = await drawn_up(life)
    said = await life.says(letter)
    assert (said["status"], said["aid_id"], said["kind"]) == ("to_sign", (await life.says())["aid_id"], "notification")
    content = said["content"]
    assert (content["grant_cents"], content["advance_cents"], content["base_cents"]) == (
        4_000_000,
        1_000_000,
        10_000_000,
    )
    assert (content["decided_on"], content["start_months"]) == (DECIDED, 24)
    assert content["new_terms"] == list(TERMS)
    assert (content["kind"], content["reference"]) == (said["kind"], said["reference"])
    agreement = await life.says(await drawn_up(life, "agreement"))
    assert agreement["content_hash"] != said["content_hash"], "the seal says which letter it is"
    assert (content["signatory_name"], content["signatory_capacity"]) == (said["drawn_up_by_name"], None)
    problem(await act(life, letter, "notify", notified_on=NOTIFIED_ON), 409, "letter-transition")
    ok(await sign(life, letter))
    assert (await life.says())["notified_on"] is None
    early = problem(await act(life, letter, "notify", notified_on="2023-10-19"), 409, "notified-before-signature")
    assert SIGNED_ON in early["detail"]
    ok(await act(life, letter, "notify", notified_on=NOTIFIED_ON))
    for award in (await life.says(), await life.says(life.advance)):
        told = {name: award[name] for name in ("notified_on", "start_by_on", *TERMS)}
        assert told == {"notified_on": NOTIFIED_ON, "start_by_on": "2025-11-02", **TERMS}
    assert ("notify", NOTIFIED_ON) in await life.history()
    problem(await act(life, letter, "withdraw", reason="No."), 409, "letter-transition")


async def test_a_signed_agreement_is_on_file_and_does_not_take_back_what_changed_since(life: Life) -> None:
    missing = problem(await draw_up(life, "agreement", recovery_terms=None), 422, "validation-failed")
    assert [(error["pointer"], error["code"]) for error in missing["errors"]] == [("/recovery_terms", "term_missing")]
    ok(await life.act("notify", {**NOTIFIED, **TERMS}))
    letter = await drawn_up(life, "agreement", of=life.advance, **dict.fromkeys(TERMS))
    later = {"kind": "dates", "planned_end_on": "2026-03-31"}
    ok(await life.decide(await life.asked(later)))
    problem(await sign(life, letter), 422, "validation-failed")
    ok(await sign(life, letter, signed_by_firm_on=FIRM_ON))
    agreement = await life.says(f"{life.grant}/agreement")
    reference = (await life.says(letter))["reference"]
    assert (agreement["reference"], agreement["agreed_on"]) == (reference, FIRM_ON)
    award = await life.says()
    assert (award["stage"], award["planned_end_on"]) == ("agreed", "2026-03-31")
    ok(await act(life, letter, "notify", notified_on=NOTIFIED_ON))
    assert (await life.says())["notified_on"] == NOTIFIED["notified_on"], "an agreement notifies no decision"


async def test_one_letter_of_a_kind_is_open_at_once(life: Life) -> None:
    first, second = await asyncio.gather(draw_up(life), draw_up(life, of=life.advance))
    refused, made = sorted((first, second), key=lambda answer: answer.status_code, reverse=True)
    problem(refused, 409, "letter-open")
    letter = f"letters/{ok(made, 201)['id']}"
    ok(await act(life, letter, "withdraw", reason="Other days."))
    assert (await life.says(letter))["status"] == "withdrawn"
    again = await drawn_up(life, reference=(await life.says(letter))["reference"])
    ok(await life.act("cancel", {"reason": "Given up."}))
    problem(await sign(life, again), 409, "award-ended")
    kinds = {each["kind"]: each["count"] for each in ok(await life.acts.world.funder.get("/v1/me/to-do"))["items"]}
    assert kinds["letters_to_sign"] == 1


async def test_what_a_letter_says_is_sealed(life: Life, world: World) -> None:
    letter = await drawn_up(life)
    for change in ("content = '{}'", "reference = 'x'", "award_id = uuidv7()"):
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await world.pool.execute(f"UPDATE letters SET {change} WHERE id = $1", letter.rpartition("/")[2])
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await world.pool.execute("DELETE FROM letters")
    for shape in ("status = 'signed'", "signed_by_firm_on = '2023-10-24'", "notified_on = '2023-10-24'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await world.pool.execute(f"UPDATE letters SET {shape} WHERE id = $1", letter.rpartition("/")[2])


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_a_letter_on_paper_says_what_was_sealed(life: Life, language: str) -> None:
    letter = await drawn_up(life, "agreement", conditions=f"Keep 12 jobs.\n{HOSTILE}", **SIGNATORY)
    headers = {"Accept-Language": language}
    answer = await life.acts.world.auditor.get(f"{letter}?format=pdf", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    reader, text = read_pdf(answer.content)
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == language
    roles = re.findall(r"'/S': '/(\w+)'", str(walk(reader.trailer["/Root"]["/StructTreeRoot"])))
    assert {"H1", "H2", "Table", "TH"} <= set(roles)
    said = " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())
    euros = {"fr": ("40 000,00 €", "10 000,00 €", "50 000,00 €", "50,00 %", "1er décembre 2023"),
             "en": ("€40,000.00", "€10,000.00", "€50,000.00", "50.00 %", "1 December 2023")}  # fmt: skip
    for promised in (
        *euros[language],
        (await life.says(letter))["content_hash"],
        "24",
        "Keep 12 jobs.",
        *SIGNATORY.values(),
    ):
        assert promised in said, said
    assert " ".join(ON_PAPER.split())[:40] in said
    again = await life.acts.world.auditor.get(f"{letter}?format=pdf", headers=headers)
    assert again.content == answer.content, "the same data give the same bytes"
    problem(await life.acts.world.auditor.get(f"{letter}?format=xlsx"), 406, "not-acceptable")


async def test_an_aid_held_by_its_amount_alone_and_a_withdrawn_letter_have_their_pdf() -> None:
    shown = {
        "kind": "notification", "reference": "N-1", "status": "withdrawn", "content_hash": "0" * 64,
        "content": {
            "territory_name": "Alès", "funder_name": "F", "siren": "910000017", "firm_name": "Firm",
            "decision_reference": "D-1", "decided_on": DECIDED, "received_on": None, "project_title": "P",
            "scheme_name": None, "grant_cents": 100, "advance_cents": 0, "base_cents": None, "lines": [],
            "start_months": None, "completion_statement_months": None, "conditions": None, **TERMS,
            "signatory_name": None, "signatory_capacity": None,
        },
    }  # fmt: skip
    data = document.as_data(shown, "fr")
    assert [section["title"] for section in data["sections"]] == [
        "Montant de l’aide", "Calendrier prévisionnel", "Modalités de versement", "Reversement",
    ]  # fmt: skip
    _, text = read_pdf(await documents.pdf(document.DOCUMENT.template, data))
    assert "Ce courrier est retiré." in text
    assert document.WORDS["en"].keys() == document.WORDS["fr"].keys()
