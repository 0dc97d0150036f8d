"""HTTP of access records."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.reading.answers import page
from app.core.serving.operations import lists
from app.core.serving.routing import router
from app.integrations.access_records.queries import ACCESS_RECORDS

access_records: APIRouter = router("integrations")


@access_records.get("/v1/access-records", **lists(ACCESS_RECORDS))
async def list_access_records(request: Request, actor: Actor = require("access_records:read")) -> Response:
    """Who read what is personal or confidential, and who was refused; the newest first. For auditors.

    A read is one record an answer, whatever its form, a second later; so is a write that is no event: one that changes
    nothing, a dry run, a repeated request. Refusals of one minute by one caller, route and
    code are one record, once the minute is over. Reads and refusals are kept for 12 months, failed authentications for
    30 days. Best effort: what a worker has no room for, and what it had not written when it was killed, is missing.
    """
    return await page(request, ACCESS_RECORDS)
