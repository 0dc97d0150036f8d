"""The summary of an operation: a short sentence, made of its name and its address."""

import re

from app.core.serving.operations import NAMED_BY

# What begins the sentence where it is not the verb of the name.
_VERBS = {"put": "Set", "update": "Change", "look": "Look up", "draw": "Draw up"}
_SINGLE = {"get", "list", "put", "compare", "delete"}  # what they are about has an address of its own without an id
_PROSE = {
    "api": "API", "iban": "IBAN", "write off": "write-off", "burn down": "burn-down", "to do": "to-do list",
}  # fmt: skip
_WRITTEN = re.compile("|".join(rf"\b{spelt}" for spelt in _PROSE))
_PLURAL = re.compile(r".*[^s]s|.*(?:people|terms)")
_VOWEL = re.compile(r"[aeio]|u(?!ni)|IBAN|API")


def summary(operation_id: str, path: str) -> str:
    """Such as «List the time entries of a territory» for `list_time_entries`."""
    verb, _, rest = operation_id.partition("_")
    noun = rest.removeprefix("up_").replace("_", " ")
    owner = _owner(path, verb)
    if noun.endswith(owner):
        owner = ""
    named = bool(owner) and f" {owner} " in f" {noun} "  # the name says whose it is
    if named:
        before, _, noun = noun.partition(f"{owner} ")
        owner = before + owner
    if noun.startswith("all "):
        noun, owner = noun.removeprefix("all "), owner or "all territories"
    noun = noun.removesuffix(" of territory")
    single = verb in _SINGLE and not path.endswith("}")
    plural = verb in ("list", "look") or bool(_PLURAL.fullmatch(noun))
    article = "the" if plural or single else _a(noun)
    of = ""
    if owner and (single or plural or named):
        of = f" of {owner}" if owner.startswith("all ") else f" of {_a(owner)} {owner}"
    sentence = f"{_VERBS.get(verb, verb.capitalize())} {article} {noun}{of}"
    return _WRITTEN.sub(lambda match: _PROSE[match[0]], sentence)


def _a(noun: str) -> str:
    return "an" if _VOWEL.match(noun) else "a"


def _owner(path: str, verb: str) -> str:
    """What the last parameter names that stands before the thing itself."""
    segments = path.split("/")[1:]
    thing = len(segments) - (2 if _acts(segments, verb) else 1)
    before = [(number, part[1:-1]) for number, part in enumerate(segments[:thing]) if part.startswith("{")]
    if not before:
        return ""
    number, name = before[-1]
    if name == "id":  # as its collection is called
        name = segments[number - 1].replace("-", "_").removesuffix("s")
    return NAMED_BY.get(name, name.removesuffix("_id").replace("_", " "))


def _acts(segments: list[str], verb: str) -> bool:
    """Whether the address ends with what is done to the object before it, not with a part of it."""
    return segments[-2:-1] == ["{id}"] and (verb not in _SINGLE or segments[-1] == verb)
