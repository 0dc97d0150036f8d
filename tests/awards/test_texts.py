"""No text that is told of aids and their money can hold an IBAN."""

import importlib
import pkgutil
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

import app.advances
import app.applications.awards
import app.awards
import app.envelopes
import app.grants
import app.treasury
from app.core.schemas import Body
from app.core.values import iban_from
from app.firms.bank_details.rules import holds_iban, masked, with_ibans_masked

MONEY = (app.advances, app.awards, app.envelopes, app.grants, app.treasury, app.applications.awards)
ITSELF = {
    ("BankAccountCreate", "iban"),  # stored apart, and shown masked
    # By these accounts and debits are found: none of them is kept.
    ("StatementEntry", "account_iban"), ("StatementEntry", "payer_iban"), ("StatementEntry", "end_to_end_id"),
}  # fmt: skip


def bodies() -> list[type[Body]]:
    """The bodies of requests about awards and their payments."""
    found: set[type[Body]] = set()
    for package in MONEY:
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            kept = vars(importlib.import_module(each.name)).values()
            found |= {kind for kind in kept if isinstance(kind, type) and issubclass(kind, Body)}
    return sorted(found - {Body}, key=lambda kind: kind.__name__)


def takes(annotation: Any, text: str) -> bool:
    """Whether the number is in what is kept of the text: a bank's own words are kept with its mask in its place."""
    try:
        kept = TypeAdapter(annotation).validate_python(text)
    except ValidationError:
        return False
    return holds_iban(str(kept))


@pytest.mark.parametrize("kind", bodies(), ids=lambda kind: kind.__name__)
def test_no_text_of_a_body_takes_an_iban(kind: type[Body]) -> None:
    for text in (iban_from(1), f"To {iban_from(1)}."):
        open_to = {
            name
            for name, field in kind.model_fields.items()
            if takes(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation, text)
        }
        assert {name for name in open_to if (kind.__name__, name) not in ITSELF} == set()


@pytest.mark.parametrize("spaced", ["{}", "ß-{} à {}."])
def test_what_is_masked_holds_no_iban_and_keeps_the_rest(spaced: str) -> None:
    iban = iban_from(1)
    kept = with_ibans_masked(spaced.format(" ".join(iban), iban.lower()))
    assert not holds_iban(kept)
    assert kept == spaced.format(masked(iban), masked(iban))
