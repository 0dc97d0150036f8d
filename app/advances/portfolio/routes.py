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
from app.core.serving.operations import shows
from app.core.serving.routing import router
from app.programme.routes import T

portfolios = router("advances")


@portfolios.get(T + "/advances/portfolio", **shows(schemas.Portfolio))
async def get_advance_portfolio(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The advances of the territory today: outstanding, overdue by age, expected by month, in default, lost."""
    read(request, {})
    row = await fetchrow(request.state.engine, portfolio(one=True), request.path_params)
    if row is None:
        raise NotFound
    return private(row["body"])


@portfolios.get("/v1/advances/portfolio", **shows(schemas.PortfolioFigures))
async def get_programme_portfolio(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The same figures over all territories that the caller may see."""
    read(request, {})
    visible = actor.territories("advances:read")
    row = await fetchrow(
        request.state.engine, portfolio(one=False, everywhere=visible is None), {"territories": visible}
    )
    assert row is not None  # sums have a row
    return private(row["body"])
