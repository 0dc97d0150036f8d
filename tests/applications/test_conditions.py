"""The table of conditions, without a database: each alone, all at once, at which step, and what is told to whom."""

import string
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.applications.conditions import (
    CONDITIONS,
    NEEDED,
    REVIEW_NOT_FAVOURABLE,
    ApplicationNotReady,
    BankDetailsKnown,
    FileFacts,
    FileStep,
    LineFacts,
    check_ready,
    unmet,
)
from app.schemes.rules import Manner, ParameterNotInForce, Parameters

PARAMETERS = Parameters(
    minimum_base_cents=40_000_000, maximum_months=24, certificate_days=180, clocks_stop=True, admissibility_months=2,
    admissibility_clock=Manner.SUSPENDS, decision_months=8,
)  # fmt: skip
READY = FileFacts(
    on=date(2024, 1, 15),
    received_on=date(2024, 1, 15),
    parameters=PARAMETERS,
    lines=(
        LineFacts("tangible_asset", 40_000_000, date(2024, 1, 15), preliminary=False),
        LineFacts("intangible_asset", 10_000_000, None, preliminary=False),
    ),
    base_cents=50_000_000,
    requested_grant_cents=20_000_000,
    requested_advance_cents=10_000_000,
    planned_start_on=date(2024, 2, 29),
    planned_end_on=date(2026, 2, 28),
    scheme_open=True,
    project_stage="oriented",
    project_ready=True,
    in_perimeter=True,
    plan_complete=True,
    stated_no_other_funding=True,
    other_public_aid_cents=0,
    public_aid_cents=30_000_000,
    tax_until_on=date(2024, 1, 15),
    social_until_on=date(2024, 6, 30),
    proceedings_open=False,
    accounts_known=True,
    eu_size_known=True,
    bank_details=BankDetailsKnown.APPROVED,
    pre_selected=True,
    review_completed=True,
    kyc_clear=True,
    awarded_grant_cents=20_000_000,
    awarded_advance_cents=10_000_000,
)
EARLY = LineFacts("tangible_asset", 40_000_000, date(2024, 1, 14), preliminary=False)

# By code: what makes the file that is otherwise ready miss this condition and no other.
ALONE: dict[str, dict[str, Any]] = {
    "expense-before-receipt": {"lines": (READY.lines[1], EARLY)},
    "not-an-asset": {"lines": (*READY.lines, LineFacts("not_eligible", 1, None, preliminary=False))},
    "base-below-minimum": {"base_cents": 39_999_999},
    "longer-than-allowed": {"planned_end_on": date(2026, 3, 1)},
    "requested-above-base": {"requested_grant_cents": 40_000_001},
    "scheme-closed": {"scheme_open": False},
    "project-not-oriented": {"project_ready": False},
    "commune-outside-perimeter": {"in_perimeter": False},
    "financing-incomplete": {"plan_complete": False},
    "funding-statement-missing": {"stated_no_other_funding": False},
    "other-public-aid-in-plan": {"other_public_aid_cents": 1, "public_aid_cents": 30_000_001},
    "public-aid-above-base": {"public_aid_cents": 50_000_001},
    "tax-certificate-missing": {"tax_until_on": None},
    "tax-certificate-expired": {"tax_until_on": date(2024, 1, 14)},
    "social-certificate-missing": {"social_until_on": None},
    "social-certificate-expired": {"social_until_on": date(2023, 1, 15)},
    "proceedings-open": {"proceedings_open": True},
    "accounts-missing": {"accounts_known": False},
    "eu-size-missing": {"eu_size_known": False},
    "bank-details-missing": {"bank_details": BankDetailsKnown.MISSING},
    "bank-details-unapproved": {"bank_details": BankDetailsKnown.PROPOSED},
    "not-pre-selected": {"pre_selected": False},
    "award-above-requested": {"awarded_advance_cents": 10_000_001},
    "award-above-base": {
        "base_cents": 40_000_000,
        "awarded_grant_cents": 30_000_001,
        "requested_grant_cents": 31_000_000,
    },
    "review-missing": {"review_completed": False, "kyc_clear": False},
    "kyc-not-clear": {"kyc_clear": False},
}
NEVER_TOGETHER = {  # of each of these only one can be said of a file
    "tax-certificate-expired", "social-certificate-expired", "bank-details-unapproved", "kyc-not-clear",
}  # fmt: skip


