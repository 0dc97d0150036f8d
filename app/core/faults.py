"""What can be wrong with one field: each code is declared once, in English and French, beside the rule that raises it.

`DAYS_OUT_OF_RANGE = Fault("days_out_of_range", en="Must be between {minimum} and {maximum} days.", fr=…)` is all: a
validator raises `DAYS_OUT_OF_RANGE.error(minimum=…, maximum=…)`, a service collects `FUTURE_DAY.at("/held_on")`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic_core import PydanticCustomError

LANGUAGES = ("en", "fr")

_NAMED = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Message:
    """What is said of a code, in each language; `{names}` are members that travel beside the sentence."""

    code: str
    en: str
    fr: str

    @property
    def placeholders(self) -> frozenset[str]:
        """The members that the sentences need."""
        return frozenset(_NAMED.findall(self.en + self.fr))

    def told(self, language: str, members: Mapping[str, Any]) -> str:
        """The sentence in one language."""
        return fill(self.fr if language == "fr" else self.en, members, language)


@dataclass(frozen=True)
class FieldError:
    """A fault of one field: where (JSON Pointer, or a parameter's name), which rule, and its figures."""

    pointer: str
    message: Message
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return self.message.code

    def public(self, language: str) -> dict[str, Any]:
        members = {name: plain(value) for name, value in self.members.items()}
        detail = self.message.told(language, self.members)
        return {"pointer": self.pointer, "code": self.code, "detail": detail, **members}


FAULTS: dict[str, "Fault"] = {}


@dataclass(frozen=True)
class Fault(Message):
    """A code and its sentences, declared once: a second declaration is refused when it is imported."""

    def __post_init__(self) -> None:
        if self.code in FAULTS:
            raise ValueError(f"the fault {self.code} is declared twice")
        if set(_NAMED.findall(self.en)) != set(_NAMED.findall(self.fr)):
            raise ValueError(f"the fault {self.code} does not tell the same members in both languages")
        FAULTS[self.code] = self

    def error(self, **members: Any) -> PydanticCustomError:
        """The fault as a validator raises it."""
        return PydanticCustomError(self.code, self.en, self._complete(members))

    def at(self, pointer: str, **members: Any) -> FieldError:
        """The fault at this place of the body, or of this parameter."""
        return FieldError(pointer, self, self._complete(members))

    def _complete(self, members: dict[str, Any]) -> dict[str, Any]:
        if missing := self.placeholders - members.keys():
            raise TypeError(f"the fault {self.code} is raised without {', '.join(sorted(missing))}")
        return members


def plain(value: Any) -> Any:
    """A member as it travels: a quantity keeps its digits as a number, a message is its code, all else as it is."""
    if isinstance(value, Message):
        return value.code
    return float(value) if isinstance(value, Decimal) else value


def fill(template: str, members: Mapping[str, Any], language: str) -> str:
    """The sentence with its figures. One whose members are not all known says nothing rather than half a sentence."""
    if not _NAMED.search(template):
        return template
    try:
        return template.format_map({name: _said(name, value, members, language) for name, value in members.items()})
    except KeyError:
        return ""


def _said(name: str, value: Any, members: Mapping[str, Any], language: str) -> str:
    """A figure as a sentence says it: days with their digits, cents as euros, lists by comma; a comma in French."""
    french = language == "fr"
    if isinstance(value, Message):
        return value.told(language, {key: other for key, other in members.items() if key != name})
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value) or ("aucun" if french else "none")
    if name.endswith("_cents") and isinstance(value, int):
        euros = f"{value // 100:,}.{value % 100:02} €"
        return euros.translate({ord(","): "\N{NARROW NO-BREAK SPACE}", ord("."): ","}) if french else euros
    return str(value).replace(".", ",") if french and isinstance(value, Decimal) else str(value)
