"""The bases of what travels: bodies that refuse unknown fields, and objects as they are read."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict


class _Described(BaseModel):
    """A schema that may take descriptions from another: `class ProjectUpdate(Body, like=ProjectCreate)`.

    A field without a description of its own has that of the field of the same name in `like`.
    """

    def __init_subclass__(cls, *, like: type[BaseModel] | None = None, **more: Any) -> None:
        super().__init_subclass__(**more)

    @classmethod
    def __pydantic_init_subclass__(cls, *, like: type[BaseModel] | None = None, **more: Any) -> None:
        super().__pydantic_init_subclass__(**more)
        known = like.model_fields if like is not None else {}
        for name in known.keys() & cls.model_fields.keys():
            cls.model_fields[name].description = cls.model_fields[name].description or known[name].description
        if known:
            cls.model_rebuild(force=True)


class Body(_Described):
    """What a client sends. An unknown field is a fault that names the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)


class Read(_Described):
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


@dataclass(frozen=True)
class Was:
    """The name that a field or a parameter had before, beside its type: `siren: Annotated[Siren, Was("firm_siren")]`.

    A request that uses the old name is refused, with the new one in `did_you_mean`. A file may keep it as a heading.
    """

    name: str


def former_names(type_: Any) -> Iterator[str]:
    """The names that a type says its field or parameter had before."""
    for part in get_args(type_):
        if isinstance(part, Was):
            yield part.name
        else:
            yield from former_names(part)


def retired(model: type[BaseModel]) -> dict[str, str]:
    """The names that fields of a model had before, and those they have now."""
    found = {}
    for name, field in model.model_fields.items():
        marks = (mark.name for mark in field.metadata if isinstance(mark, Was))
        found.update(dict.fromkeys((*marks, *former_names(field.annotation)), name))
    return found


def nearest_name(name: str, known: Iterable[str], former: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """The known name that a misspelt one most likely meant; `former` names lead to those that took their place."""
    names = {**former, **{each: each for each in known}}
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def suggestions(model: type[BaseModel], errors: Sequence[dict[str, Any]]) -> dict[str, str]:
    """For each unknown field among Pydantic's `errors`, by JSON Pointer, the nearest field of its model."""
    found = {}
    for error in errors:
        if error["type"] != "extra_forbidden":
            continue
        *path, name = [part for part in error["loc"] if part != "body"]
        owner = _model_at(model, path)
        guess = nearest_name(str(name), owner.model_fields, retired(owner)) if owner is not None else None
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