def codes(step: FileStep, facts: FileFacts, *, sees_review: bool = True) -> list[str]:
    return [each.code for each in unmet(step, facts, sees_review=sees_review)]


def test_every_condition_of_the_table_is_tried_alone() -> None:
    assert list(ALONE) == list(CONDITIONS)


@pytest.mark.parametrize("step", FileStep)
def test_a_file_that_is_ready_meets_every_condition(step: FileStep) -> None:
    assert codes(step, READY) == []
    check_ready(step, READY)


@pytest.mark.parametrize("step", FileStep)
@pytest.mark.parametrize("code", CONDITIONS)
def test_a_condition_bites_alone_and_at_its_steps(code: str, step: FileStep) -> None:
    expected = [code] if step in CONDITIONS[code].steps else []
    if code == "award-above-base" and step is FileStep.SUBMIT:  # so much is awarded only where so much was requested
        expected = ["requested-above-base"]
    assert codes(step, READY._replace(**ALONE[code])) == expected


@pytest.mark.parametrize("step", FileStep)
def test_all_are_named_at_once(step: FileStep) -> None:
    facts = READY
    for code, change in ALONE.items():
        if code not in NEVER_TOGETHER:
            lines = facts.lines[:1] + change["lines"][1:] if "lines" in change else ()
            facts = facts._replace(**change | {"lines": facts.lines + lines})
    facts = facts._replace(
        base_cents=20_000_000, requested_grant_cents=15_000_000, requested_advance_cents=10_000_000,
        public_aid_cents=50_000_000, awarded_grant_cents=20_000_000,
    )  # fmt: skip
    expected = [
        code for code, condition in CONDITIONS.items() if step in condition.steps and code not in NEVER_TOGETHER
    ]
    assert list(dict.fromkeys(codes(step, facts))) == expected


def test_a_line_is_named_each_time_by_its_place() -> None:
    other = LineFacts("not_eligible", 1, date(2020, 1, 1), preliminary=False)
    study = LineFacts("intangible_asset", 1, date(2020, 1, 1), preliminary=True)
    facts = READY._replace(lines=(EARLY, study, other, *READY.lines, EARLY))
    told = [each.public("en") for each in unmet(FileStep.SUBMIT, facts)]
    assert [(each["code"], each["pointer"]) for each in told] == [
        ("expense-before-receipt", "/lines/0/ordered_on"),
        ("expense-before-receipt", "/lines/5/ordered_on"),
        ("not-an-asset", "/lines/2/kind"),
    ]


@pytest.mark.parametrize(
    ("grant", "advance", "pointer"),
    [
        (50_000_000, 1, "/requested_advance_cents"),
        (0, 50_000_001, "/requested_advance_cents"),
        (50_000_001, 0, "/requested_grant_cents"),
        (25_000_000, 25_000_000, None),
    ],
)
def test_the_request_that_is_above_the_base_is_named(grant: int, advance: int, pointer: str | None) -> None:
    facts = READY._replace(requested_grant_cents=grant, requested_advance_cents=advance)
    told = [each.public("en").get("pointer") for each in unmet(FileStep.SUBMIT, facts)]
    assert told == ([] if pointer is None else [pointer])


@pytest.mark.parametrize(
    ("start", "months", "end", "allowed"),
    [
        ("2024-02-29", 24, "2026-02-28", True),
        ("2024-02-29", 24, "2026-03-01", False),
        ("2024-01-31", 1, "2024-02-29", True),
        ("2024-01-31", 1, "2024-03-01", False),
        ("2024-01-15", 24, "2026-01-15", True),
        ("2024-01-15", 24, "2026-01-16", False),
    ],
)
def test_the_longest_project(start: str, months: int, end: str, *, allowed: bool) -> None:
    facts = READY._replace(
        planned_start_on=date.fromisoformat(start),
        planned_end_on=date.fromisoformat(end),
        parameters=replace(PARAMETERS, minimum_base_cents=0, maximum_months=months),
    )
    assert codes(FileStep.SUBMIT, facts) == ([] if allowed else ["longer-than-allowed"])


