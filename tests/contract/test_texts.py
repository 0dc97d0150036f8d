"""No text that the service takes can hold an IBAN, wherever it is taken: in a body or in a line of a file."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.core.reading.listing import CURSOR
from app.core.schemas import Body
from app.core.values import holds_iban, iban_from, masked_iban, with_ibans_masked
from app.integrations.feed.feed import PARAMETERS
from app.integrations.imports.importers import IMPORTERS
from tests.contract.document import document

IBAN = iban_from(1)
ITSELF = {
    # stored apart, and shown masked
    ("BankDetailsCreate", "iban"), ("BankAccountCreate", "iban"),
    # By these accounts and debits are found: none of them is kept.
    ("StatementEntry", "account_iban"), ("StatementEntry", "payer_iban"), ("StatementEntry", "end_to_end_id"),
}  # fmt: skip


def bodies(kind: type[Body] = Body) -> Iterator[type[Body]]:
    for each in kind.__subclasses__():
        yield each
        yield from bodies(each)


def taken_by_requests() -> dict[str, Mapping[str, Any]]:
    """The properties of each schema that a body is made of, by its name."""
    schemas = document()["components"]["schemas"]
    found: dict[str, Mapping[str, Any]] = {}

    def visit(schema: Any) -> None:
        if isinstance(schema, list):
            for each in schema:
                visit(each)
        elif isinstance(schema, dict):
            name = schema.get("$ref", "").rpartition("/")[2]
            if name and name not in found:
                found[name] = schemas[name].get("properties", {})
                visit(schemas[name])
            for each in schema.values():
                visit(each)

    for operations in document()["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                visit(operation.get("requestBody", {}).get("content", {}))
    return found


REQUESTS = taken_by_requests()
CLASSES = {kind.__name__: kind for kind in bodies()}
FILES = {importer.schema for importer in IMPORTERS.values()}


def holding(schema: Mapping[str, Any], text: str) -> Iterator[Any]:
    """Values of a property with the text at each place where a string can stand."""
    kinds = schema.get("type", [])
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from holding(each, text)
    if "string" in kinds:
        yield text
    if "array" in kinds:
        yield from ([value] for value in holding(schema.get("items", {}), text))
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield from ({"key": value} for value in holding(more, text))


def keeps(annotation: Any, value: Any) -> bool:
    """Whether the number is in what is kept of the value: a bank's own words are kept with its mask in its place."""
    try:
        kept = TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return holds_iban(str(kept))


def open_to_an_iban(kind: type[Body], properties: Mapping[str, Any]) -> set[tuple[str, str]]:
    found = set()
    for name, field in kind.model_fields.items():
        annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        for text in (IBAN, f"To {IBAN.lower()}."):
            values = holding(properties[field.alias or name], text)
            found |= {(kind.__name__, name) for value in values if keeps(annotation, value)}
    return found


def test_every_schema_of_a_body_is_known() -> None:
    assert len(REQUESTS) > 200
    models = {name for name, properties in REQUESTS.items() if properties}
    assert models - CLASSES.keys() == set()


@pytest.mark.parametrize("name", sorted(REQUESTS.keys() & CLASSES.keys()))
def test_no_text_of_a_body_takes_an_iban(name: str) -> None:
    assert open_to_an_iban(CLASSES[name], REQUESTS[name]) - ITSELF == set()


@pytest.mark.parametrize("kind", sorted(FILES, key=str), ids=str)
def test_no_text_of_a_line_of_a_file_takes_an_iban(kind: type[Body]) -> None:
    assert open_to_an_iban(kind, kind.model_json_schema()["properties"]) - ITSELF == set()


@pytest.mark.parametrize("spaced", ["{}", "ß-{} à {}."])
def test_what_is_masked_holds_no_iban_and_keeps_the_rest(spaced: str) -> None:
    kept = with_ibans_masked(spaced.format(" ".join(IBAN), IBAN.lower()))
    assert not holds_iban(kept)
    assert kept == spaced.format(masked_iban(IBAN), masked_iban(IBAN))


def test_a_cursor_may_spell_the_number_of_an_account() -> None:
    """It is made of random bytes: one in some thousands spells what looks like an IBAN."""
    for parameter in (CURSOR, PARAMETERS["after"]):
        assert parameter.adapter.validate_python(f"ab-{IBAN}_cd") == f"ab-{IBAN}_cd"
