"""A day that nobody gave is today only where today is what it means: each place is named here, with its reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

APP = Path(__file__).parents[2] / "app"

READ = "A report is asked for as it stands now, unless a day is named."
ACT = "The request is the act itself: it takes effect when it is made, unless its day is named."
DECLARED = "Who declares a fact of the register without a day says that it is so now."
TODAY = {
    "access/service.py create_member": ACT,  # a role is held from now on
    "advances/account.py stands": READ,
    "advances/amendments/routes.py _day_of": READ,
    "advances/amendments/service.py _asking": ACT,
    "advances/amendments/service.py _deciding": ACT,
    "advances/amendments/service.py find_failure": ACT,
    "advances/arrears/service.py accelerate": ACT,
    "applications/agendas/service.py day_of": "A meeting that was not held yet is simulated as of today.",
    "applications/service.py numbered_act": ACT,
    "applications/service.py request_documents": ACT,
    "awards/closing.py close": ACT,
    "awards/claims/service.py settle": ACT,
    "awards/recoveries/service.py claim_back": ACT,  # the finding
    "awards/change_requests/service.py approve": ACT,
    "awards/change_requests/service.py request": ACT,
    "awards/life/service.py extend_start": ACT,
    "awards/payments/service.py send": ACT,
    "awards/service.py cancel": ACT,
    "awards/service.py release": ACT,
    "core/reading/two_times.py both_times": READ,
    "engineering/deliverables/service.py _record": ACT,
    "engineering/deliverables/service.py defer": ACT,
    "engineering/deliverables/service.py deliver": ACT,
    "engineering/invoices/service.py _day": ACT,
    "firms/importer.py _of_no_commune": "The commune of a site is looked up in the year of its facts.",
    "firms/importer.py _of_no_nomenclature": "A code is of the nomenclature in force on the day of its facts.",
    "firms/service.py _with_version": "A code is of the nomenclature in force on the day of its facts.",
    "firms/service.py create_firm": DECLARED,
    "firms/service.py put_territory_firm": ACT,
    "firms/service.py refresh_firm": "The directory was read just now: a code that is new to us begins today.",
    "firms/service.py update_firm": DECLARED,
    "firms/service.py upsert_firms": DECLARED,
    "firms/service.py upsert_sites": DECLARED,
    "programme/service.py create_territory": "It is served here from the day on which it is created.",
    "projects/importer.py _check": "The commune of a project is looked up in the year of its detection.",
    "projects/service.py pass_to": ACT,
    "projects/service.py state_no_other_funding": ACT,
    "reports/routes.py get_application_delays": READ,
    "roadmap/service.py move": ACT,
}


def is_today(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "clock.today"


def defaults(tree: ast.AST) -> Iterator[str]:
    """The functions that say today where nothing was given: `… or clock.today()`, `… else …`, `default=clock.today`."""
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for node in ast.walk(scope):
            chosen: list[ast.AST] = []
            if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
                chosen = list(node.values)
            elif isinstance(node, ast.IfExp):
                chosen = [node.body, node.orelse]
            elif isinstance(node, ast.keyword) and node.arg in ("default", "default_factory", "onupdate"):
                chosen = [node.value]
            elif isinstance(node, ast.arguments):
                chosen = [*node.defaults, *(value for value in node.kw_defaults if value is not None)]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".get", ".setdefault")):
                chosen = list(node.args[1:])
            if any(is_today(part) for each in chosen for part in ast.walk(each)):
                yield scope.name


def test_every_day_that_is_today_by_default_is_so_by_its_meaning() -> None:
    found = {
        f"{path.relative_to(APP)} {name}"
        for path in sorted(APP.rglob("*.py"))
        for name in defaults(ast.parse(path.read_text()))
    }
    assert found == TODAY.keys()
