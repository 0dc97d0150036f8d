"""The bases of what travels: bodies that refuse unknown fields, and objects as they are read."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """What a client sends. An unknown field is a fault that names the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)


class Read(BaseModel):
    """What a client reads. It documents the object; PostgreSQL writes the JSON, and a test holds the two together.

    No field has a default. `personal()` and `confidential()` name the fields that never enter an event, a log or a
    public export.
    """

    model_config = ConfigDict(frozen=True)

    @classmethod
    def personal(cls) -> frozenset[str]:
        return cls._marked("x-personal")

    @classmethod
    def confidential(cls) -> frozenset[str]:
        return cls._marked("x-confidential")

    @classmethod
    def _marked(cls, mark: str) -> frozenset[str]:
        return frozenset(
            name
            for name, field in cls.model_fields.items()
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(mark)
        )


PERSONAL: dict[str, Any] = {"x-personal": True}  # json_schema_extra of a field that is personal data
CONFIDENTIAL: dict[str, Any] = {"x-confidential": True}  # of one that not every reader of events may see


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely meant."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def suggestions(model: type[BaseModel], errors: Sequence[dict[str, Any]]) -> dict[str, str]:
    """For each unknown field among Pydantic's `errors`, by JSON Pointer, the nearest field of its model."""
    found = {}
    for error in errors:
        if error["type"] != "extra_forbidden":
            continue
        *path, name = [part for part in error["loc"] if part != "body"]
        owner = _model_at(model, path)
        guess = nearest_name(str(name), owner.model_fields) if owner is not None else None
        if guess is not None:
            found["".join(f"/{part}" for part in [*path, name])] = guess
    return found


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
    return next((found for arg in get_args(annotation) if (found := _model_within(arg)) is not None), None)
