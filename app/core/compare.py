"""What differs between two versions of a document. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def compare(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], key: Sequence[str]
) -> dict[str, Any]:
    """What was added, removed and changed between two lists of objects, matched by the fields in `key`."""

    def keyed(items: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
        return {tuple(item[name] for name in key): item for item in items}

    old, new = keyed(before), keyed(after)
    changed = []
    for place, item in new.items():
        if place in old:
            fields = changes(old[place], item)
            if fields:
                changed.append({**dict(zip(key, place, strict=True)), "fields": fields})
    return {
        "added": [dict(item) for place, item in new.items() if place not in old],
        "removed": [dict(item) for place, item in old.items() if place not in new],
        "changed": changed,
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an object that differ, each with its value before and after."""
    names = [*before, *(name for name in after if name not in before)]
    return {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in names
        if before.get(name) != after.get(name)
    }
