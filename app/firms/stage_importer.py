"""Stages of firms from a file: each line is a passage of a firm, or where it stands, with what the territory knows."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Text, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.access.rules import Actor
from app.core.problems import Forbidden
from app.core.schemas import Body
from app.core.values import Day, ExternalId, Line, Reason, Siren, Uuid
from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, Locks, Outcome, coded, given, together
from app.core.writing.writes import Change, Write, differing
from app.firms import queries, service
from app.firms.importer import REGISTER_FIRST
from app.firms.models import EuSize, StageChange, TerritoryFirm
from app.firms.rules import Stage
from app.firms.schemas import TerritoryFirmPut, TerritoryFirmUpdate

STAGES = {
    "Identifiée": "identified", "Sollicitée": "solicited", "Rencontrée": "interviewed", "Entretien": "interviewed",
    "Présélectionnée": "shortlisted", "Accompagnée": "supported", "Déclinée": "declined", "Refus": "declined",
    "Injoignable": "unreachable",
}  # fmt: skip
SIZES = {
    "Microentreprise": "micro", "Petite entreprise": "small", "Petite": "small", "Moyenne entreprise": "medium",
    "Moyenne": "medium", "Petite entreprise à moyenne capitalisation": "small_mid_cap",
    "Grande entreprise": "large", "Grande": "large",
}  # fmt: skip
_WRITE = "territory_firms:write"
_OF_THE_PASSAGE = ("stage", "reason", "effective_on")
_BESIDE = ("eu_size", "eu_size_evidence_on", "eu_size_source", "external_id")


class FirmStageLine(Body):
    """A firm of the register at a stage, from a day on (today where it is absent); its size with the evidence."""

    id: Uuid | None = None
    siren: Siren
    stage: Stage
    reason: Reason | None = None
    effective_on: Day | None = None
    eu_size: EuSize | None = None
    eu_size_evidence_on: Day | None = None
    eu_size_source: Line | None = None
    external_id: ExternalId | None = None


async def _is_recorded(write: Write, place: str, item: FirmStageLine) -> bool:
    """Whether the last passage of that day, or the present stage where the line has no day, says what the line says."""
    s, t = StageChange, TerritoryFirm
    asked: Any = select(t.stage, t.reason).where(t.territory == place, t.siren == item.siren)
    if item.effective_on is not None:
        of_day = (s.territory == place, s.siren == item.siren, s.effective_on == item.effective_on)
        asked = select(s.stage, s.reason).where(*of_day).order_by(s.id.desc()).limit(1)
    known = (await write.session.execute(asked)).first()
    return known is not None and known.stage == item.stage and item.reason in (None, known.reason)


async def _put(write: Write, place: str, item: FirmStageLine) -> Sequence[Change]:
    may_write = not isinstance(write.actor, Actor) or write.actor.may(_WRITE, place)
    changes: list[Change] = []
    if not await _is_recorded(write, place, item):
        body = TerritoryFirmPut(**given(item, _OF_THE_PASSAGE))
        changes.append(await service.put_territory_firm(write, place, item.siren, body, new_only=not may_write))
    await write.session.flush()
    firm = await write.session.get_one(TerritoryFirm, (place, item.siren))
    if known := differing(firm, given(item, _BESIDE)):
        if not may_write:
            raise Forbidden(permission=_WRITE)
        changes.append(await service.update_territory_firm(write, place, item.siren, TerritoryFirmUpdate(**known)))
    return changes


async def _apply(write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
    """The passages in the order of their days: each follows from the one before."""
    assert place is not None  # stages are a territory's
    outcome, changes = Outcome(), list[Change]()
    for line in sorted(lines, key=lambda line: line.item.effective_on or date.max):
        made = [change for change in await _put(write, place, line.item) if change.type]
        is_new = any(change.type == "territory_firm.created" for change in made)
        outcome.created += is_new
        outcome.updated += bool(made) and not is_new
        outcome.unchanged += not made
        changes += made
    outcome.changes = together(changes)
    return outcome


async def _firms_of(_write: Write, place: str | None, lines: Sequence[FileLine]) -> set[tuple[str | None, str]]:
    return {(place, line.item.siren) for line in lines}


async def _hold(write: Write, firms: set[tuple[str, str]]) -> None:
    """The firms that the territory follows already, in the order of their numbers."""
    t = TerritoryFirm
    named = select(t.siren).where(
        t.territory.in_({place for place, _ in firms}),
        t.siren == any_(literal(sorted({siren for _, siren in firms}), ARRAY(Text()))),
    )
    await write.session.execute(named.order_by(t.siren).with_for_update(key_share=True))


FIRM_STAGES = Importer(
    kind="firm_stages",
    permission="territory_firms:identify",
    schema=FirmStageLine,
    key=["id", "siren", "effective_on"],
    listing=queries.EVERY_STAGE_CHANGE,
    columns=[
        Heading("id", cells.plain),
        Heading("siren", cells.siren, ["n° siren", "siren entreprise"], instead=["siret"], required=True, fr="SIREN",
                en="SIREN", first=REGISTER_FIRST),
        Heading("stage", coded(STAGES), ["étape", "statut"], required=True),
        Heading("effective_on", cells.day, ["depuis le", "étape depuis le", "stage since on", "date"]),
        Heading("reason", cells.plain, ["motif"]),
        Heading("eu_size", coded(SIZES), ["taille", "taille européenne"]),
        Heading("eu_size_evidence_on", cells.day, ["taille constatée au"]),
        Heading("eu_size_source", cells.plain, ["source de la taille", "justificatif de la taille"]),
        Heading("external_id", cells.plain, ["identifiant externe"]),
    ],
    locks=Locks(_firms_of, _hold),
    apply=_apply,
)  # fmt: skip
