"""Financing plans: uses against sources, the gaps between them, and leverage. No session, no await.

A plan is balanced when what is to be paid for (*emplois*, the project's cost lines) equals what pays for it
(*ressources*, the plan's lines that were not refused). Source of the formulas: domain.md §7.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import count
from typing import Any
from uuid import UUID

from app.core.problems import Problem


class SourceKind(StrEnum):
    """Where money of a plan comes from."""

    OWN_FUNDS = "own_funds"
    LOAN = "loan"
    LEASE = "lease"
    REBOND_GRANT = "rebond_grant"
    REBOND_ADVANCE = "rebond_advance"
    OTHER_PUBLIC_AID = "other_public_aid"
    OTHER = "other"


PROGRAMME_AID = frozenset({SourceKind.REBOND_GRANT, SourceKind.REBOND_ADVANCE})


class LineStatus(StrEnum):
    """How sure a source is. A refused one stays in the plan for the record, and pays for nothing."""

    PLANNED = "planned"
    REQUESTED = "requested"
    SECURED = "secured"
    REFUSED = "refused"


class PlanStatus(StrEnum):
    """A plan under way, or one declared complete: uses equal sources."""

    DRAFT = "draft"
    COMPLETE = "complete"


class GapCode(StrEnum):
    """Why a plan is not balanced."""

    COSTS_MISSING = "costs_missing"
    SOURCES_BELOW_USES = "sources_below_uses"
    SOURCES_ABOVE_USES = "sources_above_uses"
    SOURCE_REFUSED = "source_refused"


class FinancingIncomplete(Problem):
    """A financing plan is complete only when uses equal sources."""

    status = 409
    title_fr = "Un plan de financement n'est complet que si ses emplois égalent ses ressources."
    detail = "The uses amount to {uses_cents}, the sources to {sources_cents}."
    detail_fr = "Les emplois s'élèvent à {uses_cents}, les ressources à {sources_cents}."
    cure = "Correct the lines or the project's costs (gaps names each difference), or save the plan as a draft."
    cure_fr = "Corrigez les lignes ou les coûts du projet (gaps nomme chaque écart), ou gardez le plan en brouillon."


class LineHasAward(Problem):
    """The line of an award must say what the award says."""

    status = 409
    title_fr = "La ligne d'une attribution doit dire ce que dit l'attribution."
    cure = "Send each line of `lines` as it is, in the place of the line with its kind and source where there is one."
    cure_fr = (
        "Envoyez chaque ligne de `lines` telle quelle, à la place de celle des mêmes kind et source s'il y en a une."
    )


class LineWithoutAward(Problem):
    """Aid of the programme is secured by an award: none of this amount and reference stands for the project."""

    status = 409
    title_fr = (
        "Une aide du programme n'est acquise que par une attribution : aucune de ce montant et de cette référence ne"
        " tient pour le projet."
    )
    detail = "Source of the line: {source}."
    detail_fr = "Source de la ligne : {source}."
    cure = "Send the line as requested, without proof_reference: its award secures it."
    cure_fr = "Envoyez la ligne avec requested, sans proof_reference : son attribution la rendra acquise."


@dataclass(frozen=True)
class StandingAward:
    """An award that stands for a project: its kind of line, what of it is not released, and its decision's reference.

    It has ended where nothing of it is left to pay or to repay.
    """

    kind: SourceKind
    id: UUID
    amount_cents: int
    reference: str
    ended: bool

    def says(self) -> dict[str, Any]:
        """What the line of the award says."""
        return {
            "amount_cents": self.amount_cents,
            "status": LineStatus.SECURED,
            "proof_reference": self.reference,
            "award_id": self.id,
        }


@dataclass(frozen=True)
class PlanLine:
    """What arithmetic needs of a plan's line."""

    kind: SourceKind
    source: str
    amount_cents: int
    status: LineStatus


@dataclass(frozen=True)
class PlanGap:
    """A reason why uses and sources differ, and by how much; `source` names the line that was refused."""

    code: GapCode
    amount_cents: int
    source: str | None = None

    def public(self) -> dict[str, Any]:
        return {"code": self.code.value, "amount_cents": self.amount_cents, "source": self.source}


@dataclass(frozen=True)
class Sources:
    """The money of a plan in cents, by who gives it: private, other public bodies, the programme."""

    private_cents: int
    other_public_cents: int
    programme_cents: int

    @property
    def total_cents(self) -> int:
        return self.private_cents + self.other_public_cents + self.programme_cents


@dataclass(frozen=True)
class PlanLeverage:
    """What a euro of programme aid sets in motion; null where there is no programme aid.

    `total` = eligible cost / programme aid. `cofunding` = all other money / programme aid, which in a balanced plan is
    (cost - programme aid) / programme aid; it is the sum of `private` and `other_public` but for rounding.
    """

    total: Decimal | None
    cofunding: Decimal | None
    private: Decimal | None
    other_public: Decimal | None


def sources(lines: Iterable[PlanLine], counted: frozenset[LineStatus]) -> Sources:
    """The money of the lines in these states."""
    private = other_public = programme = 0
    for line in lines:
        if line.status not in counted:
            continue
        if line.kind in PROGRAMME_AID:
            programme += line.amount_cents
        elif line.kind is SourceKind.OTHER_PUBLIC_AID:
            other_public += line.amount_cents
        else:
            private += line.amount_cents
    return Sources(private, other_public, programme)