@pytest.mark.parametrize("missing", NEEDED[FileStep.SUBMIT])
def test_a_parameter_without_a_value_is_told(missing: str) -> None:
    facts = READY._replace(parameters=replace(PARAMETERS, **{missing: None}))
    with pytest.raises(ParameterNotInForce) as refused:
        check_ready(FileStep.SUBMIT, facts)
    assert refused.value.members == {"parameter": missing, "on": READY.received_on}
    more = facts._replace(accounts_known=False)
    with pytest.raises(ApplicationNotReady) as both:
        check_ready(FileStep.SUBMIT, more)
    told = both.value.body("en")["unmet"]
    assert [each["code"] for each in told] == ["parameter-not-in-force", "accounts-missing"]
    assert missing in told[0]["detail"]
    assert codes(FileStep.GRANT, facts) == (["parameter-not-in-force"] if missing == "certificate_days" else [])


# --- what is told ----------------------------------------------------------------------------------------------------

REVIEWS = {code: ALONE[code] for code, condition in CONDITIONS.items() if condition.confidential}


def test_who_may_not_read_the_review_is_told_the_same_of_every_review() -> None:
    assert set(REVIEWS) == {"review-missing", "kyc-not-clear"}
    told = [
        [each.public(language) for each in unmet(FileStep.GRANT, READY._replace(**change))]
        for change in REVIEWS.values()
        for language in ("en", "fr")
    ]
    assert told[:2] == told[2:]
    assert [each["code"] for each in told[0]] == [REVIEW_NOT_FAVOURABLE.code]


def test_it_is_told_last_whatever_else_is_unmet() -> None:
    """Its place in the list must not say which of the two it is."""
    orders = [
        codes(
            FileStep.GRANT,
            READY._replace(**change, pre_selected=False, awarded_grant_cents=20_000_001),
            sees_review=False,
        )
        for change in REVIEWS.values()
    ]
    assert orders == [["not-pre-selected", "award-above-requested", REVIEW_NOT_FAVOURABLE.code]] * 2


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("code", [*CONDITIONS, REVIEW_NOT_FAVOURABLE.code])
def test_what_is_said_is_whole_in_both_languages(code: str, language: str) -> None:
    hidden = code == REVIEW_NOT_FAVOURABLE.code
    condition = REVIEW_NOT_FAVOURABLE if hidden else CONDITIONS[code]
    step = max(condition.steps)
    facts = READY._replace(**ALONE["kyc-not-clear" if hidden else code])
    [told] = [each.public(language) for each in unmet(step, facts, sees_review=not hidden)]
    assert told["code"] == code
    assert set(told) == {"code", "detail", "cure", "pointer"}
    for name in ("detail", "cure"):
        said = str(told[name])
        assert said.endswith(".")
        assert not set("{}") & set(said)


@pytest.mark.parametrize("condition", [*CONDITIONS.values(), REVIEW_NOT_FAVOURABLE], ids=lambda each: each.code)
def test_both_languages_name_the_same_figures(condition: Any) -> None:
    for message in (condition.detail, condition.cure):
        named = [
            {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (message.en, message.fr)
        ]
        assert named[0] == named[1]


def test_the_problem_names_all_that_is_unmet() -> None:
    facts = READY._replace(**ALONE["accounts-missing"] | ALONE["longer-than-allowed"])
    with pytest.raises(ApplicationNotReady) as refused:
        check_ready(FileStep.SUBMIT, facts)
    body = refused.value.body("fr")
    assert body["type"] == "/problems/application-not-ready"
    assert body["detail"].startswith("Conditions non remplies : longer-than-allowed, accounts-missing.")
    assert [each["code"] for each in body["unmet"]] == ["longer-than-allowed", "accounts-missing"]
    assert body["unmet"][0]["pointer"] == "/planned_end_on"
    assert body["unmet"][1]["pointer"] is None
    assert "28" not in body["unmet"][1]["detail"]
    assert "codes" not in body
