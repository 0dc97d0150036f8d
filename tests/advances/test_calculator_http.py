"""The calculator over HTTP: any key, nothing stored, its forms and its refusals."""

import csv
import io
import json
from datetime import datetime

import openpyxl
import pytest

from app.core import clock
from tests.advances.tables import TABLES, body, rounding
from tests.world import World, ok, problem

PATH = "/v1/advance-schedules"
EXAMPLE = TABLES["constant instalments after four quarters of interest"]


async def test_any_key_gets_a_schedule_and_nothing_is_stored(world: World) -> None:
    async with world.pool.acquire() as connection:
        nobody = await world.add_subject(connection, "nobody", "partner", None)
    before = await world.pool.fetchval("SELECT count(*) FROM events")
    for client in (world.consultant, world.auditor, nobody):
        found = ok(await client.post(PATH, EXAMPLE.body))
        assert found["lines"][4] == {
            "number": 5, "due_on": "2027-03-31", "opening_cents": 10_000_000, "principal_cents": 1_228_289,
            "interest_cents": 50_000, "capitalised_cents": 0, "total_cents": 1_278_289, "closing_cents": 8_771_711,
        }  # fmt: skip
        assert found["totals"] == {
            "principal_cents": 10_000_000, "interest_cents": 426_309, "capitalised_cents": 0,
            "total_cents": 10_426_309,
        }  # fmt: skip
        assert found["by_year"][0] == {
            "year": 2026, "principal_cents": 0, "interest_cents": 200_000, "total_cents": 200_000,
        }  # fmt: skip
        assert found["checks"] == {"principal_sums": True, "closing_is_zero": True, "dates_increase": True}
    assert before == await world.pool.fetchval("SELECT count(*) FROM events")


@pytest.mark.parametrize(("form", "delimiter", "amount"), [("csv", ",", "12282.89"), ("csv-fr", ";", "12282,89")])
async def test_the_lines_as_csv(world: World, form: str, delimiter: str, amount: str) -> None:
    response = await world.consultant.post(f"{PATH}?format={form}", EXAMPLE.body)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/csv")
    ending = "fr.csv" if form == "csv-fr" else "csv"
    assert f"advance-schedules-{clock.today()}.{ending}" in response.headers["content-disposition"]
    assert response.text.startswith("\ufeff") is (form == "csv-fr")
    assert response.text.count("\r\n") == 13
    head, *lines = csv.reader(io.StringIO(response.text.lstrip("\ufeff")), delimiter=delimiter)
    assert head == ["number", "due_on", "opening_eur", "principal_eur", "interest_eur", "capitalised_eur",
                    "total_eur", "closing_eur"]  # fmt: skip
    assert (lines[4][1], lines[4][3]) == ("2027-03-31", amount)


async def test_the_lines_as_a_sheet_and_as_ndjson(world: World) -> None:
    accept = {"Accept": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    response = await world.consultant.post(PATH, EXAMPLE.body, headers=accept)
    rows = list(openpyxl.load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True))
    assert len(rows) == 13
    assert rows[5] == (5, datetime(2027, 3, 31), 100_000, 12_282.89, 500, 0, 12_782.89, 87_717.11)
    lines = ok(await world.consultant.post(PATH, EXAMPLE.body))["lines"]
    found = await world.consultant.post(f"{PATH}?format=ndjson", EXAMPLE.body)
    assert [line.strip() for line in found.text.splitlines()] == [
        json.dumps(line, separators=(",", ":")) for line in lines
    ]


async def test_days_before_excels_calendar_was_right(world: World) -> None:
    sent = body(100, "1900-01-01", 2, frequency="monthly")
    response = await world.consultant.post(f"{PATH}?format=xlsx", sent)
    rows = list(openpyxl.load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True))
    assert [row[1] for row in rows[1:]] == [datetime(1900, 1, 31), datetime(1900, 2, 28)]


async def test_a_fault_has_its_place_its_figures_and_both_languages(world: World) -> None:
    sent = {**body(100_000, "2025-01-01", 4, shape="steps"), "annual_rate_bp": 9_999,
            "steps": [{"instalments": 3, "amount_cents": 25_000}]}  # fmt: skip
    errors = problem(await world.consultant.post(PATH, sent), 422, "validation-failed")["errors"]
    assert {error["pointer"]: error["code"] for error in errors if error["pointer"] != "/steps"} == {
        "/annual_rate_bp": "rate_out_of_range"
    }
    count, total = (error for error in errors if error["pointer"] == "/steps")
    assert (count["code"], count["steps_instalments"], count["instalments"]) == ("steps_count", 3, 4)
    assert (total["code"], total["steps_cents"], total["principal_cents"]) == ("steps_sum", 75_000, 100_000)
    assert total["detail"].endswith("they sum to 750.00 €, not 1,000.00 €.")
    french = problem(
        await world.consultant.post(PATH, sent, headers={"Accept-Language": "fr"}), 422, "validation-failed"
    )["errors"]
    assert french[-1]["detail"].endswith("ils totalisent 750,00 €, non 1\u202f000,00 €.")
    sent = {**body(100, "2025-03-31", 4), "first_due_on": "2025-03-31"}
    (error,) = problem(await world.consultant.post(PATH, sent), 422, "validation-failed")["errors"]
    assert error == {
        "pointer": "/first_due_on", "code": "first_due_before_disbursement", "disbursed_on": "2025-03-31",
        "detail": "The first due date must be after the disbursement on 2025-03-31.",
    }  # fmt: skip


async def test_what_is_not_known_is_refused(world: World) -> None:
    problem(await world.consultant.post(f"{PATH}?dry_run=true", EXAMPLE.body), 422, "validation-failed")
    problem(await world.consultant.post(f"{PATH}?format=pdf", EXAMPLE.body), 406, "not-acceptable")
    sent = {**EXAMPLE.body, "rounding": {**rounding(), "rule": "down"}}
    (error,) = problem(await world.consultant.post(PATH, sent), 422, "validation-failed")["errors"]
    assert (error["pointer"], error["code"]) == ("/rounding/rule", "unknown_field")
