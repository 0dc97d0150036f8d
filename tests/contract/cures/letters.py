"""The cures of letters about aids."""

from typing import Any

import httpx2
import pytest

from app.core.reading import documents
from tests.awards.life import HASH, Life
from tests.awards.test_letters import FIRM_ON, NOTIFIED_ON, SIGNED_ON, TERMS, act, draw_up, drawn_up, sign
from tests.contract.cures import Case, walk, word
from tests.contract.cures.money import acts_of
from tests.contract.cures.requests import Ask, ready

NOBODY = "019a9f5e-7c00-7000-8000-000000000001"
SIGNED = {"signed_on": SIGNED_ON, "document_sha256": HASH}


async def life_of(case: Case) -> Life:
    return await Life.of(await acts_of(case), 100)


@ready("draw_up_letter", "sign_letter", "notify_letter", "withdraw_letter")
async def letters(case: Case) -> Ask:
    life = await life_of(case)
    if case.act == "draw_up_letter":
        award = life.grant.rpartition("/")[2]
        body = {"award_id": award, "kind": "notification", "reference": word(), **TERMS}
        return Ask("funder", "POST", "letters", body)
    letter = await drawn_up(life)
    verb = case.act.split("_")[0]
    if verb == "notify":
        await sign(life, letter)
    bodies: dict[str, dict[str, Any]] = {
        "sign": SIGNED, "notify": {"notified_on": NOTIFIED_ON}, "withdraw": {"reason": "Other days."},
    }  # fmt: skip
    return Ask("funder", "POST", f"{letter}/{verb}", bodies[verb], guarded=letter)


@walk("letter-open", "draw_up_letter")
async def letter_open(case: Case) -> None:
    life = await life_of(case)
    for end in ("withdraw", "notify"):
        letter = await drawn_up(life)
        case.refused(await draw_up(life))
        if end == "notify":
            await sign(life, letter)
        body = {"notified_on": NOTIFIED_ON} if end == "notify" else {"reason": "Other days."}
        assert (await act(life, letter, end, **body)).status_code == 200
    case.cured(await draw_up(life))


@walk("already-exists", "draw_up_letter")
async def letter_of_another_reference(case: Case) -> None:
    life, other = await life_of(case), await life_of(case)
    name = word()
    letter = await drawn_up(other, reference=name)
    told = case.refused(await draw_up(life, reference=name))
    assert [error["pointer"] for error in told["errors"]] == ["/reference"]
    case.cured(await draw_up(life, "agreement", reference=word()))
    await act(other, letter, "withdraw", reason="Another name.")
    case.cured(await draw_up(life, reference=name))


@walk("reference-not-found", "draw_up_letter")
async def letter_about_nothing(case: Case) -> None:
    life = await life_of(case)
    told = case.refused(await draw_up(life, of=NOBODY))
    assert [error["pointer"] for error in told["errors"]] == ["/award_id"]
    case.cured(await draw_up(life))


@walk("before-decision", "sign_letter")
async def signed_before_the_decision(case: Case) -> None:
    life = await life_of(case)
    letter = await drawn_up(life, "agreement")

    async def signed(day: str) -> httpx2.Response:
        return await act(life, letter, "sign", signed_on=day, signed_by_firm_on=FIRM_ON, document_sha256=HASH)

    told = case.refused(await signed("2023-10-02"))
    case.cured(await signed(told["decided_on"]))


@walk("notified-before-signature", "notify_letter")
async def notified_before_signature(case: Case) -> None:
    life = await life_of(case)
    letter = await drawn_up(life, "agreement")
    await sign(life, letter, signed_by_firm_on=FIRM_ON)
    told = case.refused(await act(life, letter, "notify", notified_on=SIGNED_ON))
    case.cured(await act(life, letter, "notify", notified_on=told["signed_on"]))


@walk("pdf-not-installed", "get_letter")
async def pdf_of_a_letter_not_installed(case: Case) -> None:
    life = await life_of(case)
    letter, reader = await drawn_up(life), case.world.auditor
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "_installed", lambda: False)
        case.refused(await reader.get(letter, params={"format": "pdf"}))
        case.cured(await reader.get(letter, params={"format": "json"}))
    assert (await reader.get(letter, params={"format": "pdf"})).content.startswith(b"%PDF")
