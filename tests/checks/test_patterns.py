"""Patterns are linear: whatever is sent, a pattern of the service takes no more steps than a few for each character.

The steps are counted, not timed, on texts that are made to mislead the pattern: each of its repetitions is pumped with
the characters that it takes, and the text then fails. A repetition within another, or beside one that takes the same
characters, takes four times as many steps for a text twice as long, or more.
"""

import ast
import importlib
import itertools
import json
import pkgutil
import re
from collections.abc import Iterator, Sequence
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

import pytest

import app
from app.main import ROUTERS

parser: Any = re._parser  # the only reader of Python's own patterns
constants: Any = re._constants
ROOT = Path(__file__).parents[2]
ANCHORED = {"fullmatch", "match"}
FINDING = {"search", "sub", "subn", "findall", "finditer", "split"}
MOST_STEPS = 20_000
SHORT, LONG = 30, 60
GROWTH = 2.6  # of the steps, for a text twice as long

WORD = re.compile(r"\w")
CATEGORIES = {
    constants.CATEGORY_DIGIT: re.compile(r"\d"), constants.CATEGORY_NOT_DIGIT: re.compile(r"\D"),
    constants.CATEGORY_SPACE: re.compile(r"\s"), constants.CATEGORY_NOT_SPACE: re.compile(r"\S"),
    constants.CATEGORY_WORD: WORD, constants.CATEGORY_NOT_WORD: re.compile(r"\W"),
}  # fmt: skip


class TooManySteps(Exception):
    """The pattern takes more steps than any that is linear."""


