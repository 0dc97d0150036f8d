"""What a certificate of a firm must be. No session, no await."""

from datetime import date

from app.core.faults import FieldError
from app.core.messages import FUTURE_DAY, PERIOD_REVERSED
from app.core.problems import Problem


class FirmCertificateReversed(Problem):
    """The certificate is already reversed."""

    status = 409
    title_fr = "L'attestation est déjà annulée."


def faults(issued_on: date, valid_until_on: date, today: date) -> list[FieldError]:
    """Why the days of a certificate are refused: all at once."""
    refused = [FUTURE_DAY.at("/issued_on")] if issued_on > today else []
    return refused + ([PERIOD_REVERSED.at("/valid_until_on")] if valid_until_on < issued_on else [])
