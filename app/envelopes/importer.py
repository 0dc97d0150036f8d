"""Contributions from a file: what contributors have decided to put into the envelope."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement

from app.access.importer import organisation_headings, organisation_named
from app.core.values import Line, Siren, Uuid
from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, coded, given
from app.core.writing.upserts import Upsert
from app.core.writing.writes import Change, Write
from app.envelopes import queries, service
from app.envelopes.models import Contribution
from app.envelopes.rules import ActStatus
from app.envelopes.schemas import ContributionCreate

POLICIES = {"Retour au contributeur": "return", "Retour": "return", "Recyclage": "recycle"}


class ContributionLine(ContributionCreate):
    """A contribution; the contributor is named by its id, its SIREN or its name."""

    id: Uuid | None = None
    organisation_id: Uuid | None = None  # type: ignore[assignment]  # a name does as well
    organisation: Line | None = None
    organisation_siren: Siren | None = None


def _known(_place: str, item: ContributionLine) -> Sequence[ColumnElement[bool]]:
    c = Contribution
    return [c.organisation_id == item.organisation_id, c.reference == item.reference]


async def _create(write: Write, place: str, item: ContributionLine) -> Change:
    body = ContributionCreate(**given(item, ContributionCreate.model_fields))
    return await service.create_contribution(write, place, body)


_CONTRIBUTIONS = Upsert(
    key=Contribution.id,
    listing=queries.CONTRIBUTIONS,
    known=_known,
    create=_create,
    fixed=ContributionCreate.model_fields,
    stands=Contribution.status == ActStatus.RECORDED,
    names=[organisation_named("organisation_id", required=True)],
)
CONTRIBUTIONS_FILE = Importer(
    kind="contributions",
    permission="envelopes:write",
    needs_subject=True,
    schema=ContributionLine,
    key=["id", "organisation_id", "organisation", "organisation_siren", "reference"],
    listing=queries.CONTRIBUTIONS,
    renamed={"organisation": "organisation_name"},
    columns=[
        Heading("id", cells.plain),
        *organisation_headings(
            "organisation_id",
            ["contributeur", "organisme", "nom de l'organisme", "financeur"],
            ["siren du contributeur", "siren"],
        ),
        Heading("amount_cents", cells.cents, ["montant", "montant (€)"], required=True),
        Heading("decided_on", cells.day, ["décidée le", "date de décision", "date"], required=True),
        Heading("reference", cells.plain, ["référence", "référence de la décision"], required=True),
        Heading("repayment_policy", coded(POLICIES), ["sort des remboursements", "remboursements"]),
    ],
    check=_CONTRIBUTIONS.check,
    apply=_CONTRIBUTIONS.apply,
)