class Machine:
    """A pattern, matched as Python's engine does: by trying and going back. It counts the characters that it tries."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.parsed = parser.parse(pattern, flags)
        self.ignores_case = bool(self.parsed.state.flags & re.IGNORECASE)
        self.all_lines = bool(self.parsed.state.flags & re.DOTALL)
        self.lines = bool(self.parsed.state.flags & re.MULTILINE)

    def steps(self, text: str, *, how: str) -> int:
        """How many it takes for a text: matched whole, from its start, or found as often as it is there."""
        self.text, self.taken = text, 0
        try:
            if how in ANCHORED:
                for reached in self._sequence(list(self.parsed), 0):
                    if how == "match" or reached == len(text):
                        break
            else:
                at = 0
                while at <= len(text):
                    end = next(self._sequence(list(self.parsed), at), None)
                    at = at + 1 if end is None or end == at else end
        except TooManySteps:
            return MOST_STEPS
        return self.taken

    def _one(self, node: tuple[Any, Any], at: int) -> bool:
        self.taken += 1
        if self.taken >= MOST_STEPS:
            raise TooManySteps
        if at >= len(self.text):
            return False
        return takes(node, self.text[at], ignores_case=self.ignores_case, all_lines=self.all_lines)

    def _sequence(self, nodes: Sequence[tuple[Any, Any]], at: int) -> Iterator[int]:
        if not nodes:
            yield at
            return
        for end in self._node(nodes[0], at):
            yield from self._sequence(nodes[1:], end)

    def _node(self, node: tuple[Any, Any], at: int) -> Iterator[int]:
        kind, given = node
        if kind in (constants.LITERAL, constants.NOT_LITERAL, constants.ANY, constants.IN):
            if self._one(node, at):
                yield at + 1
        elif kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            low, high, body = given
            ends = self._repeated(list(body), low, high, at, 0, lazy=kind is constants.MIN_REPEAT)
            yield from itertools.islice(ends, 1 if kind is constants.POSSESSIVE_REPEAT else None)
        elif kind is constants.SUBPATTERN:
            yield from self._sequence(list(given[-1]), at)
        elif kind is constants.ATOMIC_GROUP:
            yield from itertools.islice(self._sequence(list(given), at), 1)
        elif kind is constants.BRANCH:
            for branch in given[1]:
                yield from self._sequence(list(branch), at)
        elif kind in (constants.ASSERT, constants.ASSERT_NOT):
            direction, body = given
            held = any(True for start in (range(at, -1, -1) if direction < 0 else [at])
                       for end in self._sequence(list(body), start) if direction > 0 or end == at)  # fmt: skip
            if held is (kind is constants.ASSERT):
                yield at
        elif kind is constants.AT:
            if self._at(given, at):
                yield at
        else:
            raise NotImplementedError(kind)

    def _at(self, place: Any, at: int) -> bool:
        text = self.text
        if place in (constants.AT_BEGINNING, constants.AT_BEGINNING_STRING):
            return at == 0 or (self.lines and place is constants.AT_BEGINNING and text[at - 1] == "\n")
        if place is constants.AT_END_STRING:
            return at == len(text)
        if place is constants.AT_END:
            return at == len(text) or text[at:] == "\n" or (self.lines and text[at] == "\n")
        before, after = (bool(WORD.match(each)) for each in (text[at - 1 : at] if at else "", text[at : at + 1]))
        return (before != after) is (place is constants.AT_BOUNDARY)

    def _repeated(self, body: list[Any], low: int, high: int, at: int, done: int, *, lazy: bool) -> Iterator[int]:
        if lazy and done >= low:
            yield at
        if done < high:
            for end in self._sequence(body, at):
                if end > at or done < low:
                    yield from self._repeated(body, low, high, end, done + 1, lazy=lazy)
        if not lazy and done >= low:
            yield at


def takes(node: tuple[Any, Any], character: str, *, ignores_case: bool = False, all_lines: bool = False) -> bool:
    """Whether a node of one character takes this one."""
    kind, given = node
    if kind is constants.ANY:
        return all_lines or character != "\n"
    forms = {character, character.lower(), character.upper()} if ignores_case else {character}
    if kind is constants.LITERAL:
        return any(ord(form) == given for form in forms if len(form) == 1)
    if kind is constants.NOT_LITERAL:
        return bool(ord(character) != given)
    negated = given[0][0] is constants.NEGATE
    found = any(
        (what is constants.LITERAL and ord(form) == value)
        or (what is constants.RANGE and value[0] <= ord(form) <= value[1])
        or (what is constants.CATEGORY and bool(CATEGORIES[value].match(form)))
        for form in forms if len(form) == 1
        for what, value in given
    )  # fmt: skip
    return found is not negated


def nodes_of(parsed: Any) -> Iterator[tuple[Any, Any]]:
    """Every node of a pattern."""
    for node in parsed:
        yield node
        kind, given = node
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            yield from nodes_of(given[2])
        elif kind is constants.SUBPATTERN:
            yield from nodes_of(given[-1])
        elif kind is constants.ATOMIC_GROUP:
            yield from nodes_of(given)
        elif kind is constants.BRANCH:
            for branch in given[1]:
                yield from nodes_of(branch)
        elif kind in (constants.ASSERT, constants.ASSERT_NOT):
            yield from nodes_of(given[1])


ODD = "a0 \t\nZ9_-.,;:/%&=+~*é\u00a0\x01\"'()<>@#"


def sample(parsed: Any, least: int = 1) -> str:
    """A text that the pattern takes, as short as it may be but for each repetition, which is taken once."""
    text = ""
    for node in parsed:
        kind, given = node
        if kind in (constants.LITERAL, constants.NOT_LITERAL, constants.ANY, constants.IN):
            candidates = itertools.chain(ODD, map(chr, range(33, 1000)), map(chr, range(1000, 0x3000, 7)))
            text += next((each for each in candidates if takes(node, each)), "")
        elif kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            low, high, body = given
            text += sample(body) * min(max(low, least), high)
        elif kind is constants.SUBPATTERN:
            text += sample(given[-1])
        elif kind is constants.ATOMIC_GROUP:
            text += sample(given)
        elif kind is constants.BRANCH:
            text += sample(given[1][0])
    return text


def attacks(machine: Machine, length: int) -> Iterator[str]:
    """Texts of about this length that mislead the pattern: what a part takes, many times, then what none takes."""
    bodies = {character for character in ODD if any(
        takes(node, character) for node in nodes_of(machine.parsed)
        if node[0] in (constants.LITERAL, constants.NOT_LITERAL, constants.ANY, constants.IN)
    )}  # fmt: skip
    heads = {""}
    for place, (kind, given) in enumerate(machine.parsed):
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT, constants.SUBPATTERN):
            heads.add(sample(list(machine.parsed)[:place]))
            body = sample(given[2] if kind is not constants.SUBPATTERN else given[-1])
            bodies.add(body)
    for node in nodes_of(machine.parsed):
        if node[0] in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            bodies.add(sample(node[1][2]))
    for head, body, tail in itertools.product(sorted(heads), sorted(bodies - {""}), ("", "\x00", "\n!", "!")):
        yield head + body * (length // len(body)) + tail


@cache
def growth(pattern: str, flags: int, how: str) -> tuple[float, str]:
    """How many times more steps a pattern takes for a text twice as long, at the worst, and that text's beginning."""
    machine = Machine(pattern, flags)
    worst, by = 0.0, ""
    for short, long in zip(attacks(machine, SHORT), attacks(machine, LONG), strict=True):
        taken = machine.steps(long, how=how)
        if taken == MOST_STEPS:
            return inf, short[:30]
        ratio = taken / max(SHORT, machine.steps(short, how=how))
        if ratio > worst:
            worst, by = ratio, short[:30]
    return worst, by


