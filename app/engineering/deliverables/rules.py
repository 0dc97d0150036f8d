"""What a deliverable is, and what may be done to it in each state. No session, no await.

Source: CCAG-PI 2021, art. 28 and 29 (domain.md §3). The operator verifies a version within a delay that the framework
says; silence admits it. A deliverable that is deferred or rejected is delivered again, and verified anew. A deliverable
is what its acts say: `replay` computes its state from those that stand, in their order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from app.core.clock import after_months
from app.core.faults import Fault
from app.core.passages import RecordedPassage, standing
from app.core.problems import Problem, ValidationFailed

ONE_DAY = timedelta(days=1)


class DeliverableKind(StrEnum):
    """What is delivered: *note de cadrage*, *diagnostic*, *fiche entreprise*, *feuille de route*, *rapport final*."""

    FRAMING_NOTE = "framing_note"
    DIAGNOSIS = "diagnosis"
    FIRM_SHEET = "firm_sheet"
    ROADMAP = "roadmap"
    FINAL_REPORT = "final_report"
    OTHER = "other"


class DeliverableState(StrEnum):
    """State: *admis*, *ajourné*, *admis avec réfaction*, *rejeté* end the verification of a version."""

    EXPECTED = "expected"
    DELIVERED = "delivered"
    UNDER_VERIFICATION = "under_verification"
    ADMITTED = "admitted"
    DEFERRED = "deferred"
    ADMITTED_WITH_REDUCTION = "admitted_with_reduction"
    REJECTED = "rejected"


class DeliverableAct(StrEnum):
    """What is done to a deliverable: by a person or a program, or by silence when the delay has run out."""

    DELIVER = "deliver"
    VERIFY = "verify"
    ADMIT = "admit"
    DEFER = "defer"
    ADMIT_WITH_REDUCTION = "admit_with_reduction"
    REJECT = "reject"
    SILENCE_ADMITS = "silence_admits"
    REVERSE_SILENCE = "reverse_silence"


S, A = DeliverableState, DeliverableAct

# A version waits for its verification: the delay runs.
VERIFIABLE = (S.DELIVERED, S.UNDER_VERIFICATION)
# A version may be delivered: the first one, a mended one, or another one after a rejection.
DELIVERABLE = (S.EXPECTED, S.DEFERRED, S.REJECTED)
# Acts of the service itself: nobody asks for them.
BY_THE_SERVICE = (A.SILENCE_ADMITS, A.REVERSE_SILENCE)
DECISIONS = (A.ADMIT, A.DEFER, A.ADMIT_WITH_REDUCTION, A.REJECT)
NEED_REASON = (A.DEFER, A.ADMIT_WITH_REDUCTION, A.REJECT)

TRANSITIONS: Mapping[DeliverableAct, tuple[Sequence[DeliverableState], DeliverableState]] = {
    A.DELIVER: (DELIVERABLE, S.DELIVERED),
    A.VERIFY: ((S.DELIVERED,), S.UNDER_VERIFICATION),
    A.ADMIT: ((S.UNDER_VERIFICATION,), S.ADMITTED),
    A.DEFER: ((S.UNDER_VERIFICATION,), S.DEFERRED),
    A.ADMIT_WITH_REDUCTION: ((S.UNDER_VERIFICATION,), S.ADMITTED_WITH_REDUCTION),
    A.REJECT: ((S.UNDER_VERIFICATION,), S.REJECTED),
    A.SILENCE_ADMITS: (VERIFIABLE, S.ADMITTED),
}
# A reversal takes the deliverable back to where silence has found it.
PASSAGES = [(act, source, to) for act, (sources, to) in TRANSITIONS.items() for source in sources]
PASSAGES += [(A.REVERSE_SILENCE, to, source) for act, source, to in PASSAGES if act is A.SILENCE_ADMITS]

# --- faults of a field -----------------------------------------------------------------------------------------------

ONE_DOCUMENT = Fault(
    "one_document",
    en="Give one of document_sha256, roadmap_version_id and committee_id.",
    fr="Donnez un seul de document_sha256, roadmap_version_id et committee_id.",
)
BEFORE_THE_DOCUMENT = Fault(
    "before_the_document",
    en="Must be the day of the meeting that the document comes from ({document_on}), or a later day.",
    fr="Doit être le jour de la réunion dont vient le document ({document_on}), ou un jour ultérieur.",
)
ONE_REDUCTION = Fault(
    "one_reduction",
    en="Give one of reduced_days and reduced_cents.",
    fr="Donnez un seul de reduced_days et reduced_cents.",
)
MEND_BEFORE_THE_ACT = Fault(
    "mend_before_the_act",
    en="The new day must not be before the day of the deferral.",
    fr="Le nouveau jour ne doit pas précéder celui de l'ajournement.",
)

# --- refusals --------------------------------------------------------------------------------------------------------


class DeliverableTransition(Problem):
    """The state of the deliverable does not allow this act."""

    status = 409
    title_fr = "L'état du livrable ne permet pas cet acte."
    detail = "The deliverable is {current}; {action} requires one of: {needed}."
    detail_fr = "Le livrable est {current} ; {action} exige l'un de ces états : {needed}."
    cure = "Deliver a version, have it verified, then decide; what is admitted stays so."
    cure_fr = "Livrez une version, faites-la vérifier, puis décidez ; ce qui est admis le reste."


class VerificationOver(Problem):
    """The delay to verify is over: silence has admitted the deliverable."""

    status = 409
    title_fr = "Le délai de vérification est passé : le silence a admis le livrable."
    detail = "The last day was {last_day}; the deliverable is admitted since {silence_on}."
    detail_fr = "Le dernier jour était le {last_day} ; le livrable est admis depuis le {silence_on}."
    cure = "Date the act on `last_day` or before if it was done by then."
    cure_fr = "Datez l'acte du `last_day` ou d'avant s'il a été fait à temps."


class DeliverableActOutOfOrder(Problem):
    """An act on a deliverable cannot be dated before the one that it follows."""

    status = 409
    title_fr = "Un acte sur un livrable ne peut pas être daté avant celui qu'il suit."
    detail = "The last act is dated {after_on}."
    detail_fr = "Le dernier acte est daté du {after_on}."
    cure = "Date the act on that day or later."
    cure_fr = "Datez l'acte de ce jour ou d'après."


class DeliverableDelivered(Problem):
    """What was delivered once stays as it was ordered."""

    status = 409
    title_fr = "Ce qui a été livré une fois reste tel qu'il a été commandé."
    cure = "Create another deliverable; a new day is given by a deferral."
    cure_fr = "Créez un autre livrable ; un nouveau jour se donne par un ajournement."


class DocumentNotSealed(Problem):
    """A deliverable can stand only on an adopted version of the roadmap, or on the record of a closed meeting."""

    status = 409
    title_fr = (
        "Un livrable ne peut reposer que sur une version adoptée de la feuille de route, ou sur le procès-verbal d'une"
        " réunion close."
    )
    cure = "Have the version adopted, or the meeting closed, first; or give the document_sha256 of another document."
    cure_fr = (
        "Faites d'abord adopter la version, ou clôturer la réunion ; ou donnez le document_sha256 d'un autre document."
    )


class WeightsExceeded(Problem):
    """The deliverables of a mission cannot weigh more than 10 000 basis points together."""

    status = 409
    title_fr = "Les livrables d'une mission ne peuvent pas peser plus de 10 000 points de base ensemble."
    detail = "{requested_bp} requested, {left_bp} left."
    detail_fr = "{requested_bp} demandés, {left_bp} restants."
    cure = "Give `left_bp` or less as weight_bp, or lower the weight of another deliverable that is expected."
    cure_fr = "Donnez au plus `left_bp` pour weight_bp, ou abaissez le poids d'un autre livrable attendu."


# --- the life of a deliverable ---------------------------------------------------------------------------------------


class RecordedDeliverableAct(RecordedPassage, Protocol):
    """An act as it was recorded."""

    @property
    def verification_ends_on(self) -> date | None: ...
    @property
    def until_on(self) -> date | None: ...
    @property
    def reduced_days(self) -> Decimal | None: ...
    @property
    def reduced_cents(self) -> int | None: ...
    @property
    def recorded_by(self) -> UUID | None: ...


class Situation(NamedTuple):
    """What stands on the row of a deliverable: it follows from the acts, and `rebond check` computes it again."""

    state: DeliverableState
    delivery_number: int | None
    verification_ends_on: date | None
    until_on: date | None
    reduced_days: Decimal | None
    reduced_cents: int | None
    decided_by: UUID | None


@dataclass(frozen=True)
class DeliverableLife:
    """What the acts come to. `standing` are those that count: neither a silence that was reversed nor its reversal."""

    state: DeliverableState
    standing: tuple[RecordedDeliverableAct, ...]

    @property
    def last(self) -> RecordedDeliverableAct | None:
        """The last act, which the next one is not before; None where nothing was delivered."""
        return self.standing[-1] if self.standing else None

    @property
    def delivery(self) -> RecordedDeliverableAct | None:
        """The delivery of the last version; None where there is none."""
        return next((done for done in reversed(self.standing) if done.act == A.DELIVER), None)

    @property
    def silence(self) -> RecordedDeliverableAct | None:
        """The silence that has admitted it, after which nothing can follow; None where none has."""
        return self.last if self.last is not None and self.last.act == A.SILENCE_ADMITS else None

    @property
    def situation(self) -> Situation:
        last, delivery = self.last, self.delivery
        if last is None or delivery is None:
            return Situation(self.state, None, None, None, None, None, None)
        return Situation(
            self.state,
            delivery.number,
            delivery.verification_ends_on,
            last.until_on,
            last.reduced_days,
            last.reduced_cents,
            last.recorded_by if last.act in DECISIONS else None,
        )


def replay(passages: Sequence[RecordedDeliverableAct]) -> DeliverableLife:
    """What these acts of a deliverable, in the order in which they were recorded, come to."""
    acts = standing(passages, (A.REVERSE_SILENCE,))
    return DeliverableLife(DeliverableState(acts[-1].to_state) if acts else S.EXPECTED, acts)


def ends_on(delivered_on: date, months: int) -> date:
    """The last day to verify a version: silence takes effect the day after (CCAG-PI, art. 28.2 and 29)."""
    return after_months(delivered_on, months)


def check_deliverable_act(life: DeliverableLife, act: DeliverableAct, on: date) -> DeliverableState:
    """The state after an act of this day, once what silence has decided by then is recorded.

    Raises `deliverable-transition`, `verification-over`, `deliverable-act-out-of-order` (409).
    """
    sources, to = TRANSITIONS[act]
    if life.state not in sources:
        silence = life.silence
        if silence is not None and silence.from_state in sources:
            last_day = silence.effective_on - ONE_DAY
            raise VerificationOver(last_day=last_day.isoformat(), silence_on=silence.effective_on.isoformat())
        raise DeliverableTransition(current=life.state, action=act, needed=list(sources))
    if life.last is not None and on < life.last.effective_on:
        raise DeliverableActOutOfOrder(after_on=life.last.effective_on.isoformat())
    return to


def check_document(sha256: str | None, roadmap_version_id: UUID | None, committee_id: UUID | None) -> None:
    """A version is one document. Raises `one_document` (422)."""
    given = {"/document_sha256": sha256, "/roadmap_version_id": roadmap_version_id, "/committee_id": committee_id}
    named = [pointer for pointer, value in given.items() if value is not None]
    if len(named) != 1:
        raise ValidationFailed(errors=[ONE_DOCUMENT.at(pointer) for pointer in named or ["/document_sha256"]])


def check_delivery_day(on: date, document_on: date) -> None:
    """A roadmap or a record is not delivered before the day of its meeting. Raises `before_the_document` (422)."""
    if on < document_on:
        raise ValidationFailed(errors=[BEFORE_THE_DOCUMENT.at("/on", document_on=document_on.isoformat())])


def check_reduction(days: Decimal | None, cents: int | None) -> None:
    """A reduction is in days or in cents. Raises `one_reduction` (422)."""
    if (days is None) == (cents is None):
        raise ValidationFailed(errors=[ONE_REDUCTION.at("/reduced_days"), ONE_REDUCTION.at("/reduced_cents")])


def check_until(until_on: date, on: date) -> None:
    """A deferral gives time from its own day on. Raises `mend_before_the_act` (422)."""
    if until_on < on:
        raise ValidationFailed(errors=[MEND_BEFORE_THE_ACT.at("/until_on")])
