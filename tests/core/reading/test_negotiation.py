"""Weighted headers: one grammar for Accept and Accept-Language (RFC 9110 §12.4.2, §5.6.6)."""

import pytest

from app.core.reading.negotiation import preferred, weights

OFFERED = {"application/json": "json", "text/csv": "csv", "image/svg+xml": "svg"}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", []),
        ("fr", [("fr", 1.0)]),
        ("fr;q=0.9", [("fr", 0.9)]),
        ("fr; q=0.9", [("fr", 0.9)]),
        ("fr ;\tQ=0.9 , EN", [("fr", 0.9), ("en", 1.0)]),
        ("text/csv;header=present;q=0.5", [("text/csv", 0.5)]),
        ("*;q=0", [("*", 0.0)]),
        ("fr;q=1.5, en;q=-1, de;q=x, nl;q=nan, it;q=1e-1", []),
        ("fr;q=0., en;q=1.000", [("fr", 0.0), ("en", 1.0)]),
        (",, ,", []),
    ],
)
def test_a_header_is_read_with_white_space_and_capitals(header: str, told: list[tuple[str, float]]) -> None:
    assert weights(header) == told


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "json"),
        ("text/csv; q=0.5, image/svg+xml;Q=0.9", "svg"),
        ("application/json;q=0, */*", "csv"),
        ("text/*, application/json ; q=0.9", "csv"),
        ("*/*;q=0.1, image/svg+xml ; q=0.2", "svg"),
        ("audio/ogg", "json"),
        ("text/csv;q=0", "json"),
    ],
)
def test_a_form_is_chosen_by_weight(accept: str, form: str) -> None:
    assert preferred(accept, OFFERED) == form
