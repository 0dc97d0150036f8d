"""Stages, gaps and leverage as tables and properties, without a database."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.compare import changes, compare
from app.core.problems import ValidationFailed
from app.projects import financing, rules
from app.projects.financing import PLANNED, SECURED, GapCode, LineStatus, PlanLine, SourceKind
from app.projects.rules import NEED_REASON, PASSAGES, FundingRoute, ProjectStage

# From each stage, where a project may go, as the field says it.
LIFE = {
    "detected": {"oriented", "dropped"},
    "oriented": {"filed", "completed", "dropped", "detected"},
    "filed": {"selected", "oriented", "dropped"},
    "selected": {"contracted", "oriented", "dropped", "filed"},
    "contracted": {"completed", "dropped", "filed"},
    "completed": {"contracted", "filed", "oriented"},
    "dropped": {"detected"},
}
WITHOUT_FILE = [("oriented", "completed"), ("completed", "oriented")]  # passages of projects that need no award


def test_the_table_has_every_stage() -> None:
    assert set(LIFE) == set(ProjectStage) == set(PASSAGES)


@pytest.mark.parametrize(("current", "target"), list(product(ProjectStage, ProjectStage)))
def test_every_passage_is_allowed_or_told_what_is(current: ProjectStage, target: ProjectStage) -> None:
    if target in LIFE[current]:
        route = FundingRoute.BANK if (current, target) in WITHOUT_FILE else FundingRoute.REBOND
        rules.check_passage(current, target, route, "For a reason.")
        return
    with pytest.raises(rules.StagePassageRefused) as refused:
        rules.check_passage(current, target, FundingRoute.BANK, "For a reason.")
    left = {"oriented"} if current is ProjectStage.COMPLETED else LIFE[current]
    assert refused.value.members["allowed"] == sorted(left)


@pytest.mark.parametrize("route", [*FundingRoute, None])
def test_only_a_project_without_a_file_is_completed_right_after_orientation(route: FundingRoute | None) -> None:
    targets = rules.allowed(ProjectStage.ORIENTED, route)
    assert (ProjectStage.COMPLETED in targets) is (route in (None, FundingRoute.BANK, FundingRoute.NONE_NEEDED))
    assert (ProjectStage.FILED in targets) is (route is not FundingRoute.NONE_NEEDED)


@pytest.mark.parametrize(("stage", "route"), list(product(ProjectStage, [*FundingRoute, None])))
def test_a_file_is_received_where_the_project_can_pass_to_filed_without_a_reason(
    stage: ProjectStage, route: FundingRoute | None
) -> None:
    beyond = stage in {"filed", "selected", "contracted"}
    oriented = stage == "oriented" and route not in (None, FundingRoute.NONE_NEEDED)
    assert rules.can_receive_a_file(stage, route) is (beyond or oriented)


def test_a_project_is_not_oriented_nowhere() -> None:
    with pytest.raises(rules.FundingRouteMissing):
        rules.check_passage(ProjectStage.DETECTED, ProjectStage.ORIENTED, None, None)


@pytest.mark.parametrize(("current", "target"), sorted(NEED_REASON))
def test_going_back_or_out_needs_a_reason(current: ProjectStage, target: ProjectStage) -> None:
    with pytest.raises(ValidationFailed):
        rules.check_passage(
            current, target, FundingRoute.BANK if (current, target) in WITHOUT_FILE else FundingRoute.REBOND, None
        )


@given(st.lists(st.tuples(st.sampled_from(ProjectStage), st.sampled_from(FundingRoute))))
def test_no_walk_leaves_the_table_and_nothing_is_selected_that_was_not_filed(
    steps: list[tuple[ProjectStage, FundingRoute]],
) -> None:
    stage = ProjectStage.DETECTED
    for target, route in steps:
        try:
            rules.check_passage(stage, target, route, "For a reason.")
        except rules.StagePassageRefused:
            continue
        assert target in LIFE[stage]
        if target in (ProjectStage.SELECTED, ProjectStage.CONTRACTED):
            assert stage in (ProjectStage.FILED, ProjectStage.SELECTED, ProjectStage.COMPLETED)
        stage = target


# --- financing -------------------------------------------------------------------------------------------------------

LINES = st.lists(
    st.builds(
        PlanLine,
        kind=st.sampled_from(SourceKind),
        source=st.sampled_from(["Bank", "Région", "Équité"]),
        amount_cents=st.integers(1, 2**53 - 1),
        status=st.sampled_from(LineStatus),
    ),
    max_size=8,
)
CENTS = st.integers(0, 2**53 - 1)


@given(CENTS, CENTS)
def test_a_ratio_is_the_exact_quotient_rounded_half_up(numerator: int, denominator: int) -> None:
    found = financing.ratio(numerator, denominator)
    if denominator == 0:
        assert found is None
        return
    assert found is not None
    assert abs(Fraction(found) - Fraction(numerator, denominator)) <= Fraction(1, 20_000)
    if Fraction(numerator, denominator) * 20_000 % 2 == 1:  # exactly half-way
        assert Fraction(found) > Fraction(numerator, denominator)


@pytest.mark.parametrize(
    ("numerator", "denominator", "wanted"),
    [
        (3_200_000_000_00, 846_500_000_00, "3.7803"),  # Relocalisations: domain.md §7 rounds it to 3.78
        (1, 20_000, "0.0001"),
        (1, 20_001, "0.0000"),
        (1, 3, "0.3333"),
        (2, 3, "0.6667"),
        (0, 5, "0.0000"),
    ],
)
def test_ratios_of_the_field(numerator: int, denominator: int, wanted: str) -> None:
    assert financing.ratio(numerator, denominator) == Decimal(wanted)
    exact = Decimal(numerator) / Decimal(denominator)
    assert exact.quantize(Decimal("0.0001"), ROUND_HALF_UP) == Decimal(wanted)


@given(LINES)
def test_every_cent_of_a_plan_is_private_public_or_the_programmes(lines: list[PlanLine]) -> None:
    for counted in (PLANNED, SECURED):
        money = financing.sources(lines, counted)
        assert money.total_cents == sum(line.amount_cents for line in lines if line.status in counted)
    secured, planned = financing.sources(lines, SECURED), financing.sources(lines, PLANNED)
    assert secured.total_cents <= planned.total_cents
    assert secured.programme_cents <= planned.programme_cents


@given(LINES)
def test_in_a_balanced_plan_cofunding_is_cost_without_aid_over_aid(lines: list[PlanLine]) -> None:
    """domain.md §7: (Σ cost - programme aid) / programme aid, split into private and other public."""
    money = financing.sources(lines, PLANNED)
    cost = money.total_cents
    found = financing.leverage(cost, money)
    aid = money.programme_cents
    assert found.cofunding == financing.ratio(cost - aid, aid)
    assert (found.total is None) is (aid == 0) is (found.private is None) is (found.other_public is None)
    if aid:
        assert found.cofunding is not None
        assert found.private is not None
        assert found.other_public is not None
        assert abs(found.private + found.other_public - found.cofunding) <= Decimal("0.0001")
        assert found.total is not None
        assert abs(found.total - found.cofunding - 1) <= Decimal("0.0001")


def test_leverage_of_a_project_by_hand() -> None:
    lines = [
        PlanLine(SourceKind.OWN_FUNDS, "Equity", 300_000_00, LineStatus.SECURED),
        PlanLine(SourceKind.LOAN, "Bank", 200_000_00, LineStatus.REQUESTED),
        PlanLine(SourceKind.OTHER_PUBLIC_AID, "Région", 100_000_00, LineStatus.PLANNED),
        PlanLine(SourceKind.REBOND_GRANT, "Rebond", 100_000_00, LineStatus.SECURED),
        PlanLine(SourceKind.REBOND_ADVANCE, "Rebond", 100_000_00, LineStatus.PLANNED),
        PlanLine(SourceKind.OTHER_PUBLIC_AID, "ADEME", 50_000_00, LineStatus.REFUSED),
    ]
    planned = financing.leverage(750_000_00, financing.sources(lines, PLANNED))
    assert (planned.total, planned.cofunding) == (Decimal("3.7500"), Decimal("3.0000"))
    assert (planned.private, planned.other_public) == (Decimal("2.5000"), Decimal("0.5000"))
    secured = financing.leverage(750_000_00, financing.sources(lines, SECURED))
    assert (secured.total, secured.cofunding) == (Decimal("7.5000"), Decimal("3.0000"))


@given(CENTS, LINES)
def test_a_plan_has_no_gap_exactly_when_uses_equal_sources(uses_cents: int, lines: list[PlanLine]) -> None:
    planned = financing.sources(lines, PLANNED).total_cents
    for uses in (uses_cents, planned):
        found = financing.gaps(uses, lines)
        assert (not found) is (uses == planned > 0)
        signed = {GapCode.SOURCES_BELOW_USES: 1, GapCode.SOURCES_ABOVE_USES: -1}
        assert sum(signed.get(gap.code, 0) * gap.amount_cents for gap in found) == uses - planned
        refused = [gap.source for gap in found if gap.code is GapCode.SOURCE_REFUSED]
        wanted = [line.source for line in lines if line.status is LineStatus.REFUSED] if planned < uses else []
        assert refused == wanted
        if found:
            with pytest.raises(financing.FinancingIncomplete) as refusal:
                financing.check_complete(uses, lines)
            assert refusal.value.members["gaps"] == [gap.public() for gap in found]
        else:
            financing.check_complete(uses, lines)


# --- comparing -------------------------------------------------------------------------------------------------------

ITEMS = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.integers(0, 3)),
    st.fixed_dictionaries({"amount": st.integers(0, 3)}, optional={"note": st.none() | st.text(max_size=1)}),
).map(lambda items: [{"kind": kind, "place": place, **rest} for (kind, place), rest in items.items()])


@given(ITEMS, ITEMS)
def test_what_a_comparison_tells_makes_the_one_version_into_the_other(
    before: list[dict[str, object]], after: list[dict[str, object]]
) -> None:
    found = compare(before, after, ("kind", "place"))
    made = {(item["kind"], item["place"]): dict(item) for item in before}
    for item in found["removed"]:
        del made[item["kind"], item["place"]]
    for item in found["added"]:
        assert (item["kind"], item["place"]) not in made
        made[item["kind"], item["place"]] = dict(item)
    for item in found["changed"]:
        for name, change in item["fields"].items():
            assert made[item["kind"], item["place"]].get(name) == change["before"]
            made[item["kind"], item["place"]][name] = change["after"]
    wanted = {(item["kind"], item["place"]): item for item in after}
    assert made.keys() == wanted.keys()
    assert all(not changes(made[key], wanted[key]) for key in wanted)


@given(ITEMS)
def test_a_version_does_not_differ_from_itself(items: list[dict[str, object]]) -> None:
    assert compare(items, list(reversed(items)), ("kind", "place")) == {"added": [], "removed": [], "changed": []}
