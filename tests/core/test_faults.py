"""Every fault of a field: one declaration, raised somewhere, with both languages and every figure that it tells."""

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from uuid import uuid4

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import app.models
from app.core.faults import FAULTS, Fault, Message
from app.core.problems import BY_CONSTRAINT, Problem
from app.core.validation import PYDANTIC_CODES, field_errors
from app.core.values import DayFraction, Siren, text

APP = Path(app.models.__file__).parent
MACHINERY = {APP / "core" / "faults.py", APP / "core" / "problems.py"}
RAISING = {"at", "error"}


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module of the application, read by the first test that looks into them."""
    return {path: ast.parse(path.read_text()) for path in sorted(APP.rglob("*.py"))}


def _declarations() -> Iterator[tuple[str, str]]:
    for tree in trees().values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                call = node.value
                if isinstance(call.func, ast.Name) and call.func.id == "Fault":
                    assert isinstance(node.targets[0], ast.Name)
                    yield node.targets[0].id, ast.literal_eval(call.args[0])


@cache
def names() -> dict[str, str]:
    """The code of each fault, by the name of its constant."""
    return dict(_declarations())


def _raises() -> Iterator[tuple[str, ast.Call]]:
    """Each `SOME_FAULT.at(…)` and `SOME_FAULT.error(…)` of the application."""
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RAISING:
                owner = node.func.value
                name = (
                    owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
                )
                if name in names():
                    yield name, node


def test_each_fault_is_a_constant_of_its_own_name() -> None:
    assert {name: code for name, code in names().items() if name != code.upper()} == {}
    assert sorted(names().values()) == sorted(FAULTS)
    assert len(FAULTS) > 80


def test_each_fault_is_raised_somewhere() -> None:
    used = {
        node.id if isinstance(node, ast.Name) else node.attr
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    # The faults of a schedule are named by their code: the rules that find them import no core.
    codes = {
        argument.value
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id == "Fault")
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }
    assert {name for name, code in names().items() if name not in used and code not in codes} == set()


def test_each_place_gives_the_figures_of_the_sentence() -> None:
    seen = 0
    for name, call in _raises():
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:  # `**members` is looked at when it is raised
            seen += 1
            assert FAULTS[names()[name]].placeholders <= given, (name, call.lineno)
    assert seen > 100


def test_pydantics_bounds_reach_the_sentence() -> None:
    contexts = {"ge": 1, "le": 2, "min_length": 3, "max_length": 4, "expected": "'a' or 'b'"}
    for kind, (fault, figures) in PYDANTIC_CODES.items():
        assert fault.placeholders == figures(contexts).keys(), kind


def test_no_sentence_stands_at_a_place_that_raises() -> None:
    for path, tree in trees().items():
        if path in MACHINERY:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                assert called not in {"PydanticCustomError", "FieldError"}, (path, node.lineno)


@pytest.mark.parametrize("fault", [pytest.param(fault, id=code) for code, fault in sorted(FAULTS.items())])
def test_both_languages_tell_the_same_in_sentences_of_their_own(fault: Fault) -> None:
    assert fault.en != fault.fr
    assert fault.en[-1] == fault.fr[-1] == "."
    members = dict.fromkeys(fault.placeholders, 7)
    for language in ("en", "fr"):
        told = fault.told(language, members)
        assert told, "a figure is missing"
        assert "{" not in told
        assert told.count("7") >= len(members)


def test_a_code_cannot_be_declared_twice() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        Fault("required", en="Give it.", fr="Donnez-le.")
    with pytest.raises(ValueError, match="same members"):
        Fault(f"new_{uuid4().hex}", en="At most {maximum}.", fr="Trop.")
    assert FAULTS["required"].en == "This field is required."


def test_a_fault_cannot_be_raised_without_its_figures() -> None:
    with pytest.raises(TypeError, match="minimum"):
        FAULTS["days_out_of_range"].at("/days", maximum=1)
    with pytest.raises(TypeError, match="maximum"):
        FAULTS["too_large"].error()


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: DayFraction = Decimal(1)
    amount: Annotated[int, Field(ge=1, le=5)] = 1
    name: Annotated[str, text(3)] = "a"
    code: Annotated[str, Field(max_length=2)] = "a"
    items: Annotated[list[int], Field(min_length=1, max_length=2)] = Field(default_factory=lambda: [1])
    kind: Literal["late", "on time or not", "it's"] = "late"
    months: Literal[12, 36] = 12
    siren: Siren = "320252489"


@pytest.mark.parametrize(
    ("field", "value", "detail", "detail_fr", "members"),
    [
        ("days", Decimal("1.25"), "Must be between 0.25 and 1.00 days.", "Doit être compris entre 0,25 et 1,00 jours.",
         {"minimum": 0.25, "maximum": 1.0}),
        ("days", Decimal("1E+99"), "Must be between 0.25 and 1.00 days.", "Doit être compris entre 0,25 et 1,00 jours.",
         {"minimum": 0.25, "maximum": 1.0}),
        ("amount", 0, "Must be at least 1.", "Doit être au moins 1.", {"minimum": 1}),
        ("amount", 6, "Must be at most 5.", "Doit être au plus 5.", {"maximum": 5}),
        ("name", "abcd", "The text is too long. Maximum length in characters: 3.",
         "Le texte est trop long. Longueur maximale en caractères : 3.", {"maximum": 3}),
        ("code", "abc", "The text is too long. Maximum length in characters: 2.",
         "Le texte est trop long. Longueur maximale en caractères : 2.", {"maximum": 2}),
        ("items", [], "The list is too short. Minimum number of items: 1.",
         "La liste est trop courte. Nombre minimal d'éléments : 1.", {"minimum": 1}),
        ("items", [1, 2, 3], "The list is too long. Maximum number of items: 2.",
         "La liste est trop longue. Nombre maximal d'éléments : 2.", {"maximum": 2}),
        ("months", 24, "Must be one of: 12, 36.", "Doit être l'une de ces valeurs : 12, 36.", {"expected": [12, 36]}),
        ("siren", "320252480", "Must be a SIREN: nine digits without spaces, the last one being the Luhn key.",
         "Doit être un SIREN : neuf chiffres sans espace, dont le dernier est la clé de Luhn.", {}),
    ],
)  # fmt: skip
def test_a_refused_value_is_told_its_bounds(
    field: str, value: object, detail: str, detail_fr: str, members: dict[str, object]
) -> None:
    with pytest.raises(ValidationError) as refused:
        _Body.model_validate({field: value})
    [error] = field_errors(refused.value.errors())
    told = error.public("en")
    assert (told.pop("pointer"), told.pop("detail")) == (f"/{field}", detail)
    assert error.public("fr")["detail"] == detail_fr
    told.pop("code")
    assert told == members


def test_the_values_of_a_list_of_codes_are_an_array_whatever_they_hold() -> None:
    with pytest.raises(ValidationError) as refused:
        _Body.model_validate({"kind": "early"})
    [error] = field_errors(refused.value.errors())
    assert error.members["expected"] == ["late", "on time or not", "it's"]


def test_an_empty_list_is_said_as_one() -> None:
    message = Message("moved", en="It can become: {allowed}.", fr="Il peut devenir : {allowed}.")
    assert message.told("en", {"allowed": []}) == "It can become: none."
    assert message.told("fr", {"allowed": ["a", "b"]}) == "Il peut devenir : a, b."


def test_no_problem_tells_a_list_as_text() -> None:
    """Lists inside problems are arrays: no member of a problem is joined into a text where it is raised."""
    problems = {cls.__name__ for cls in BY_CONSTRAINT.values()} | {cls.__name__ for cls in Problem.__subclasses__()}
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in problems:
                for keyword in node.keywords:
                    if keyword.arg == "headers":  # a header is text
                        continue
                    joined = re.search(r"""['"], ['"]\.join""", ast.unparse(keyword.value))
                    assert joined is None, (path, node.lineno)
