"""Somebody who has never imported anything brings 46 firms, three with a mistake, by the template and its copy."""

import io
import re
from datetime import date
from typing import Any

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.integrations.imports.files import ended_of, send
from tests.world import Client, World, fresh_siren, ok

FRENCH = {"Accept-Language": "fr"}
FIRMS = "/v1/imports?kind=firms"


async def workbook(client: Client, address: str) -> tuple[Any, Worksheet]:
    answer = await client.get(address, headers=FRENCH)
    assert answer.status_code == 200, answer.text
    book = load_workbook(io.BytesIO(answer.content))
    return book, book.worksheets[0]


def saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def test_forty_six_firms_come_by_the_template_and_are_mended_from_the_copy_alone(world: World) -> None:
    client = world.clients["territory"]
    book, sheet = await workbook(client, "/v1/imports/kinds/firms/template?format=xlsx")
    headings = {str(cell.value): cell.column for cell in sheet[1]}
    written = ("25.62B", "2562B", "28.99B", "25.50A", "25.62 B")
    sirens = [fresh_siren() for _ in range(46)]
    for n, siren in enumerate(sirens):
        line: dict[str, Any] = {
            "SIREN": f"{siren[:3]} {siren[3:6]} {siren[6:]}" if n % 3 else siren, "Raison sociale": f"Atelier n° {n}",
            "Code NAF": written[n % 5], "Tranche d'effectif": ("11", "12", "21")[n % 3], "Catégorie entreprise": "PME",
            "Date de création": date(1990 + n % 30, 1 + n % 12, 5), "Cessée": "non",
        }  # fmt: skip
        for heading, value in line.items():
            sheet.cell(n + 2, headings[heading]).value = value
    wrong = str(sheet["A9"].value)
    sheet["A9"].value = wrong[:-1] + str((int(wrong[-1]) + 1) % 10)
    sheet.cell(20, headings["Code NAF"]).value = "28.99Q"
    sheet.cell(33, headings["Date de création"]).value = "31/02/2009"
    ended = await ended_of(client, await send(client, FIRMS, saved(book)))
    assert (ended["status"], ended["rows_read"], ended["blocking_problems"]) == ("refused", 46, 3)

    book, copy = await workbook(client, f"/v1/imports/{ended['id']}/annotated")
    assert copy["A1"].value == "Problèmes trouvés"
    columns = {str(cell.value): cell.column for cell in copy[1]}
    told = {row[0].row: str(row[0].value) for row in copy.iter_rows(min_row=2) if row[0].value}
    assert sorted(told) == [9, 20, 33]
    for place, sentence in told.items():
        named = re.search("«\u00a0(.+?)\u00a0»", sentence)
        assert named is not None
        cell = copy.cell(place, columns[named[1]])
        assert str(cell.fill.fgColor.rgb) == "FFFFC7CE", "the cell that the sentence names is the red one"
        if "contrôle les autres" in sentence:
            cell.value = sirens[place - 2]
        elif nearest := re.search(r"Le plus proche est (\S+)", sentence):
            cell.value = nearest[1]
        else:
            assert "jour du calendrier" in sentence
            cell.value = "28/02/2009"
    done = await ended_of(client, await send(client, FIRMS, saved(book)))
    problems = ok(await client.get(f"/v1/imports/{done['id']}/problems"))["items"]
    assert (done["status"], done["rows_created"], problems) == ("succeeded", 46, [])
    mended = ok(await client.get(f"/v1/firms/{sirens[18]}"))
    assert (mended["naf_code"], mended["founded_on"]) == ("28.99A", "2008-07-05")
    assert ok(await client.get(f"/v1/firms/{sirens[31]}"))["founded_on"] == "2009-02-28"
