"""What waits among the aid files of a territory."""

from sqlalchemy import literal_column, select

from app.applications.models import Application, ApplicationPassage
from app.applications.queries import silent_within
from app.applications.rules import ApplicationState
from app.core.db import literals
from app.programme.to_do import TODAY, Kind

DAYS_BEFORE = 15  # so long before silence decides, a file is named

# Of its requests for documents, the last one is awaited.
_given_until_on = (
    select(ApplicationPassage.given_until_on)
    .where(ApplicationPassage.application_id == Application.id, ApplicationPassage.given_until_on.is_not(None))
    .order_by(ApplicationPassage.number.desc())
    .limit(literal_column("1"))
    .scalar_subquery()
)

KINDS = (
    Kind(
        "applications_before_silence",
        f"aid files about which silence decides within {DAYS_BEFORE} days, or should have decided already; the day on"
        " which it does.",
        "applications:instruct",
        select(Application.territory, Application.silence_on).where(
            silent_within(TODAY, literal_column(str(DAYS_BEFORE)))
        ),
        f"applications?silence_within_days={DAYS_BEFORE}&sort=silence_on",
        by_person=False,
    ),
    Kind(
        "applications_awaiting_documents",
        "aid files whose firm was asked for documents; the day until which it was given time for them.",
        "applications:write",
        select(Application.territory, _given_until_on).where(
            Application.state.in_(literals([ApplicationState.INCOMPLETE]))
        ),
        "applications?state=incomplete&sort=received_on",
        by_person=False,
    ),
)
