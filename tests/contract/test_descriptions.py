"""Every property of the OpenAPI document says what its name does not: its unit, who sets it, when it is null."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.document import document

SCHEMAS: dict[str, Any] = document()["components"]["schemas"]

# Words that tell nothing by themselves.
HOLLOW = "a an and as at by for from in is it its of on or that the this to which with object value"


def properties(node: Any, place: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The properties within a schema: where they are, their names, and themselves."""
    if isinstance(node, dict):
        for name, found in node.get("properties", {}).items():
            yield f"{place}/{name}", name, found
            yield from properties(found, f"{place}/{name}")
        for key, value in node.items():
            if key not in ("properties", "examples"):
                yield from properties(value, place)
    elif isinstance(node, list):
        for value in node:
            yield from properties(value, place)


def description(found: dict[str, Any]) -> str:
    """A property's own description, or that of the type that it refers to."""
    referred = SCHEMAS.get(str(found.get("$ref", "")).rpartition("/")[2], {})
    return str(found.get("description") or referred.get("description") or "").strip()


def words(text: str) -> set[str]:
    return {word.removesuffix("s") for word in re.findall(r"[a-z0-9]+", text.lower())}


def says_something(name: str, text: str) -> bool:
    """Whether this is a sentence with a word that the name does not have already."""
    return text.endswith((".", ".)")) and bool(words(text) - words(name) - words(HOLLOW))


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_every_property_says_what_its_name_does_not(schema: str) -> None:
    found = list(properties(SCHEMAS[schema]))
    silent = [place for place, name, given in found if not says_something(name, description(given))]
    assert silent == []


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("amount_cents", "The amount.", False),
        ("amount_cents", "The amount in cents.", False),
        ("amount_cents", "Euro cents, excluding VAT.", True),
        ("amount_cents", "Euro cents, excluding VAT", False),
        ("amount_cents", "", False),
    ],
)
def test_a_description_that_repeats_the_name_is_none(name: str, text: str, says: bool) -> None:
    assert says_something(name, text) is says