def patterns() -> Iterator[tuple[str, str, int, str]]:
    """Where each pattern of the service is, the pattern, its flags, and how it is used."""
    for found in pkgutil.walk_packages(app.__path__, "app."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        source = Path(str(module.__file__)).read_text()
        used: dict[str, set[str]] = {}
        for node in ast.walk(ast.parse(source)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            used.setdefault(name, set()).add(node.func.attr)
            if name == "re" and node.func.attr in ANCHORED | FINDING and isinstance(node.args[0], ast.Constant):
                yield f"{found.name}:{node.lineno}", str(node.args[0].value), 0, node.func.attr
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str | bytes):
                text = value.pattern if isinstance(value.pattern, str) else value.pattern.decode("latin-1")
                known = used.get(name, set()) & (ANCHORED | FINDING)
                for how in known or {"search"}:
                    yield f"{found.name}.{name}", text, value.flags & ~re.UNICODE, how
    for route in (route for router in ROUTERS for route in router.routes):
        for name, convertor in getattr(route, "param_convertors", {}).items():
            yield f"{name} of {getattr(route, 'path', '')}", convertor.regex, 0, "fullmatch"


def test_every_pattern_of_the_code_is_linear() -> None:
    seen, slow = 0, {}
    for place, pattern, flags, how in patterns():
        seen += 1
        worst, by = growth(pattern, flags, how)
        if worst > GROWTH:
            slow[place] = (pattern, how, round(worst, 1), by)
    assert seen > 50
    assert slow == {}


def test_every_pattern_of_the_document_is_linear() -> None:
    """Pydantic's engine is linear by itself; that of whoever validates by the document may go back."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text())

    def within(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                yield node["pattern"]
            for each in node.values():
                yield from within(each)
        elif isinstance(node, list):
            for each in node:
                yield from within(each)

    found = set(within(document))
    assert len(found) > 10
    slow = {pattern: worst for pattern in found if (worst := growth(pattern, 0, "search"))[0] > GROWTH}
    assert slow == {}


@pytest.mark.parametrize(
    ("pattern", "how"),
    [
        (r"(a+)+b", "match"), (r"(a|a)*b", "match"), (r"(\w+\s?)+$", "match"), (r"\d+\d+x", "match"),
        (r"\s*,\s*\s*;", "fullmatch"), (r"\s+$", "search"), (r"<.*>.*x", "search"),
    ],
)  # fmt: skip
def test_a_pattern_that_goes_back_too_often_would_be_seen(pattern: str, how: str) -> None:
    assert growth(pattern, 0, how)[0] > GROWTH
