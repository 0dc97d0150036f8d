"""HTTP of the portfolio."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.advances.portfolio import schemas
from app.advances.portfolio.queries import portfolio
from app.core.db import fetchrow
from app.core.problems import NotFound
from app.core.reading.answers import private
from app.core.reading.query import read
from app.core.reading.two_times import TWO_TIMES, both_times
from app.core.serving.operations import shows
from app.core.serving.routing import router
from app.programme.routes import T

portfolios = router("advances")


@portfolios.get(T + "/advances/portfolio", **shows(schemas.Portfolio, parameters=TWO_TIMES))
async def get_advance_portfolio(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The advances of the territory on a day: outstanding, overdue by age, expected by month, in default, lost.

    `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end of a past day.
    """
    times = both_times(read(request, TWO_TIMES))
    statement = portfolio(one=True, known=times["known_before"] is not None)
    row = await fetchrow(request.state.engine, statement, {**request.path_params, **times})
    if row is None:
        raise NotFound
    return private(row["body"])


@portfolios.get("/v1/advances/portfolio", **shows(schemas.PortfolioFigures, parameters=TWO_TIMES))
async def get_programme_portfolio(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The same figures over all territories that the caller may see."""
    times = both_times(read(request, TWO_TIMES))
    visible = actor.territories("advances:read")
    statement = portfolio(one=False, everywhere=visible is None, known=times["known_before"] is not None)
    row = await fetchrow(request.state.engine, statement, {"territories": visible, **times})
    assert row is not None  # sums have a row
    return private(row["body"])
