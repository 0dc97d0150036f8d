"""Lines of claims from files, as French offices write them and as our own export does; once however often."""

import asyncio
from typing import Any

import pytest

from app.integrations.imports import runner
from tests.awards.claims.acts import Claims
from tests.integrations.imports.files import carry_out, csv_file, xlsx_file
from tests.world import World, fresh_siren, ok

IMPORT = "imports?kind=claim_lines"
HEADER = (
    "Demande;Référence de la décision;Poste;N° de facture;SIREN du fournisseur;Fournisseur;Date de facture;Payée le;"
    "Montant HT"
)


def counts(ended: dict[str, Any]) -> tuple[str, int, int, int]:
    return ended["status"], ended["rows_created"], ended["rows_updated"], ended["rows_unchanged"]


async def test_a_french_file_makes_claims_and_changes_them(world: World) -> None:
    claims = await Claims.of(world, project_title="Atelier d'été")
    decision, siren = claims.award["decision_reference"], fresh_siren()
    spaced = f"{siren[:3]} {siren[3:6]} {siren[6:]}"
    lines = [
        f"DP-1;{decision};atelier d'ete;FA-001;{spaced};;11/03/2024;30/04/2024;1\u202f240,50 €",
        f"DP-1;{decision};Atelier d'été;FA-002;;Müller & Söhne;12/03/2024;30/04/2024;99,00",
        f"DP-2;{decision};Atelier d'été;FA-003;;Müller & Söhne;13/03/2024;30/04/2024;0,10",
    ]
    staff = world.clients["territory"]
    content = csv_file(HEADER, *lines)
    assert counts(await carry_out(staff, IMPORT, content)) == ("succeeded", 3, 0, 0)
    first, second = ok(await staff.get(f"{claims.path}?sort=number"))["items"]
    assert [(each["external_id"], each["declared_cents"]) for each in (first, second)] == [
        ("DP-1", 133_950),
        ("DP-2", 10),
    ]
    assert (first["lines"][0]["line_label"], first["lines"][1]["supplier_siren"]) == ("Atelier d'été", None)
    assert counts(await carry_out(staff, IMPORT, content)) == ("succeeded", 0, 0, 3)
    assert (await claims.read(first))["version"] == 1
    more = [lines[0].replace("240,50", "240,00"), lines[1].replace("FA-002", "FA-004")]
    assert counts(await carry_out(staff, IMPORT, csv_file(HEADER, *more))) == ("succeeded", 1, 1, 0)
    changed = await claims.read(first)
    assert (changed["version"], [line["amount_excl_vat_cents"] for line in changed["lines"]]) == (
        2,
        [124_000, 9_900, 9_900],
    )
    for export in ("csv", "csv-fr", "xlsx"):
        sheet = (await staff.get(f"claim-lines?format={export}")).content
        assert counts(await carry_out(staff, IMPORT, sheet)) == ("succeeded", 0, 0, 4)
    ok(await claims.settle(changed))
    sheet = (await staff.get("claim-lines?format=xlsx")).content
    assert counts(await carry_out(staff, IMPORT, sheet)) == ("succeeded", 0, 0, 4)
    refused = await carry_out(staff, IMPORT, csv_file(HEADER, lines[0]))
    assert (refused["status"], refused["problems"]) == ("refused", [(2, "", "claim-transition", "blocking")])


async def test_a_file_has_parts_of_an_invoice_and_its_credit_note(world: World) -> None:
    claims, staff = await Claims.of(world), world.clients["territory"]
    start = f"DP-1;{claims.award['decision_reference']};Atelier"
    lines = [
        f"{start};FA-1;;Müller;11/03/2024;30/04/2024;600,00;1 000,00;",
        f"{start};FA-1;;Müller;11/03/2024;31/05/2024;400,00;1 000,00;",
        f"{start};AV-1;;Müller;01/06/2024;02/06/2024;-250,50;;fa 1",
    ]
    header = HEADER + ";Total HT de la facture;Facture d'origine"
    content = csv_file(header, *lines)
    assert counts(await carry_out(staff, IMPORT, content)) == ("succeeded", 3, 0, 0)
    [claim] = ok(await staff.get(claims.path))["items"]
    assert (claim["declared_cents"], claim["lines"][2]["lowers_invoice_number"]) == (74_950, "fa 1")
    assert counts(await carry_out(staff, IMPORT, content)) == ("succeeded", 0, 0, 3)
    for export in ("csv", "csv-fr", "xlsx"):
        sheet = (await staff.get(f"claim-lines?format={export}")).content
        assert counts(await carry_out(staff, IMPORT, sheet)) == ("succeeded", 0, 0, 3)
    twice = csv_file(header, lines[0], lines[0])
    refused = await carry_out(staff, IMPORT, twice)
    assert refused["problems"] == [(3, "invoice_number", "repeated_line", "blocking")]