# What a plan counts on, and what it can be sure of.
PLANNED = frozenset(LineStatus) - {LineStatus.REFUSED}
SECURED = frozenset({LineStatus.SECURED})


def ratio(numerator: int, denominator: int) -> Decimal | None:
    """A quotient rounded half up to four decimals, exactly; None for a division by zero. Neither is negative."""
    if denominator == 0:
        return None
    return Decimal((20_000 * numerator + denominator) // (2 * denominator)).scaleb(-4)


def leverage(eligible_cents: int, money: Sources) -> PlanLeverage:
    """The ratios of domain.md §7 for this money; those of a territory come from the sums over its projects."""
    aid = money.programme_cents
    return PlanLeverage(
        total=ratio(eligible_cents, aid),
        cofunding=ratio(money.private_cents + money.other_public_cents, aid),
        private=ratio(money.private_cents, aid),
        other_public=ratio(money.other_public_cents, aid),
    )


def gaps(uses_cents: int, lines: Sequence[PlanLine]) -> list[PlanGap]:
    """Every reason why the plan is not balanced; none where it is."""
    planned = sources(lines, PLANNED).total_cents
    gap_list = []
    if uses_cents == 0:
        gap_list.append(PlanGap(GapCode.COSTS_MISSING, 0))
    if planned < uses_cents:
        gap_list.append(PlanGap(GapCode.SOURCES_BELOW_USES, uses_cents - planned))
        refused = [line for line in lines if line.status is LineStatus.REFUSED]
        gap_list += [PlanGap(GapCode.SOURCE_REFUSED, line.amount_cents, line.source) for line in refused]
    elif planned > uses_cents:
        gap_list.append(PlanGap(GapCode.SOURCES_ABOVE_USES, planned - uses_cents))
    return gap_list


def check_complete(uses_cents: int, lines: Sequence[PlanLine]) -> None:
    """Refuse to call a plan complete while a gap is left: `financing-incomplete` (409) names each."""
    gap_list = gaps(uses_cents, lines)
    if gap_list:
        raise FinancingIncomplete(
            uses_cents=uses_cents,
            sources_cents=sources(lines, PLANNED).total_cents,
            gaps=[gap.public() for gap in gap_list],
        )


# --- lines and awards ------------------------------------------------------------------------------------------------

Line = Mapping[str, Any]  # the fields of a line as a body gives them, and its `award_id`
_WITHOUT_AWARD = {"status": LineStatus.REQUESTED, "proof_reference": None, "award_id": None}


def following(lines: Sequence[Line], awards: Sequence[StandingAward]) -> list[dict[str, Any]]:
    """The lines with every award that stands, each in one of them; the line of one that stands no more is requested.

    An award takes the line that has its reference, else the first that is not secured, then any that was not refused;
    where its kind has none, it has a line of its own.
    """
    standing = {award.id: award for award in awards}
    told: list[dict[str, Any]] = []
    for line in lines:
        award = standing.pop(line["award_id"], None)
        if line["award_id"] is None:
            told.append(dict(line))
        else:
            told.append({**line, **(_WITHOUT_AWARD if award is None else award.says())})
    for award in standing.values():
        free = [
            line
            for line in told
            if line["kind"] is award.kind and line["award_id"] is None and line["status"] is not LineStatus.REFUSED
        ]
        if free:
            free.sort(key=lambda line: line["status"] is LineStatus.SECURED)
            same = [line for line in free if line["proof_reference"] == award.reference]
            (same or free)[0].update(award.says())
        else:
            told.append({"kind": award.kind, "source": _source(award.kind, told), "legal_basis": None, **award.says()})
    return told


def named(lines: Sequence[Line], awards: Sequence[StandingAward]) -> list[dict[str, Any]]:
    """The lines that a body gives, each with the award that it names by its kind, amount and reference.

    Raises `line-has-award` (409) where an award is in none of them.
    """
    known: dict[tuple[Any, ...], UUID] = {(a.kind, a.amount_cents, a.reference): a.id for a in awards}
    told = [
        {**line, "award_id": known.pop((line["kind"], line["amount_cents"], line["proof_reference"]), None)}
        for line in lines
    ]
    wanted = following(told, awards)
    if wanted != told:
        missing = [line for line in wanted if line not in told]
        raise LineHasAward(lines=[{name: line[name] for name in line if name != "award_id"} for line in missing])
    return told


def unproven(lines: Sequence[Line]) -> LineWithoutAward | None:
    """The refusal of the first line that calls aid of the programme secured and names no award."""
    for line in lines:
        if line["kind"] in PROGRAMME_AID and line["status"] is LineStatus.SECURED and line["award_id"] is None:
            return LineWithoutAward(source=line["source"])
    return None


def _source(kind: SourceKind, lines: Sequence[Line]) -> str:
    """A name for the programme as a source that no line of this kind has."""
    taken = {line["source"] for line in lines if line["kind"] is kind}
    return next(name for number in count(1) if (name := f"Rebond {number}" if number > 1 else "Rebond") not in taken)
