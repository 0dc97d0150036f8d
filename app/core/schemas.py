"""The bases of what travels: bodies that refuse unknown fields, and objects as they are read."""

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.faults import FieldError
from app.core.messages import CHANGED_ELSEWHERE, PERIOD_REVERSED, UNKNOWN_FIELD


class Body(BaseModel):
    """What a client sends. An unknown field is a fault that names the nearest known one.

    `elsewhere` names fields of the object that other calls change, and those calls: who sends one here is told them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)

    elsewhere: ClassVar[Mapping[str, Sequence[str]]] = {}


def period_in_order(body: Any) -> Any:
    """A validator of bodies: where both days of a period are given, it does not end before it begins."""
    if body.from_on is not None and body.to_on is not None and body.to_on < body.from_on:
        raise PERIOD_REVERSED.error()
    return body


class Read(BaseModel):
    """What a client reads. It documents the object; PostgreSQL writes the JSON, and a test holds the two together.

    No field has a default. `personal()` and `confidential()` name the fields that never enter an event, a log or a
    public export. `formerly` names fields that the object had before, and that events from then must no longer tell.
    `noun()` is what the object's events call it: the name of its schema, unless `told_as` says another.
    """

    model_config = ConfigDict(frozen=True)

    told_as: ClassVar[str] = ""
    formerly: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def noun(cls) -> str:
        return cls.told_as or _CAPITAL.sub("_", cls.__name__).lower()

    @classmethod
    def personal(cls) -> frozenset[str]:
        return cls._marked("x-personal")

    @classmethod
    def confidential(cls) -> frozenset[str]:
        return cls._marked("x-confidential")

    @classmethod
    def withheld(cls) -> frozenset[str]:
        """The fields that no event tells, whatever was written."""
        return cls.personal() | cls.confidential() | cls.formerly

    @classmethod
    def _marked(cls, mark: str) -> frozenset[str]:
        return frozenset(
            name
            for name, field in cls.model_fields.items()
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(mark)
        )


# Of a content that was sealed: it has further members than those that are named here, as it had them on its day.
SEALED = ConfigDict(frozen=True, extra="allow")


def holds_marked(annotation: Any) -> bool:
    """Whether what is answered as this type holds a field that is personal or confidential, however deep."""
    return _holds_marked(annotation, set())


def _holds_marked(annotation: Any, passed: set[type[BaseModel]]) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in passed:
            return False
        passed.add(annotation)
        marks = [field.json_schema_extra for field in annotation.model_fields.values()]
        if any(isinstance(each, dict) and each.keys() & {"x-personal", "x-confidential"} for each in marks):
            return True
        return any(_holds_marked(field.annotation, passed) for field in annotation.model_fields.values())
    return any(_holds_marked(each, passed) for each in get_args(annotation))


_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
PERSONAL: dict[str, Any] = {"x-personal": True}  # json_schema_extra of a field that is personal data
CONFIDENTIAL: dict[str, Any] = {"x-confidential": True}  # of one that not every reader of events may see

# The fields that mean the same in every object that is read.

Id = Annotated[UUID, Field(description="UUIDv7, given when the object is created; ids sort by the time of creation.")]
Version = Annotated[
    int,
    Field(description="1 at creation, one more after each write of this object; the ETag begins with it."),
]
CreatedAt = Annotated[datetime, Field(description="Instant in UTC at which the object was created.")]
UpdatedAt = Annotated[
    datetime,
    Field(description="Instant in UTC of the last write of this object; writes of other objects do not move it."),
]
RecordedAt = Annotated[
    datetime,
    Field(description="Instant in UTC at which this was recorded; the day that it is about may be an earlier one."),
]
ExternalName = Annotated[
    str | None, Field(description="Identifier of this object in another system; null where it has none.")
]

# Confidential as what it digests: whoever knows the rest of a sealed content guesses the amounts in it by their digest.
ContentHash = Annotated[str, Field(json_schema_extra=CONFIDENTIAL)]
ContentHashOrNull = Annotated[str | None, Field(json_schema_extra=CONFIDENTIAL)]

# Personal data, such as a person's name: it enters no event. The field itself says whose it is, and when it is null.
PersonName = Annotated[str, Field(json_schema_extra=PERSONAL)]
PersonNameOrNull = Annotated[str | None, Field(json_schema_extra=PERSONAL)]
PersonalText = PersonNameOrNull


# Names of fields and parameters that were replaced, and their successors. A request that uses one is refused, and
# the answer names the successor; a file may keep it as a heading.
RETIRED: dict[str, str] = {}


def retire(**names: str) -> None:
    """Say which names of a domain's schemas were replaced, each with its successor."""
    RETIRED.update(names)


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt or retired one most likely meant."""
    names = {each: each for each in known}
    names |= {old: new for old, new in RETIRED.items() if new in names and old not in names}
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return names[close[0]] if close else None


# To look for the nearest name costs up to a millisecond, and the caller decides how many unknown ones there are.
MOST_SUGGESTIONS = 10


def hints(model: type[BaseModel], errors: Iterable[dict[str, Any]]) -> dict[str, FieldError]:
    """For the first ten unknown fields among Pydantic's `errors`, by JSON Pointer: the call that changes it, or the
    nearest field.
    """
    faults = {}
    unknown = (error for error in errors if error["type"] == "extra_forbidden")
    for error in itertools.islice(unknown, MOST_SUGGESTIONS):
        *path, name = [part for part in error["loc"] if part != "body"]
        owner = _model_at(model, path)
        if owner is None:
            continue
        pointer = "".join(f"/{part}" for part in [*path, name])
        if issubclass(owner, Body) and name in owner.elsewhere:
            faults[pointer] = CHANGED_ELSEWHERE.at(pointer, calls=list(owner.elsewhere[name]))
        elif guess := nearest_name(str(name), owner.model_fields):
            faults[pointer] = UNKNOWN_FIELD.at(pointer, did_you_mean=guess)
    return faults


def _model_at(model: type[BaseModel], path: Sequence[Any]) -> type[BaseModel] | None:
    current: Any = model
    for part in path:
        if isinstance(part, str) and isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(part)
            current = _model_within(field.annotation) if field else None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _model_within(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for arg in get_args(annotation) if (model := _model_within(arg)) is not None), None)