async def test_a_workbook_is_refused_with_each_fault_at_its_line(world: World) -> None:
    claims = await Claims.of(world)
    ok(await claims.submit(claims.line(invoice_number="FA-9")), 201)
    decision, staff = claims.award["decision_reference"], world.clients["territory"]
    line = ["DP-1", decision, "Atelier", "FA-1", "320252489", None, "2024-03-11", "2024-04-30", 10.5]
    rows = [
        HEADER.split(";"),
        line,
        [*line[:1], "Nowhere", *line[2:]],
        [*line[:2], "Machine", "FA-2", *line[4:]],
        [None, *line[1:3], "FA-3", *line[4:]],
        [*line[:3], "FA-4", None, None, *line[6:]],
        [*line[:3], "FA-5", *line[4:7], None, *line[8:]],
        [*line[:3], "FA-6", *line[4:8], 10.505],
        [*line[:3], " fa 9", *line[4:]],
    ]
    refused = await carry_out(staff, IMPORT, xlsx_file(*rows))
    assert (refused["status"], refused["problems"]) == (
        "refused",
        [
            (3, "decision_reference", "not_found", "blocking"),
            (4, "line_label", "decision_line_missing", "blocking"),
            (5, "", "claim_missing", "blocking"),
            (6, "", "supplier_missing", "blocking"),
            (7, "paid_on", "required", "blocking"),
            (8, "amount_excl_vat_cents", "cell_not_read", "blocking"),
            (9, "invoice_number", "invoice-already-claimed", "blocking"),  # which only the write finds
        ],
    )
    assert ok(await staff.get(claims.path, params={"external_id": "DP-1"}))["items"] == []
    again = await carry_out(staff, IMPORT, xlsx_file(rows[0], rows[1], rows[-1]))
    assert (again["status"], again["problems"]) == (
        "refused", [(3, "invoice_number", "invoice-already-claimed", "blocking")],
    )  # fmt: skip
    assert counts(await carry_out(staff, IMPORT + "&on_error=skip", xlsx_file(rows[0], rows[1], rows[-1])))[:2] == (
        "succeeded", 1,
    )  # fmt: skip


async def test_many_claims_of_several_aids_come_in_one_file(world: World) -> None:
    """More lines than are written together; no claim has more than it can."""
    first = await Claims.of(world)
    all_claims = [first, *[await Claims.of(world, acts=first.acts) for _ in range(2)]]
    rows = [
        f"D-{number % 12};{all_claims[number % 3].award['decision_reference']};Atelier;N-{number};;Supplier {number};"
        "11/03/2024;30/04/2024;1,00"
        for number in range(600)
    ]
    ended = await carry_out(world.clients["territory"], IMPORT, csv_file(HEADER, *rows))
    assert counts(ended) == ("succeeded", 600, 0, 0), ended["problems"][:5]
    assert [(await claims.certified())[2] for claims in all_claims] == [4, 4, 4]
    too_many = [rows[0].replace("N-0;", f"M-{number};") for number in range(201)]
    refused = await carry_out(world.clients["territory"], IMPORT, csv_file(HEADER, *too_many))
    assert refused["problems"][-1][2:] == ("too_many_claim_lines", "blocking")


async def test_a_file_holds_all_its_aids_in_one_order_before_its_first_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two files with the same firms the second waits, however the lines of each are sliced and sorted."""
    monkeypatch.setattr(runner, "SLICE", 1)
    first = await Claims.of(world)
    second = await Claims.of(world, acts=first.acts, firm=await world.followed_firm())
    low, high = sorted((first, second), key=lambda claims: str(claims.award["aid_id"]))
    rows = [
        f"D;{claims.award['decision_reference']};Atelier;N-{number};;Supplier;11/03/2024;30/04/2024;1,00"
        for number, claims in enumerate((high, low))
    ]
    aid = "SELECT id FROM aids WHERE id = $1 FOR NO KEY UPDATE NOWAIT"
    async with world.pool.acquire() as connection, world.pool.acquire() as other:
        async with connection.transaction():
            await connection.execute(aid, low.award["aid_id"])
            sent = asyncio.create_task(carry_out(world.clients["territory"], IMPORT, csv_file(HEADER, *rows)))
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%aids%'"
            while not sent.done() and not await other.fetchval(waits):  # noqa: ASYNC110  # PostgreSQL tells nobody that one waits
                await asyncio.sleep(0.01)
            assert not sent.done()
            await other.execute(aid, high.award["aid_id"])  # it does not hold the other one meanwhile
        rows_created = counts(await sent)[1]
    assert rows_created == 2
