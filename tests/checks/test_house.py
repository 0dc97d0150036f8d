"""The house is as its pages say: one name one thing, each domain complete, the drawings those of the rules."""

import ast
import importlib
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import app.models
from app.commands import check
from app.main import ROUTERS
from tests.checks import conditions_page, state_machines

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"
DOMAINS = sorted(path.parent for path in APP.rglob("routes.py"))


def _classes() -> dict[str, list[Path]]:
    found = defaultdict(list)
    for path in sorted(APP.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(path)
    return found


def test_a_public_class_has_a_name_of_its_own() -> None:
    """A table and the schema that it is read as may share theirs."""
    twice = {}
    for name, paths in _classes().items():
        places = {(path.parent, path.stem) for path in paths}
        pair = places == {(paths[0].parent, "models"), (paths[0].parent, "schemas")}
        if len(paths) > 1 and not pair:
            twice[name] = [str(path.relative_to(ROOT)) for path in paths]
    assert twice == {}, "one word, one thing: rename all but one"


# What core says although a domain has that name, each with its reason.
OF_CORE_TOO = {
    "territory": "every event, collection and stored answer belongs to one, or to all: it is the scope",
    "siren": "a value of the State's, as a date or an amount is one: core/values checks it, core/routines does in SQL",
    "siret": "as siren",
    "application": "of media types (application/json) and of PostgreSQL (application_name); the aid file says it apart",
    "access": "an English word: access_log of uvicorn",
    "scheme": "an English word: that of an address or of a credential",
    "schemes": "an English word: securitySchemes of OpenAPI",
    "report": "an English word: report it to the people who run the service",
}


def _words_of_domains() -> set[str]:
    """The names of the domains' packages, as one or as many, and the path parameters that they describe."""
    packages = {path.relative_to(APP).parts[0] for path in APP.rglob("schemas.py")} - {"core"}
    described = {
        name
        for path in APP.rglob("routes.py")
        for name in re.findall(r'^describe\(\s*"(\w+)"', path.read_text(), re.MULTILINE)
    }
    return packages | {name.removesuffix("s") for name in packages} | described


def _said_by(source: str) -> set[str]:
    """The words of names and strings of a module; not those of its comments and docstrings, which explain to people."""
    tree = ast.parse(source)
    explaining = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    said = [
        str(value)
        for node in ast.walk(tree)
        if id(node) not in explaining
        for field, value in ast.iter_fields(node)
        if field in ("id", "attr", "arg", "name", "module", "asname", "value") and isinstance(value, str)
    ]
    return {word.lower() for text in said for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)}


def test_core_says_no_word_of_a_domain() -> None:
    """Beside the imports, which import-linter refuses: no domain's address, parameter or name stands in core."""
    words = _words_of_domains()
    assert {"firm", "firms", "awards", "vintage"} <= words
    said = {
        str(path.relative_to(ROOT)): sorted((_said_by(path.read_text()) & words) - OF_CORE_TOO.keys())
        for path in sorted((APP / "core").rglob("*.py"))
    }
    assert {path: found for path, found in said.items() if found} == {}, "a domain's word is said by the domain"
    assert OF_CORE_TOO.keys() <= words, "no word is excused in vain"


@pytest.mark.parametrize(
    "line",
    [
        "MissionName = 1",
        "def f(firm_siren): ...",
        'links = [("firms", "/v1/firms")]',
        "x.grants",
        "from app.core import advances",
        'f"{1}/projects"',
    ],
)
def test_a_word_of_a_domain_would_be_seen_in_core(line: str) -> None:
    assert _said_by(line) & _words_of_domains() - OF_CORE_TOO.keys()


def test_who_catches_everything_says_why() -> None:
    """Beside `except Exception`, on its line, stands the reason."""
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted(APP.rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.match(r"\s*except( (Base)?Exception.*)?:\s*(#.*)?$", line) and not re.search(r"# (?!noqa)", line)
    ]
    assert silent == []


def test_who_makes_sessions_knows_every_table() -> None:
    """A flush orders the tables by their foreign keys; it fails where one names a table that no import declares."""
    makers = {path for path in APP.rglob("*.py") if re.search(r"(?<!def )\bsession_factory\(", path.read_text())}
    assert APP / "demo" / "load.py" in makers
    every = r"(?m)^\s*(import app\.models\b|from app\.commands\.tick import)"
    knowing = {path for path in makers if re.search(every, path.read_text())}
    assert makers - knowing == {APP / "main.py"}, "app/main.py has the routes of every domain; others import app.models"


