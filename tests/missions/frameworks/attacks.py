"""What bare SQL tries on frameworks: on their row, and on what it counts."""

from tests.bare_sql import Attack, change, clone
from tests.missions.frameworks.acts import a_framework, a_parameter, ordered
from tests.missions.test_orders import bare
from tests.world import World, ok

FRAMEWORK = "id = $framework"
PARTNER = "framework_id = $framework AND role = 'partner'"
PRICE = "framework_id = $framework"
PARAMETER = "id = $framework_parameter"
AT_COMMIT = "; SET CONSTRAINTS ALL IMMEDIATE"
EMPTY = dict.fromkeys(("days_ordered", "days_peak", "ordered_cents", "cents_peak"), "0")


async def staged(world: World) -> dict[str, str]:
    """A framework of 30 days, of which 20 are ordered, and a mission without an order."""
    framework = await a_framework(
        world, max_days=30, max_amount_cents=3_000_000, unit_prices=[{"profile": "senior", "day_rate_cents": 100_000}]
    )
    under = await ordered(world, await bare(world), framework, days=20, amount_cents=2_000_000)
    return {
        "framework": framework,
        "framework_parameter": await a_parameter(world, framework),
        "framework_order": ok(under, 201)["id"],
        "unordered": await bare(world),
    }


def framework(**wrong: str) -> str:
    return change("frameworks", FRAMEWORK, **wrong)


def another(**wrong: str) -> str:
    return clone("frameworks", FRAMEWORK, **{"reference": "'N'", **EMPTY, **wrong})


def amendment(order: str = "$framework_order", **wrong: str) -> str:
    row = {"kind": "'amendment'", "reference": "'N'", "days": "0.25", "amount_cents": "0", **wrong}
    return clone("orders", f"id = {order}", **row) + AT_COMMIT


def parameter(**wrong: str) -> str:
    return clone("framework_parameters", PARAMETER, **wrong)


ATTACKS = [
    *(
        Attack("framework_exhausted", attack)
        for attack in (
            framework(days_peak="max_days + 0.25"), framework(cents_peak="max_amount_cents + 1"),
            framework(max_days="days_ordered - 0.25"), framework(max_amount_cents="ordered_cents - 1"),
            amendment(days="10.25"), amendment(amount_cents="1000001"),
        )
    ),
    Attack("framework_amounts_missing", framework(orders_without_amount="1")),
    Attack("framework_amounts_missing", amendment(amount_cents="NULL")),
    Attack("order_amount_below_zero", framework(least_mission_cents="-1")),
    Attack("order_amount_below_zero", amendment(amount_cents="-2000001")),
    *(
        Attack("order_outside_framework", attack)
        for attack in (
            framework(signed_from="from_on - 1"), framework(signed_to="to_on + 1"),
            framework(from_on="signed_from + 1"), framework(to_on="signed_to - 1"), amendment(signed_on="'2027-01-01'"),
        )
    ),
    *(Attack("framework_words", framework(**{name: "''"})) for name in ("reference", "name")),
    *(
        Attack("framework_period", framework(**wrong))
        for wrong in (
            {"to_on": "from_on - 1"}, {"from_on": "'1899-12-31'"}, {"to_on": "'2200-01-01'"}, {"to_on": "'infinity'"},
        )
    ),
    *(Attack("framework_max_days", another(max_days=days)) for days in ("0", "0.1", "'NaN'")),
    Attack("framework_max_amount_cents", another(max_amount_cents="0")),
    Attack("framework_days_ordered", framework(days_ordered="-0.25")),
    Attack("framework_days_ordered", framework(days_ordered="days_peak + 0.25")),
    Attack("framework_days_ordered", another(max_days="NULL", days_peak="'NaN'")),
    Attack("framework_days_ordered", another(max_days="NULL", days_ordered="'NaN'", days_peak="'NaN'")),
    Attack("framework_ordered_cents", framework(ordered_cents="cents_peak + 1")),
    Attack("frameworks_reference_key", clone("frameworks", FRAMEWORK)),
    Attack("framework_member_role", change("framework_members", PARTNER, role="'observer'")),
    Attack("framework_member_siren", change("framework_members", PARTNER, siren="'123456789'")),
    Attack("second_framework_lead", change("framework_members", PARTNER, role="'lead'")),
    Attack("framework_members_pkey", clone("framework_members", PARTNER)),
    Attack("framework_members_framework_id_fkey", clone("framework_members", PARTNER, framework_id="uuidv7()")),
    Attack("framework_unit_price_profile", clone("framework_unit_prices", PRICE, profile="'wizard'")),
    *(
        Attack("framework_unit_price_day_rate_cents", change("framework_unit_prices", PRICE, day_rate_cents=cents))
        for cents in ("0", "100000001")
    ),
    Attack("framework_unit_prices_pkey", clone("framework_unit_prices", PRICE)),
    Attack("framework_unit_prices_framework_id_fkey", clone("framework_unit_prices", PRICE, framework_id="uuidv7()")),
    Attack("framework_parameters_overlap", parameter()),
    Attack("framework_parameters_overlap", parameter(valid_from_on="'2199-12-31'")),
    *(Attack("framework_parameter_name", parameter(name=name)) for name in ("'Late days'", "''", "repeat('a', 41)")),
    *(Attack("framework_parameter_value", parameter(value=value)) for value in ("'{}'", "'null'")),
    Attack("framework_parameter_period", parameter(valid_until_on="valid_from_on - 1")),
    Attack("framework_parameters_framework_id_fkey", parameter(framework_id="uuidv7()")),
    Attack("framework_parameter_in_use", "DELETE FROM framework_parameters WHERE id = $framework_parameter"),
    Attack("order_amount", amendment("$order", amount_cents="1")),
    Attack("order_amount", clone("orders", "id = $framework_order", reference="'N'", amount_cents="0")),
    Attack("order_framework_differs", amendment("$order", framework_id="$framework", amount_cents="NULL")),
    Attack("order_framework_differs", amendment(framework_id="NULL", amount_cents="NULL")),
    Attack(
        "orders_framework_id_fkey", clone("orders", "id = $order", mission_id="$unordered", framework_id="uuidv7()")
    ),
]  # fmt: skip
