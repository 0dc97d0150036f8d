"""Lines of claims from a file: each names its aid by the decision, its claim, and the line of the decision."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import Text, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.awards.claims import schemas, service
from app.awards.claims.models import ClaimLine, ExpenseClaim
from app.awards.claims.queries import award_ids
from app.awards.claims.rules import MOST_LINES, ClaimStatus
from app.awards.models import Aid, AidLine
from app.core.faults import Fault
from app.core.messages import NOT_FOUND
from app.core.problems import Problem, ValidationFailed
from app.core.schemas import Body
from app.core.values import ExternalId, ShortLine, Siren, Uuid
from app.core.values import Line as ShortText
from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Locks, Outcome, given
from app.core.writing.writes import Change, Write

CLAIM_MISSING = Fault(
    "claim_missing",
    en="The line must name its claim: by claim_external_id with the reference of the decision, or by claim_id.",
    fr="La ligne doit désigner sa demande : par claim_external_id avec la référence de la décision, ou par claim_id.",
)
CLAIM_OF_ANOTHER_DECISION = Fault(
    "claim_of_another_decision",
    en="The claim of this name belongs to the aid of another decision.",
    fr="La demande de ce nom relève de l'aide d'une autre décision.",
)
AMBIGUOUS_DECISION = Fault(
    "ambiguous_decision",
    en="Several firms were given an aid by a decision of this reference: give the SIREN too.",
    fr="Plusieurs entreprises ont reçu une aide par une décision de cette référence : donnez aussi le SIREN.",
)
DECISION_LINE_MISSING = Fault(
    "decision_line_missing",
    en="The line must name one line of the decision, by line_label as the decision words it, or by line_id.",
    fr="La ligne doit désigner une ligne de la décision, par line_label, comme la décision la nomme, ou par line_id.",
)
TOO_MANY_CLAIM_LINES = Fault(
    "too_many_claim_lines",
    en="A claim can have at most {maximum} lines: begin another one.",
    fr="Une demande peut avoir au plus {maximum} lignes : commencez-en une autre.",
)
_FIELDS = tuple(schemas.ClaimLineBody.model_fields)


class ClaimFileLine(Body):
    """An invoice, with the aid and the claim for which it is declared.

    A claim that the territory does not know begins with the first of its lines; a line that a claim has already is
    changed, as long as the claim is neither settled nor sampled.
    """

    claim_id: Uuid | None = None
    claim_external_id: ExternalId | None = None
    decision_reference: ShortLine | None = None
    siren: Siren | None = None
    line_id: Uuid | None = None
    line_label: ShortText | None = None
    invoice_number: schemas.InvoiceNumber
    supplier_siren: schemas.SupplierSiren | None = None
    supplier_name: schemas.SupplierName | None = None
    invoiced_on: schemas.InvoicedOn
    paid_on: schemas.PaidOn
    amount_excl_vat_cents: schemas.ClaimedCents
    proof_sha256: schemas.ProofSha256 | None = None
    invoice_amount_excl_vat_cents: schemas.InvoiceCents | None = None
    lowers_invoice_number: schemas.LowersInvoiceNumber | None = None

    @model_validator(mode="after")
    def _named(self) -> "ClaimFileLine":
        if self.claim_id is None and (self.claim_external_id is None or self.decision_reference is None):
            raise CLAIM_MISSING.error()
        schemas.refuse_unclear(self)
        return self


@dataclass
class _Meant:
    """What a line of the file means: an aid, the claim where it is known, the line of the decision; or its faults."""

    aid_id: UUID | None = None
    claim_id: UUID | None = None
    line_id: UUID | None = None
    faults: list[LineFault] = field(default_factory=list)


async def _meanings(write: Write, place: str, lines: Sequence[FileLine]) -> list[_Meant]:
    """What each line means, found for all of them at once."""
    items = [line.item for line in lines]
    known = await _claims(write, place, items)
    aids = await _aids(write, place, items)
    meant = []
    for line in lines:
        item, found = line.item, _Meant()
        claim = known.get(item.claim_id or item.claim_external_id)
        if claim is not None:
            found.aid_id, found.claim_id = claim.aid_id, claim.id
            if item.decision_reference not in (None, claim.decision_reference):
                found.faults.append(LineFault(line.number, "decision_reference", CLAIM_OF_ANOTHER_DECISION.at("")))
        elif item.claim_id is not None:
            found.faults.append(LineFault(line.number, "claim_id", NOT_FOUND.at("")))
        else:
            of_decision = [aid for aid in aids[item.decision_reference] if item.siren in (None, aid.siren)]
            if len(of_decision) == 1:
                found.aid_id = of_decision[0].id
            else:
                fault = AMBIGUOUS_DECISION if of_decision else NOT_FOUND
                found.faults.append(LineFault(line.number, "decision_reference", fault.at("")))
        meant.append(found)
    await _find_lines(write, lines, meant)
    return meant


async def _claims(write: Write, place: str, items: Sequence[ClaimFileLine]) -> dict[Any, Any]:
    """The claims that the lines name, by id, and those that are not withdrawn by external id."""
    asked = (
        select(
            ExpenseClaim.id, ExpenseClaim.aid_id, ExpenseClaim.external_id, ExpenseClaim.status, Aid.decision_reference
        )
        .join(Aid, Aid.id == ExpenseClaim.aid_id)
        .where(
            ExpenseClaim.territory == place,
            or_(
                ExpenseClaim.id.in_({item.claim_id for item in items if item.claim_id}),
                ExpenseClaim.external_id.in_({item.claim_external_id for item in items if item.claim_external_id}),
            ),
        )
    )
    rows = (await write.session.execute(asked)).all()
    standing = {row.external_id: row for row in rows if row.external_id and row.status != ClaimStatus.WITHDRAWN}
    return standing | {row.id: row for row in rows}


async def _aids(write: Write, place: str, items: Sequence[ClaimFileLine]) -> dict[str | None, list[Any]]:
    """The aids of the decisions that the lines name, by reference."""
    references = {item.decision_reference for item in items if item.decision_reference}
    asked = select(Aid.id, Aid.siren, Aid.decision_reference).where(
        Aid.territory == place, Aid.awards > 0, Aid.decision_reference.in_(references)
    )
    aids: dict[str | None, list[Any]] = defaultdict(list)
    for row in await write.session.execute(asked):
        aids[row.decision_reference].append(row)
    return aids


async def _find_lines(write: Write, lines: Sequence[FileLine], meant: Sequence[_Meant]) -> None:
    """The lines of the decisions: by id, or by a label without accents or case."""
    labels = sorted({line.item.line_label for line in lines if line.item.line_label})
    texts = literal(labels, ARRAY(Text()))
    told = await write.session.execute(select(func.unnest(texts), func.fold(func.unnest(texts))))
    plain = {row[0]: row[1] for row in told}
    asked = select(AidLine.id, AidLine.aid_id, func.fold(AidLine.label).label("label")).where(
        AidLine.aid_id.in_({found.aid_id for found in meant if found.aid_id})
    )
    of_aid: dict[UUID | None, list[Any]] = defaultdict(list)
    for row in await write.session.execute(asked):
        of_aid[row.aid_id].append(row)
    for line, found in zip(lines, meant, strict=True):
        item = line.item
        fits = [
            row.id
            for row in of_aid[found.aid_id]
            if (row.id == item.line_id if item.line_id else row.label == plain.get(item.line_label))
        ]
        if len(fits) == 1:
            found.line_id = fits[0]
        elif found.aid_id is not None:
            column = "line_id" if item.line_id else "line_label"
            found.faults.append(LineFault(line.number, column, DECISION_LINE_MISSING.at("")))


async def _check(write: Write, place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    """Each line means one aid, one line of its decision and a claim of its own, or one that is there."""
    assert place is not None  # claims are a territory's
    meant = await _meanings(write, place, lines)
    faults = [fault for found in meant for fault in found.faults]
    counted: Counter[Any] = Counter()
    named: dict[str, UUID] = {}
    for line, found in zip(lines, meant, strict=True):
        name = line.item.claim_external_id
        aid_id = found.aid_id
        if found.claim_id is None and aid_id and name and named.setdefault(name, aid_id) != aid_id:
            faults.append(LineFault(line.number, "decision_reference", CLAIM_OF_ANOTHER_DECISION.at("")))
        claim = (found.aid_id, found.claim_id or line.item.claim_external_id)
        counted[claim] += 1
        if counted[claim] > MOST_LINES:
            faults.append(LineFault(line.number, "", TOO_MANY_CLAIM_LINES.at("", maximum=MOST_LINES)))
    return faults


async def _aids_of(write: Write, place: str | None, lines: Sequence[FileLine]) -> set[UUID]:
    """The aids for which the lines declare."""
    assert place is not None  # claims are a territory's
    return {found.aid_id for found in await _meanings(write, place, lines) if found.aid_id is not None}


@dataclass
class _Group:
    """The lines of a file that belong to one claim."""

    aid_id: UUID
    claim_id: UUID | None
    external_id: str | None
    rows: list[dict[str, Any]] = field(default_factory=list)


async def _apply(write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
    assert place is not None  # claims are a territory's
    groups: dict[tuple[UUID, Any], _Group] = {}
    for line, found in zip(lines, await _meanings(write, place, lines), strict=True):
        if found.aid_id is None or found.line_id is None:
            continue  # the check has found it; a claim made by an earlier slice has not changed that
        key = (found.aid_id, found.claim_id or line.item.claim_external_id)
        group = groups.setdefault(key, _Group(found.aid_id, found.claim_id, line.item.claim_external_id))
        group.rows.append(given(line.item, _FIELDS) | {"line_id": found.line_id})
    outcome, made = Outcome(), []
    awards = await award_ids(write.session, {group.aid_id for group in groups.values()})
    for group in sorted(groups.values(), key=lambda group: str(group.aid_id)):
        try:
            made += await _put(write, place, awards[group.aid_id], group, outcome)
        except Problem as problem:  # of one line of the claim: the file knows it by its column
            problem.errors = [replace(each, pointer="/" + each.pointer.rpartition("/")[2]) for each in problem.errors]
            raise
    outcome.changes = made
    return outcome


async def _put(write: Write, place: str, award_id: UUID, group: _Group, outcome: Outcome) -> list[Change]:
    """The lines of one claim, which begins with them or has some of them already."""
    if group.claim_id is None:
        body = schemas.ClaimCreate(external_id=group.external_id, lines=_bodies(group.rows))
        outcome.created += len(group.rows)
        return [await service.submit(write, place, award_id, body)]
    stored = await service.lines_of(write, group.claim_id)
    rows = [service.declared(line) for line in stored]
    new: list[dict[str, Any]] = []
    updated = 0
    for row in group.rows:
        at = _place_of(schemas.ClaimLineBody(**row), stored)
        if at is None:
            new.append(row)
        elif any(rows[at][name] != value for name, value in row.items()):
            rows[at] |= row
            updated += 1
    outcome.created, outcome.updated = outcome.created + len(new), outcome.updated + updated
    outcome.unchanged += len(group.rows) - len(new) - updated
    if updated:
        changed = schemas.ClaimUpdate(lines=_bodies(rows + new))
        return [await service.change(write, place, award_id, group.claim_id, changed)]
    if new and len(rows) + len(new) > MOST_LINES:
        raise ValidationFailed(errors=[TOO_MANY_CLAIM_LINES.at("", maximum=MOST_LINES)])
    return [await service.append(write, place, award_id, group.claim_id, _bodies(new))] if new else []


def _place_of(body: schemas.ClaimLineBody, stored: Sequence[ClaimLine]) -> int | None:
    """Where the claim has this invoice, or this part of it."""
    part = body.part(body.supplier_name)
    same = [place for place, line in enumerate(stored) if part.invoice.is_the_same_as(service.invoice_of(line))]
    apart = {place: part.is_apart_from(service.part_of(stored[place])) for place in same}
    return next((place for place in same if not apart[place]), None)


def _bodies(rows: Sequence[dict[str, Any]]) -> list[schemas.ClaimLineBody]:
    if len(rows) > MOST_LINES:
        raise ValidationFailed(errors=[TOO_MANY_CLAIM_LINES.at("", maximum=MOST_LINES)])
    return [schemas.ClaimLineBody(**row) for row in rows]


CLAIM_LINES = Importer(
    kind="claim_lines",
    permission="claims:write",
    needs_subject=True,
    schema=ClaimFileLine,
    key=["claim_id", "claim_external_id", "decision_reference", "siren", "supplier_siren", "supplier_name", "line_id",
         "line_label", "paid_on", "invoice_number"],
    columns=[
        Heading("claim_external_id", cells.plain, ["demande", "demande de paiement", "demande de versement", "claim"]),
        Heading("claim_id", cells.plain),
        Heading("decision_reference", cells.plain,
                ["décision", "référence de la décision", "n° de décision", "numéro de décision"]),
        Heading("siren", cells.siren, ["siren du bénéficiaire", "bénéficiaire"], en="SIREN"),
        Heading("line_label", cells.plain, ["poste", "ligne", "poste de dépense", "libellé du poste"]),
        Heading("line_id", cells.plain),
        Heading("invoice_number", cells.plain,
                ["facture", "n° de facture", "numéro de facture", "n° facture", "référence de la facture"],
                required=True),
        Heading("supplier_siren", cells.siren, ["siren du fournisseur", "siren fournisseur"], en="Supplier SIREN"),
        Heading("supplier_name", cells.plain, ["fournisseur", "nom du fournisseur"]),
        Heading("invoiced_on", cells.day, ["date de facture", "date de la facture", "date facture", "émise le"],
                required=True),
        Heading("paid_on", cells.day,
                ["payée le", "date de paiement", "date d'acquittement", "acquittée le", "date de règlement"],
                required=True),
        Heading("amount_excl_vat_cents", cells.cents, ["montant HT", "montant hors taxes", "HT", "montant HT (€)"],
                required=True),
        Heading("proof_sha256", cells.plain, ["empreinte", "sha256"]),
        Heading("invoice_amount_excl_vat_cents", cells.cents,
                ["montant total HT", "total HT de la facture", "montant HT de la facture"]),
        Heading("lowers_invoice_number", cells.plain,
                ["facture diminuée", "avoir sur la facture", "facture d'origine"]),
    ],
    check=_check,
    locks=Locks(_aids_of, service.hold_aids),
    apply=_apply,
)  # fmt: skip
