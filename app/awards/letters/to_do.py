"""What waits among the letters of a territory."""

from typing import Any

from sqlalchemy import select

from app.awards.letters.models import Letter
from app.awards.letters.rules import LetterStatus
from app.core.db import literals, paris_day
from app.programme.to_do import Kind


def _in(status: LetterStatus) -> Any:
    return Letter.status.in_(literals([status]))


KINDS = (
    Kind(
        "letters_to_sign",
        "letters that are drawn up and not signed; the day on which they were.",
        "agreements:write",
        select(Letter.territory, paris_day(Letter.created_at)).where(_in(LetterStatus.TO_SIGN)),
        "letters?status=to_sign",
        by_person=False,
    ),
    Kind(
        "letters_to_notify",
        "letters that are signed and of which the firm was not notified; the day of the signature.",
        "agreements:write",
        select(Letter.territory, Letter.signed_on).where(_in(LetterStatus.SIGNED)),
        "letters?status=signed",
        by_person=False,
    ),
)
