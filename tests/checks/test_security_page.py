"""The page about security answers every requirement that it says it answers, each once."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
STATES = {"held", "deployment", "n/a", "open"}

# How many requirements of levels 1 and 2 a section of ASVS 5.0.0 has. They are its first ones: those of level 3 follow.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4,
    "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4,
    "17.3": 2,
}  # fmt: skip


def test_every_requirement_of_level_2_has_its_state_once() -> None:
    asked = [f"{section}.{number}" for section, count in SECTIONS.items() for number in range(1, count + 1)]
    rows = re.findall(r"^\| (\d+\.[\d., ]*) \| ([\w/]+) \| (.+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    told = [number for numbers, *_ in rows for number in numbers.split(", ")]
    assert sorted(told) == sorted(asked)
    assert len(told) == 253
    assert {state for _, state, *_ in rows} == STATES
    unnamed = [numbers for numbers, state, _, where in rows if state == "held" and "`" not in where]
    assert unnamed == [], "what is held says where"
