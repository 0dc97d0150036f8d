"""The cures of what keeps an aid file from its receipt; each condition: `tests/applications/test_readiness.py`."""

from tests.applications.ready import RECEIVED, accounts, eu_size, ready
from tests.contract.cures import Case, walk
from tests.contract.cures.schemes import parameter, scheme

RECEIPT = {"received_at": f"{RECEIVED}T12:00:00Z"}


@walk("application-not-ready", "submit_application")
async def application_not_ready(case: Case) -> None:
    file = await ready(await case.own(), without=frozenset({"accounts", "eu_size"}))
    told = case.refused(await file.submit(), "accounts-missing, eu-size-missing")
    assert [each["code"] for each in told["unmet"]] == ["accounts-missing", "eu-size-missing"]
    await accounts(case.world, file.siren)
    await eu_size(case.world, file.siren)
    case.cured(await file.submit())


@walk("parameter-not-in-force", "submit_application")
async def parameter_not_in_force(case: Case) -> None:
    of = await scheme(await case.own())
    values = {"minimum_base_cents": 1, "maximum_months": 24, "certificate_days": 180, "clocks_stop": True,
              "admissibility_clock": "suspends", "admissibility_months": 2, "decision_months": 8}  # fmt: skip
    file = await ready(case.world, scheme=of.rsplit("/", 1)[1])
    for name, value in values.items():
        told = case.refused(await file.submit())
        assert told["parameter"] not in list(values)[: list(values).index(name)]
        await parameter(case.world, of, name=name, value=value)
    case.cured(await file.submit())
