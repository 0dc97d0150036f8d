"""What a cell says: as people write it and as spreadsheets keep it; what can be read in two ways is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.writing import cells
from app.core.writing.cells import CellRefused, Noted


@dataclass(frozen=True)
class Kept:
    """A cell as a reader gives it that tells kinds and formats apart."""

    kind: str
    value: str
    format: str = ""


def refusal(read: Callable[[Any], Any], cell: Any) -> dict[str, Any]:
    """What the refusal of a cell says, in French."""
    with pytest.raises(CellRefused) as refused:
        read(cell)
    return refused.value.error.public("fr")


AMOUNTS = {
    "1 234,56": 123456, "1.234,56": 123456, "1,234.56": 123456, "1234.5": 123450, "1 234": 123400, "2 000": 200000,
    "1.234.567,89": 123456789, "1,234,567": 123456700, "1 234 567,8": 123456780, "-12": -1200, "1 234,56 €": 123456,
    "2.000,00": 200000, "2,000.00": 200000, "1\u00a0234,50": 123450, "1\u202f234,50": 123450, "12": 1200, "0,5": 50,
}  # fmt: skip


@pytest.mark.parametrize("written", AMOUNTS)
def test_an_amount_is_read_as_it_is_written(written: str) -> None:
    assert cells.cents(written) == AMOUNTS[written]


@pytest.mark.parametrize("read", [cells.cents, cells.days, cells.fte, cells.number, cells.whole])
@pytest.mark.parametrize(
    ("written", "decimal", "thousands"),
    [("1.500", "1,5", "1500"), ("4,800", "4,8", "4800"), ("0,250", "0,25", "250"), ("-3.700", "-3,7", "-3700")],
)
def test_one_sign_with_three_digits_after_it_is_refused_alike(
    read: Callable[[Any], Any], written: str, decimal: str, thousands: str
) -> None:
    told = refusal(read, written)
    assert told["code"] == "ambiguous_number"
    assert f"se lire {decimal} ou {thousands}" in told["detail"]


@pytest.mark.parametrize("written", ["10 00", "1.2,3", "1,2.3", "1.23.456", "1,23,456", "1 2345", "12.34.5"])
def test_wrongly_grouped_digits_are_refused(written: str) -> None:
    assert refusal(cells.cents, written)["code"] == "wrongly_grouped"


@pytest.mark.parametrize("written", ["12 k€", "1,5 M€", "1234 euros", "(12)", "1e3", "10%", "2 ETP", "12,345.6789 x"])
def test_what_is_no_amount_is_told_with_an_example(written: str) -> None:
    told = refusal(cells.cents, written)
    assert (told["code"], told["detail"]) == ("cell_not_read", "Doit être un montant en euros, comme 1 234,50.")


@given(cents=st.integers(0, 10**13), groups=st.sampled_from([" ", "\u00a0", "\u202f", ".", ","]))
def test_groups_of_three_are_read_whatever_stands_between_them(cents: int, groups: str) -> None:
    decimal = "." if groups == "," else ","
    assert cells.cents(f"{cents // 100:,}".replace(",", groups) + f"{decimal}{cents % 100:02}") == cents


@given(cents=st.integers(0, 10**11))
def test_a_computed_amount_is_what_a_spreadsheet_shows(cents: int) -> None:
    """The float nearest to a sum of cents, one step beside it too, has the same fifteen digits."""
    written = Kept("number", repr(cents / 100))
    assert cells.cents(written) == cents


def test_numbers_of_a_workbook_have_fifteen_digits() -> None:
    assert cells.cents(1415.2799999999997) == 141528
    assert cells.cents(Kept("number", "1415.2799999999997")) == 141528
    assert cells.cents(Kept("number", "1.5")) == 150
    assert cells.days(Kept("number", "0.250")) == Decimal("0.25"), "of a number nothing is ambiguous"


@pytest.mark.parametrize(
    ("read", "cell", "wanted"),
    [
        (cells.siren, Kept("number", "300103", "000000000"), "000300103"),
        (cells.siren, Kept("number", "300103", '000" "000" "000'), "000300103"),
        (cells.commune, Kept("number", "1004", "00000"), "01004"),
        (cells.siren, Kept("number", "910009000.0"), "910009000"),
        (cells.siren, "910009000.0", "910009000"),
        (cells.siren, 910009000.0, "910009000"),
        (cells.siren, "910 009 000", "910009000"),
        (cells.siren, "732 829 320 00074", "732829320"),
        (cells.siret, Kept("number", "73282932000074"), "73282932000074"),
        (cells.naf, "2562B", "25.62B"),
        (cells.naf, "25.62 B", "25.62B"),
        (cells.naf, "25.62b", "25.62B"),
        (cells.naf, "25.62B - Mécanique", "25.62B - Mécanique"),
        (cells.plain, Kept("number", "12", "00"), "12"),
        (cells.plain, Kept("number", "1", "00"), "01"),
    ],
)
def test_codes_keep_the_zeros_that_people_see(read: Callable[[Any], Any], cell: Any, wanted: str) -> None:
    assert read(cell) == wanted


@pytest.mark.parametrize(
    ("read", "cell", "code"),
    [
        (cells.siren, "9,1E+13", "lost_digits"),
        (cells.siret, "9.10009E+13", "lost_digits"),
        (cells.siren, "300103", "lost_zeros"),
        (cells.commune, Kept("number", "1004"), "lost_zeros"),
        (cells.siren, "910\u200b009000", "forbidden_character"),
        (cells.siren, "\u202d910009000", "forbidden_character"),
    ],
)
def test_codes_that_have_lost_something_are_told(read: Callable[[Any], Any], cell: Any, code: str) -> None:
    assert refusal(read, cell)["code"] == code


DAYS = {
    "2023-09-08": "2023-09-08", "2023/9/8": "2023-09-08", "08/09/2023": "2023-09-08", "8.9.2023": "2023-09-08",
    "20230908": "2023-09-08", "08/09/23": "2023-09-08", "1/2/25": "2025-02-01", "": "",
    "2023-09-08T00:00:00Z": "2023-09-08",
}  # fmt: skip


@pytest.mark.parametrize("written", DAYS)
def test_a_day_is_read_as_it_is_written(written: str) -> None:
    assert cells.day(written) == DAYS[written]


@pytest.mark.parametrize(
    "cell", [date(2023, 9, 8), datetime(2023, 9, 8), 45177, Kept("number", "45177"), Kept("date", "2023-09-08"),
             Kept("datetime", "2023-09-08T00:00:00"), Kept("number", "20230908")],
)  # fmt: skip
def test_a_day_is_read_as_a_workbook_keeps_it(cell: Any) -> None:
    assert cells.day(cell) == "2023-09-08"


@pytest.mark.parametrize(
    "cell", ["2023-09-08 14:30", "08/09/2023 14:30", datetime(2023, 9, 8, 14, 30), 45177.604166667]
)
def test_a_time_that_is_left_out_is_told(cell: Any) -> None:
    told = cells.day(cell)
    assert isinstance(told, Noted)
    assert (told.value, told.error.code) == ("2023-09-08", "time_left_out")
    assert "14:30" in told.error.public("fr")["detail"]


def test_a_bare_serial_is_refused_with_the_day_that_it_would_be() -> None:
    told = refusal(cells.day, "45177")
    assert (told["code"], told["day"], told["written"]) == ("day_as_serial", "2023-09-08", "08/09/2023")
    assert refusal(cells.day, Kept("number", "2023"))["code"] == "day_as_serial", "a year is no day of 1905"


def test_a_short_year_is_of_this_century_up_to_the_next_year() -> None:
    assert refusal(cells.day, "08/09/87")["detail"].startswith("L'année a deux chiffres et pourrait être 1987 ou 2087")


@pytest.mark.parametrize("read", [cells.plain, cells.siren, cells.cents, cells.day, cells.truth, cells.parts])
@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("#N/A", "cell_error"), ("#REF!", "cell_error"), ("#VALEUR!", "cell_error"),
        (Kept("error", "#N/A"), "cell_error"),
        (Kept("formula", "=A1+1"), "formula_without_result"), ("[ND]", "placeholder"), ("NULL", "placeholder"),
        ("-", "placeholder"), ("\u2014", "placeholder"),
    ],
)  # fmt: skip
def test_what_stands_for_nothing_is_no_value(read: Callable[[Any], Any], cell: Any, code: str) -> None:
    assert refusal(read, cell)["code"] == code


def test_names_that_only_look_like_nothing_stay() -> None:
    assert [cells.plain(name) for name in ("Null", "'-", "A - B", "N/A SARL")] == ["Null", "-", "A - B", "N/A SARL"]


@pytest.mark.parametrize(
    ("cell", "basis_points"),
    [("2,62 %", 262), ("2.5%", 250), ("3", 300), (Kept("number", "0.0262", "0.00%"), 262), (Kept("number", "2.5"), 250),
     ("0", 0), ("", "")],
)  # fmt: skip
def test_a_percentage_is_basis_points(cell: Any, basis_points: Any) -> None:
    assert cells.percent(cell) == basis_points


@pytest.mark.parametrize("cell", ["deux", "2,625", "1,234 %", "2 % 3"])
def test_what_is_no_percentage_is_refused(cell: Any) -> None:
    assert refusal(cells.percent, cell)["code"] in ("cell_not_read", "ambiguous_number")


@pytest.mark.parametrize(
    ("cell", "paris", "utc"),
    [
        ("03/10/2023 14:00", "2023-10-03T12:00:00", "2023-10-03T14:00:00"),
        ("2023-12-03 9h30", "2023-12-03T08:30:00", "2023-12-03T09:30:00"),
        ("03/10/2023 à 14h", "2023-10-03T12:00:00", "2023-10-03T14:00:00"),
        ("2023-10-03T12:00:00.5Z", "2023-10-03T12:00:00.500000", "2023-10-03T12:00:00.500000"),
        (Kept("datetime", "2023-10-03T14:00:00"), "2023-10-03T12:00:00", "2023-10-03T14:00:00"),
    ],
)
def test_a_time_is_of_paris_in_a_file_of_people_and_of_utc_in_an_export(cell: Any, paris: str, utc: str) -> None:
    for read, wanted in ((cells.paris_time, paris), (cells.instant, utc)):
        assert datetime.fromisoformat(read(cell)) == datetime.fromisoformat(f"{wanted}+00:00")


def test_a_day_has_a_time_in_a_workbook_of_ours_alone() -> None:
    midnight = Kept("date", "2023-10-03")
    assert cells.instant(midnight) == "2023-10-03T00:00:00.000000Z"
    for read, cell in (
        (cells.paris_time, midnight),
        (cells.instant, "2023-10-03"),
        (cells.paris_time, "3/10/2023 25h"),
    ):
        assert refusal(read, cell)["code"] == "cell_not_read"
