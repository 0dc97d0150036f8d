"""An aid passes to another firm, as by a merger or the sale of a business: what is asked of it, and what follows.

The bank details of the firm that takes it are held first of all (docs/locking.md); then the aid, its awards, the
request, the claims of both firms, the projects, the letters, the payments, and both firms in the order of their SIREN.
"""

from datetime import date
from typing import Any

from sqlalchemy import select

from app.awards import service as awards
from app.awards.aids import Held
from app.awards.change_requests import rules
from app.awards.claims import service as claims
from app.awards.letters import service as letters
from app.awards.models import Aid, AidAct
from app.awards.payments.in_flight import redirect
from app.awards.rules import FirmCeased, ProceedingsOpen
from app.core import clock
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.rules import BankDetailsUnapproved
from app.firms.models import Firm, Proceeding
from app.firms.queries import open_on
from app.projects import service as projects


async def asked(write: Write, aid: Aid, siren: str, pointer: str) -> dict[str, Any]:
    """What a request says of both firms. Raises `reference-not-found` (404), `already-holder` (409)."""
    if siren == aid.siren:
        raise rules.AlreadyHolder
    rows = await write.session.execute(select(Firm.siren, Firm.name).where(Firm.siren.in_((siren, aid.siren))))
    names = dict(rows.all())
    if siren not in names:
        raise ReferenceNotFound(errors=[NOT_FOUND.at(f"{pointer}/siren")])
    return {"firm_name": names[siren], "former_siren": aid.siren, "former_firm_name": names[aid.siren]}


async def pass_on(
    write: Write, held: Held, change: dict[str, Any], payee: BankDetails | None, on: date, reason: str
) -> list[Change]:
    """Let the aid and its awards pass to another firm. Payments that are not sent go to it, once approved anew.

    Letters to the firm before that are not notified are withdrawn: others are drawn up.

    Raises `holder-changed`, `bank-details-unapproved`, `project-of-another-firm`, `firm-ceased`, `proceedings-open`,
    `payments-in-flight`, `invoice-already-claimed` (409).
    """
    aid, siren = held.aid, change["siren"]
    before = aid.siren
    if before != change["former_siren"]:
        raise rules.HolderChanged(siren=before)
    if payee is None:
        raise BankDetailsUnapproved
    await _refuse_in_trouble(write, siren)
    await claims.hold_firms(write, [aid.id], siren)
    for project_id in sorted({award.project_id for _, award in held.awards() if award.project_id is not None}):
        await projects.hold(write, aid.territory, project_id)
        await awards.refuse_another_firm(write, project_id, siren)
    aid.siren, aid.joins = siren, False
    for _, award in held.awards():
        award.siren = siren
    held.record(
        write, AidAct.TRANSFER, on, reason=reason, document_sha256=change["proof_sha256"], from_siren=before
    )  # fmt: skip
    await write.session.flush()
    await claims.refuse_claimed_twice(write, aid.id)
    changes = await letters.end_open(write, aid.id, reason)  # they say who held it
    for kind, award in held.awards():
        changes += await redirect(write, kind, award, payee)
    for each in sorted((before, siren)):
        changes += await awards.follow_firm(write, aid.territory, each, on, reason)
    return changes


async def _refuse_in_trouble(write: Write, siren: str) -> None:
    """Raises `firm-ceased`, `proceedings-open` (409). The database asks the same; no override lifts it."""
    today, p = clock.today(), Proceeding
    firm = await write.session.get_one(Firm, siren)
    refused: FirmCeased | ProceedingsOpen | None = None
    if firm.ceased and (firm.ceased_on is None or firm.ceased_on <= today):
        refused = FirmCeased(ceased_on=firm.ceased_on)
        refused.cure = "Correct the register if the firm goes on, or refuse the request."
        refused.cure_fr = "Corrigez le répertoire si l'entreprise poursuit son activité, ou refusez la demande."
    elif proceeding := await write.session.scalar(
        select(p).where(p.siren == siren, open_on(p, today)).order_by(p.opened_on.desc(), p.id).limit(1)
    ):
        refused = ProceedingsOpen(kind=proceeding.kind, opened_on=proceeding.opened_on)
        refused.cure = "Record the end of the proceeding if it has ended, or refuse the request."
        refused.cure_fr = "Consignez la fin de la procédure si elle est close, ou refusez la demande."
    if refused is not None:
        raise refused
