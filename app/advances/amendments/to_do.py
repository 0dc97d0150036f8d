"""What waits among the amendments of a territory's advances."""

from sqlalchemy import select

from app.advances.amendments.models import Amendment
from app.advances.amendments.queries import TO_FIND, decidable_by
from app.programme.to_do import SUBJECT, Kind

_a = Amendment

KINDS = (
    Kind(
        "advance_failures_to_find",
        "waivers of advances that were asked for and whose failure is not found; the day of the request.",
        "amendments:find",
        select(_a.territory, _a.requested_on).where(TO_FIND),
        "advance-amendments?to_find=true",
        by_person=False,
    ),
    Kind(
        "advance_amendments_to_decide",
        "amendments of advances that another person or a service account asked for, a waiver once its failure is found;"
        " the day of the request.",
        "amendments:decide",
        select(_a.territory, _a.requested_on).where(decidable_by(SUBJECT)),
        "advance-amendments?decidable_by={subject}",
    ),
)