def test_the_formatter_skips_nothing_but_what_takes_several_lines() -> None:
    """The reason of `fmt: skip`, which pyproject.toml gives once."""
    elsewhere = []
    for path in sorted(APP.rglob("*.py")):
        text = path.read_text()
        known = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
        ends = {node.end_lineno for node in known if (node.end_lineno or 0) > node.lineno}
        elsewhere += [
            f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if line.endswith("# fmt: skip") and number not in ends and not re.match(r"\s*[)\]}]", line)
        ]
    assert elsewhere == []


def test_no_module_bears_a_name_of_the_standard_library() -> None:
    assert {path.stem for path in APP.rglob("*.py")} & sys.stdlib_module_names == {"__init__"} & sys.stdlib_module_names


def test_the_drawings_are_those_of_the_rules() -> None:
    assert state_machines.PAGE.read_text() == state_machines.page(), "run «python -m tests.checks.state_machines»"


def test_the_page_of_conditions_is_drawn_from_their_table() -> None:
    drawn = conditions_page.page()
    assert conditions_page.PAGE.read_text() == drawn, "run «python -m tests.checks.conditions_page»"


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda path: str(path.relative_to(APP)))
def test_a_domain_is_complete(domain: Path) -> None:
    """What docs/adding-a-domain.md asks for and other tests do not walk: sentences, tables, balances, routes."""
    module = ".".join(domain.relative_to(ROOT).parts)
    said = ast.get_docstring(ast.parse((domain / "__init__.py").read_text()))
    assert said, f"{module}/__init__.py says what the domain is"
    for path in domain.glob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path.relative_to(ROOT)} says what it holds"
    routes = importlib.import_module(f"{module}.routes")
    # Some serve below the addresses of others.
    served = {vars(route)["endpoint"].__module__ for router in ROUTERS for route in router.routes}
    assert routes.__name__ in served, f"{module}.routes is served by app/main.py"
    if (domain / "models.py").exists():
        models = importlib.import_module(f"{module}.models")
        assert models in app.models.DOMAINS, f"{module}.models is named in app/models.py: migrations compare with it"
    if (domain / "checks.py").exists():
        balances = importlib.import_module(f"{module}.checks").CHECKS
        assert balances.items() <= check.CHECKS.items(), f"{module}.checks is walked by rebond check"


def test_the_pages_name_what_is_there() -> None:
    """A path in backquotes on a page of docs/ exists."""
    missing = [
        f"{page.name}: {path}"
        for page in (ROOT / "docs").rglob("*.md")
        for path in re.findall(r"`((?:app|tests|migrations|openapi|docs)/[\w/.-]+)`", page.read_text())
        if not (ROOT / path).exists()
    ]
    assert missing == []


# Who computes a digest, and why nobody guesses by it what it is made of. What is known but for a little, as a file is
# that has the number of an account in it, takes `keyed_digest` of app/core/installation.py.
DIGESTS = {
    "access/gate.py": "keys and codes have 256 random bits",
    "awards/claims/rules.py": "a sample is drawn from a seed that is told, so that anybody draws it again",
    "bundled/postgres.py": "the name of a lock of this machine, of the path of its directory",
    "commands/bring_in.py": "files of an export, by who has them",
    "commands/export.py": "files of an export, by who has them",
    "core/installation.py": "the keyed digest itself",
    "core/reading/cursors.py": "an HMAC",
    "core/reading/versions.py": "32 bits of a body, for who has the body",
    "core/serving/documentation.py": "the document and the files of /docs, which anybody reads",
    "core/writing/idempotency.py": "what a caller has sent, and nobody is told it",
    "core/writing/sealing.py": "sealed content; confidential, and papers bear it (decision 7)",
    "core/writing/seen.py": "32 bits of a body, for who has the body",
    "engineering/entries/queries.py": "52 bits of the days of a week, for who reads them",
    "engineering/follow_up/picture.py": "a style and a picture, beside them",
    "engineering/invoices/document.py": "sealed content, on the paper that has it",
    "integrations/imports/service.py": "what a caller has sent, and nobody is told it",
    "integrations/seals/models.py": "a range of events; nothing confidential is in it",
    "roadmap/models.py": "sealed content; confidential, and papers bear it (decision 7)",
    "treasury/runs/service.py": "a file for the bank, told beside the file to who reads it",
}


def test_who_makes_a_digest_says_why_nothing_is_guessed_by_it() -> None:
    calls = re.compile(r"\b(?:hashlib|hmac)\.\w+|\b(?:sha256|md5)\(|import (?:blake2b|sha256|md5)\b")
    makers = {
        str(path.relative_to(APP))
        for path in sorted(APP.rglob("*.py"))
        if calls.search(path.read_text()) and not path.is_relative_to(APP / "demo")
    }
    assert makers == DIGESTS.keys()
