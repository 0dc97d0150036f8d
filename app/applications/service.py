"""Writes of aid files: drafts, their documents and review, and the acts that take a file from one state to another.

An act locks the file first, then its project where it concerns it. What silence has decided by the day of the act is
recorded before it, and what silence decided after that day is reversed, then taken again as far as the act does not
prevent it: whether `rebond tick` has run or not, the same act has the same effect.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from app.access.duties import with_author
from app.access.rules import person
from app.applications import rules, schemas
from app.applications.conditions import FileStep, check_ready
from app.applications.facts import facts_of
from app.applications.history import History
from app.applications.models import (
    Application,
    ApplicationDocument,
    ApplicationLine,
    ApplicationReview,
)
from app.applications.queries import APPLICATIONS, DOCUMENTS, REVIEWS
from app.applications.rules import ApplicationAct, ApplicationState
from app.core import clock
from app.core.db import touch
from app.core.faults import Fault
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, differing, given, put
from app.projects import service as projects
from app.projects.models import Holder, Project
from app.schemes.models import Scheme

FUTURE_RECEIPT = Fault(
    "future_receipt",
    en="A file cannot be received in the future.",
    fr="Un dossier ne peut pas être reçu dans le futur.",
)


# --- drafts ----------------------------------------------------------------------------------------------------------


async def create_application(write: Write, territory: str, body: schemas.ApplicationCreate) -> Change:
    """A draft. Raises `already-exists`, `not-refilable` (409), `reference-not-found` (404)."""
    _check_request(body.requested_grant_cents, body.requested_advance_cents)
    _check_period(body.planned_start_on, body.planned_end_on)
    _check_ordered(body.lines)
    await _check_holder(write, territory, body.project_id, body.siren)
    await _check_scheme(write, body.scheme)
    if body.refiles_id is not None:
        await _check_refiles(write, territory, body.project_id, body.siren, body.refiles_id)
    file = Application(
        territory=territory, base_cents=rules.base_cents(body.lines), **body.model_dump(exclude={"lines"})
    )
    write.session.add(file)
    await write.session.flush()
    write.session.add_all(_lines(file, body.lines))
    await write.session.flush()
    return _change("created", file)


async def update_application(
    write: Write, territory: str, application_id: UUID, body: schemas.ApplicationUpdate
) -> Change:
    """Change a draft. Raises `application-not-a-draft`, `already-exists`, `not-refilable` (409)."""
    file = await _draft(write, territory, application_id)
    values = given(body)
    lines = values.pop("lines", None)
    if lines is not None:
        _check_ordered(lines)
        lines = await _replaced(write, file, lines)
    changed = differing(file, values)
    if "scheme" in changed:
        await _check_scheme(write, changed["scheme"])
    if changed.get("refiles_id") is not None:
        await _check_refiles(write, territory, file.project_id, file.siren, changed["refiles_id"])
    put(file, changed)
    _check_request(file.requested_grant_cents, file.requested_advance_cents)
    _check_period(file.planned_start_on, file.planned_end_on)
    if lines is not None:
        file.base_cents = rules.base_cents(lines)
        touch(file)
        await write.session.execute(delete(ApplicationLine).where(ApplicationLine.application_id == file.id))
        write.session.add_all(lines)
    if not changed and lines is None:
        return Change("", APPLICATIONS, [file.id], {"territory": territory})
    await write.session.flush()
    return _change("updated", file)


async def delete_application(write: Write, territory: str, application_id: UUID) -> Change:
    """Delete a draft with its lines and documents. Raises `application-not-a-draft` (409)."""
    file = await _draft(write, territory, application_id)
    bound = {"territory": territory}
    gone = await write.see_last(file, APPLICATIONS, file.id, bound)
    for child in (ApplicationLine, ApplicationDocument):
        await write.session.execute(delete(child).where(child.application_id == file.id))
    await write.session.delete(file)
    await write.session.flush()
    return Change("application.deleted", APPLICATIONS, [application_id], bound, gone=gone)


def _check_request(grant_cents: int, advance_cents: int) -> None:
    if grant_cents + advance_cents == 0:
        pointers = ("/requested_grant_cents", "/requested_advance_cents")
        raise ValidationFailed(errors=[rules.NO_AMOUNT_REQUESTED.at(pointer) for pointer in pointers])


def _check_period(start_on: date, end_on: date) -> None:
    if end_on < start_on:
        raise ValidationFailed(errors=[rules.ENDS_BEFORE_START.at("/planned_end_on")])


def _check_ordered(lines: Sequence[schemas.AssetLineBody]) -> None:
    refuse_future({f"/lines/{place}/ordered_on": line.ordered_on for place, line in enumerate(lines)})


async def _check_holder(write: Write, territory: str, project_id: UUID, siren: str) -> None:
    """The firm holds the project now; the foreign key holds the two together at COMMIT."""
    known = select(Project.id).where(Project.id == project_id, Project.territory == territory)
    if await write.session.scalar(known) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/project_id")])
    held = select(Holder.position).where(Holder.project_id == project_id, Holder.firm_siren == siren)
    if await write.session.scalar(held) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/siren")])


async def _check_scheme(write: Write, code: str) -> None:
    if await write.session.scalar(select(Scheme.code).where(Scheme.code == code)) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/scheme")])


async def _check_refiles(write: Write, territory: str, project_id: UUID, siren: str, refiles_id: UUID) -> None:
    """The file that another one replaces, held against the reversal of what silence decided about it."""
    wanted = select(Application).where(Application.id == refiles_id, Application.territory == territory)
    old = await write.session.scalar(wanted.with_for_update(read=True))
    if old is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/refiles_id")])
    if not old.refilable or (old.project_id, old.siren) != (project_id, siren):
        raise rules.NotRefilable


def _lines(file: Application, lines: Sequence[schemas.AssetLineBody]) -> list[ApplicationLine]:
    return [
        ApplicationLine(application_id=file.id, territory=file.territory, position=place, **line.model_dump())
        for place, line in enumerate(lines, 1)
    ]


async def _replaced(
    write: Write, file: Application, lines: Sequence[schemas.AssetLineBody]
) -> list[ApplicationLine] | None:
    """The lines that a body gives, or None where the file has these already."""
    wanted = _lines(file, lines)
    known = await write.session.scalars(
        select(ApplicationLine).where(ApplicationLine.application_id == file.id).order_by(ApplicationLine.position)
    )

    def facts(rows: Sequence[ApplicationLine]) -> list[dict[str, Any]]:
        return [{column.key: getattr(row, column.key) for column in row.__table__.columns} for row in rows]

    stand = list(known)
    if facts(stand) == facts(wanted):
        return None
    for row in stand:
        write.session.expunge(row)
    return wanted


# --- acts ------------------------------------------------------------------------------------------------------------


async def submit(write: Write, territory: str, application_id: UUID, body: schemas.Submission) -> list[Change]:
    """Receive a file that meets every condition, and pass its project to `filed`.

    Raises `application-not-ready`, `invalid-transition`, `parameter-not-in-force` (409).
    """
    received_at = body.received_at or write.now
    if received_at > write.now:
        raise ValidationFailed(errors=[FUTURE_RECEIPT.at("/received_at")])
    file = await _expected(write, territory, application_id)
    history = await History.of(write, file)
    received_on = clock.paris_day(received_at)
    to = rules.check_act(history.life, ApplicationAct.SUBMIT, received_on)
    project = await projects.hold(write, territory, file.project_id)
    known = await facts_of(write, territory, file.id, received_on)
    check_ready(FileStep.SUBMIT, known)
    history.add(ApplicationAct.SUBMIT, to, received_on)
    await history.write_down(
        received_at=received_at,
        tax_certificate_id=known.tax_certificate_id,
        social_certificate_id=known.social_certificate_id,
        bank_details_id=known.bank_details_id,
    )
    return [_change("submitted", file), *await projects.pass_to_filed(write, project, received_on)]


async def acknowledge(
    write: Write, territory: str, application_id: UUID, body: schemas.Acknowledgement
) -> list[Change]:
    """Acknowledge the receipt: from that day the time to decide counts."""
    file = await _expected(write, territory, application_id)
    on = body.acknowledged_on or file.received_on
    return await record_act(
        write, file, ApplicationAct.ACKNOWLEDGE, on, "acknowledged", pointer="/acknowledged_on",
        reference=body.reference,
    )  # fmt: skip


async def request_documents(
    write: Write, territory: str, application_id: UUID, body: schemas.DocumentRequest
) -> list[Change]:
    """Ask for documents; indispensable ones stop both times."""
    on = body.on or clock.today()
    rules.check_given_until(body.given_until_on, on)
    file = await _expected(write, territory, application_id)
    return await record_act(
        write, file, ApplicationAct.REQUEST_DOCUMENTS, on, "documents_requested",
        kinds=list(dict.fromkeys(body.kinds)), indispensable=body.indispensable, given_until_on=body.given_until_on,
    )  # fmt: skip


async def complete(write: Write, territory: str, application_id: UUID, body: schemas.ActBody) -> list[Change]:
    """Record that the last awaited document came in: the file goes back to the state that it came from."""
    file = await _expected(write, territory, application_id)
    return await record_act(write, file, ApplicationAct.COMPLETE, body.on, "completed")


async def admit(write: Write, territory: str, application_id: UUID, body: schemas.ActBody) -> list[Change]:
    """Declare the file admissible: its form is in order."""
    person(write.actor)
    file = await _expected(write, territory, application_id)
    return await record_act(write, file, ApplicationAct.ADMIT, body.on, "admitted")


async def declare_inadmissible(
    write: Write, territory: str, application_id: UUID, body: schemas.ReasonedActBody
) -> list[Change]:
    """Declare the file inadmissible, for good."""
    person(write.actor)
    file = await _expected(write, territory, application_id)
    act = ApplicationAct.DECLARE_INADMISSIBLE
    return await record_act(write, file, act, body.on, "declared_inadmissible", reason=body.reason)


async def open_review(write: Write, territory: str, application_id: UUID, body: schemas.ActBody) -> list[Change]:
    """Open the review of an admissible file."""
    file = await _expected(write, territory, application_id)
    return await record_act(write, file, ApplicationAct.OPEN_REVIEW, body.on, "review_opened")


async def extend(write: Write, territory: str, application_id: UUID, body: schemas.ExtensionBody) -> list[Change]:
    """Extend the time to decide, before it ends, as a person. Raises `extension-too-late`, `extension-not-later`."""
    person(write.actor)
    file = await _expected(write, territory, application_id)
    return await record_act(
        write, file, ApplicationAct.EXTEND, body.on, "extended", reason=body.reason, until_on=body.until_on
    )


async def withdraw(write: Write, territory: str, application_id: UUID, body: schemas.ReasonedActBody) -> list[Change]:
    """Withdraw an undecided file for the firm, for good."""
    file = await _expected(write, territory, application_id)
    return await record_act(write, file, ApplicationAct.WITHDRAW, body.on, "withdrawn", reason=body.reason)


async def record_act(
    write: Write, file: Application, act: ApplicationAct, on: date | None, event: str, *, pointer: str = "/on",
    **members: Any,
) -> list[Change]:  # fmt: skip
    """Record an act on a file that is held. Raises what `numbered_act` raises."""
    _, changes = await numbered_act(write, file, act, on, event, pointer=pointer, **members)
    return changes


async def numbered_act(
    write: Write, file: Application, act: ApplicationAct, on: date | None, event: str, *, pointer: str = "/on",
    **members: Any,
) -> tuple[int, list[Change]]:  # fmt: skip
    """Record an act on a file that is held; its number in the file's history, and what changed.

    Raises `invalid-transition`, `clock-has-run-out`, `act-out-of-order`, `refiled` (409), `future_day` (422).
    """
    on = on or clock.today()
    refuse_future({pointer: on})
    history = await History.at(write, file, on)
    to = rules.check_act(history.life, act, on)
    if history.has_reversed and await is_refiled(write, file):
        raise rules.Refiled
    if act is ApplicationAct.EXTEND:
        rules.check_extension(members["until_on"], file.decision_ends_on)
    number = history.add(act, to, on, **members)
    await history.write_down()
    return number, [await history.told(_change(event, file))]


async def is_refiled(write: Write, file: Application) -> bool:
    """Whether another file has taken the place of one that silence had rejected."""
    named = select(Application.id).where(Application.refiles_id == file.id).limit(1)
    return await write.session.scalar(named) is not None


# --- documents -------------------------------------------------------------------------------------------------------


async def add_document(write: Write, territory: str, application_id: UUID, body: schemas.DocumentCreate) -> Change:
    """Record a document that came in. Raises `already-exists` (409) for the same content."""
    refuse_future({"/received_on": body.received_on})
    file = await _file(write, territory, application_id)
    document = ApplicationDocument(
        territory=territory, application_id=file.id, recorded_by=write.actor.subject_id, **body.model_dump()
    )
    write.session.add(document)
    await write.session.flush()
    return Change("application_document.created", DOCUMENTS, [document.id], _below(file))


async def delete_document(write: Write, territory: str, application_id: UUID, document_id: UUID) -> Change:
    """Delete a document of a draft. Raises `application-not-a-draft` (409)."""
    file = await _file(write, territory, application_id)
    d = ApplicationDocument
    document = await write.lock(d, d.id == document_id, d.application_id == file.id)
    write.expect(document.version)
    _check_draft(file)
    gone = await write.see_last(document, DOCUMENTS, document_id, _below(file))
    await write.session.delete(document)
    await write.session.flush()
    return Change("application_document.deleted", DOCUMENTS, [document_id], _below(file), gone=gone)


# --- review ----------------------------------------------------------------------------------------------------------


async def put_review(write: Write, territory: str, application_id: UUID, body: schemas.ReviewPut) -> Change:
    """Write the review of a file, as a person, who then does not decide it. The same review again changes nothing.

    Raises `review-before-admissibility` (409), `person-required`, `email-missing` (403).
    """
    author = person(write.actor)
    refuse_future({"/completed_on": body.completed_on})
    file = await _file(write, territory, application_id)
    review = await write.session.get(ApplicationReview, application_id)
    seen = review is not None and review.opinion is not None
    write.expect(review.version if review is not None and seen else None)
    if not file.found_admissible:
        raise rules.ReviewBeforeAdmissibility(state=file.state)
    values = {("body" if name == "text" else name): value for name, value in body.model_dump().items()}
    bound = {"territory": territory}
    if review is None:
        write.session.add(
            ApplicationReview(application_id=file.id, territory=territory, author_id=author, authors=[author], **values)
        )
        await write.session.flush()
        return Change("application_review.written", REVIEWS, [file.id], bound, status=201)
    if not put(review, values):
        return Change("", REVIEWS, [file.id], bound, status=200)
    review.author_id, review.authors = author, with_author(review.authors, write.actor)
    await write.session.flush()
    return Change("application_review.written", REVIEWS, [file.id], bound, status=200 if seen else 201)


# --- common ----------------------------------------------------------------------------------------------------------


async def _file(write: Write, territory: str, application_id: UUID) -> Application:
    return await write.lock(Application, Application.id == application_id, Application.territory == territory)


async def _expected(write: Write, territory: str, application_id: UUID) -> Application:
    """The file, held, as the caller has read it."""
    file = await _file(write, territory, application_id)
    write.expect(file.version)
    return file


async def _draft(write: Write, territory: str, application_id: UUID) -> Application:
    file = await _expected(write, territory, application_id)
    _check_draft(file)
    return file


def _check_draft(file: Application) -> None:
    if file.state != ApplicationState.DRAFT:
        raise rules.ApplicationNotADraft(state=file.state)


def _below(file: Application) -> dict[str, Any]:
    return {"territory": file.territory, "application_id": file.id}


def _change(event: str, file: Application) -> Change:
    return Change(f"application.{event}", APPLICATIONS, [file.id], {"territory": file.territory})
