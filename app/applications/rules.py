"""What an aid file is, and what may be done to it in each state. No session, no await.

Source: décret n° 2018-514, art. 4 to 8, and CRPA art. L.112-3, L.114-5, L.114-5-1 (domain.md §2, §10.1). A file is what
its acts say: `replay` computes its state, its stops and what it was told from the acts that stand, in their order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from app.applications import clocks
from app.applications.clocks import ONE_DAY, Clock, ClockStop, Extension
from app.core.clock import after_months
from app.core.faults import Fault
from app.core.passages import RecordedPassage, last_ones, standing, yet_to_come
from app.core.problems import InvalidTransition, Problem, ValidationFailed
from app.projects.rules import CostKind
from app.schemes.rules import Parameters, in_force


class ApplicationState(StrEnum):
    """State of an aid file."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    INCOMPLETE = "incomplete"
    ADMISSIBLE = "admissible"
    DEEMED_ADMISSIBLE = "deemed_admissible"
    INADMISSIBLE = "inadmissible"
    UNDER_REVIEW = "under_review"
    PRE_SELECTED = "pre_selected"
    DEFERRED = "deferred"
    GRANTED = "granted"
    REJECTED = "rejected"
    IMPLICITLY_REJECTED = "implicitly_rejected"
    WITHDRAWN = "withdrawn"


class AwardsEnding(StrEnum):
    """How all awards of a file ended before anything was paid: what the awards say, never a state of its own."""

    LAPSED = "lapsed"
    CANCELLED = "cancelled"


S = ApplicationState

# Submitted, and neither decided nor ended otherwise: the clock of the decision runs.
UNDECIDED = (
    S.SUBMITTED, S.INCOMPLETE, S.ADMISSIBLE, S.DEEMED_ADMISSIBLE, S.UNDER_REVIEW, S.PRE_SELECTED, S.DEFERRED,
)  # fmt: skip
# Of a project and a holder, one file at most stands in one of these.
OPEN = (S.DRAFT, *UNDECIDED)
# A new file may name one that ended so.
REFILABLE = (S.INADMISSIBLE, S.REJECTED, S.IMPLICITLY_REJECTED)
# The form of the file was found good, by a person or by silence.
FOUND_ADMISSIBLE = (S.ADMISSIBLE, S.DEEMED_ADMISSIBLE)
# Where admissibility is still examined: the file has never been found admissible.
EXAMINED = (S.SUBMITTED, S.INCOMPLETE)


class ApplicationAct(StrEnum):
    """What is done to an aid file: by a person or a program, or by silence when a clock has run out."""

    SUBMIT = "submit"
    ACKNOWLEDGE = "acknowledge"
    REQUEST_DOCUMENTS = "request_documents"
    COMPLETE = "complete"
    ADMIT = "admit"
    DECLARE_INADMISSIBLE = "declare_inadmissible"
    OPEN_REVIEW = "open_review"
    EXTEND = "extend"
    WITHDRAW = "withdraw"
    PRE_SELECT = "pre_select"
    GRANT = "grant"
    DEFER = "defer"
    REJECT = "reject"
    REVERSE_DECISION = "reverse_decision"
    SILENCE_ADMITS = "silence_admits"
    SILENCE_REJECTS = "silence_rejects"
    REVERSE_SILENCE = "reverse_silence"


A = ApplicationAct

SILENCES = (A.SILENCE_ADMITS, A.SILENCE_REJECTS)
# Acts of the service itself: nobody asks for them.
BY_THE_SERVICE = (*SILENCES, A.REVERSE_SILENCE)
# Acts of a committee (`decisions/`); it also records what the firm declared, as a withdrawal.
BY_A_COMMITTEE = (A.PRE_SELECT, A.GRANT, A.DEFER, A.REJECT, A.REVERSE_DECISION)
# Acts that take another one back: neither of the two counts any more.
REVERSALS = (A.REVERSE_SILENCE, A.REVERSE_DECISION)
# The acts that a decision of a committee is, and that its reversal takes back.
REVERSIBLE = (A.PRE_SELECT, A.GRANT, A.DEFER, A.REJECT, A.WITHDRAW)
# Where a committee may defer or reject a file: undecided, and found admissible (`target`).
DECIDABLE = (S.INCOMPLETE, *FOUND_ADMISSIBLE, S.UNDER_REVIEW, S.PRE_SELECTED, S.DEFERRED)

# From where each act leads where. Three acts lead from one state to several: `complete`, `reverse_silence` and
# `reverse_decision` give the file back the state that it had before.
TRANSITIONS: Mapping[ApplicationAct, frozenset[tuple[ApplicationState, ApplicationState]]] = {
    A.SUBMIT: frozenset({(S.DRAFT, S.SUBMITTED)}),
    A.ACKNOWLEDGE: frozenset({(state, state) for state in EXAMINED}),
    A.REQUEST_DOCUMENTS: frozenset({(S.SUBMITTED, S.INCOMPLETE), (S.UNDER_REVIEW, S.INCOMPLETE)}),
    A.COMPLETE: frozenset({(S.INCOMPLETE, S.SUBMITTED), (S.INCOMPLETE, S.UNDER_REVIEW)}),
    A.ADMIT: frozenset({(state, S.ADMISSIBLE) for state in EXAMINED}),
    A.DECLARE_INADMISSIBLE: frozenset({(state, S.INADMISSIBLE) for state in EXAMINED}),
    A.OPEN_REVIEW: frozenset({(state, S.UNDER_REVIEW) for state in (*FOUND_ADMISSIBLE, S.PRE_SELECTED, S.DEFERRED)}),
    A.EXTEND: frozenset({(state, state) for state in UNDECIDED}),
    A.WITHDRAW: frozenset({(state, S.WITHDRAWN) for state in UNDECIDED}),
    A.PRE_SELECT: frozenset({(state, S.PRE_SELECTED) for state in (*FOUND_ADMISSIBLE, S.UNDER_REVIEW, S.DEFERRED)}),
    A.GRANT: frozenset({(state, S.GRANTED) for state in (S.UNDER_REVIEW, S.PRE_SELECTED, S.DEFERRED)}),
    A.DEFER: frozenset({(state, S.DEFERRED) for state in DECIDABLE}),
    A.REJECT: frozenset({(state, S.REJECTED) for state in DECIDABLE}),
    A.REVERSE_DECISION: frozenset(
        {(S.PRE_SELECTED, state) for state in (*FOUND_ADMISSIBLE, S.UNDER_REVIEW, S.DEFERRED)}
        | {(S.GRANTED, state) for state in (S.UNDER_REVIEW, S.PRE_SELECTED, S.DEFERRED)}
        | {(decided, state) for decided in (S.DEFERRED, S.REJECTED) for state in DECIDABLE}
        | {(S.WITHDRAWN, state) for state in UNDECIDED}
    ),
    A.SILENCE_ADMITS: frozenset({(state, S.DEEMED_ADMISSIBLE) for state in EXAMINED}),
    A.SILENCE_REJECTS: frozenset({(state, S.IMPLICITLY_REJECTED) for state in UNDECIDED}),
    A.REVERSE_SILENCE: frozenset(
        {(S.DEEMED_ADMISSIBLE, state) for state in EXAMINED} | {(S.IMPLICITLY_REJECTED, state) for state in UNDECIDED}
    ),
}

# The longest time that a request gives for documents, in months: it stops the clocks, and must not do so for ever.
MOST_MONTHS_GIVEN = 12

# Acts that say why.
NEED_REASON = (A.DECLARE_INADMISSIBLE, A.EXTEND, A.WITHDRAW, A.DEFER, A.REJECT, A.REVERSE_DECISION)


# The permission of each act that is asked for.
PERMISSIONS: Mapping[ApplicationAct, str] = {
    A.SUBMIT: "applications:write",
    A.ACKNOWLEDGE: "applications:write",
    A.REQUEST_DOCUMENTS: "applications:instruct",
    A.COMPLETE: "applications:instruct",
    A.ADMIT: "applications:instruct",
    A.DECLARE_INADMISSIBLE: "applications:instruct",
    A.OPEN_REVIEW: "applications:instruct",
    A.EXTEND: "applications:instruct",
    A.WITHDRAW: "applications:write",
    **dict.fromkeys(BY_A_COMMITTEE, "decisions:write"),
}


class DocumentKind(StrEnum):
    """Kinds of document of an aid file."""

    FORM = "form"
    FINANCING_PLAN = "financing_plan"
    QUOTE = "quote"
    BANK_DETAILS = "bank_details"
    ACCOUNTS = "accounts"
    TAX_CERTIFICATE = "tax_certificate"
    SOCIAL_CERTIFICATE = "social_certificate"
    ORGANISATION_CHART = "organisation_chart"
    DE_MINIMIS_STATEMENT = "de_minimis_statement"
    CO_FUNDER_LETTER = "co_funder_letter"
    OTHER = "other"


class Opinion(StrEnum):
    """What a review recommends."""

    FAVOURABLE = "favourable"
    RESERVED = "reserved"
    UNFAVOURABLE = "unfavourable"


class Kyc(StrEnum):
    """What the examination of the firm against money laundering found (*connaissance du client*)."""

    CLEAR = "clear"
    ALERT = "alert"
    REFUSED = "refused"


# --- lines -----------------------------------------------------------------------------------------------------------


class Costed(Protocol):
    """What a base needs of a line."""

    @property
    def kind(self) -> str: ...
    @property
    def amount_cents(self) -> int: ...


def base_cents(lines: Iterable[Costed]) -> int:
    """The base of the aid: the sum of the eligible lines. Only assets are eligible."""
    return sum(line.amount_cents for line in lines if line.kind != CostKind.NOT_ELIGIBLE)


# --- faults ----------------------------------------------------------------------------------------------------------

ENDS_BEFORE_START = Fault(
    "ends_before_start",
    en="The planned end must not be before the planned start.",
    fr="La fin prévue ne doit pas précéder le début prévu.",
)
NO_AMOUNT_REQUESTED = Fault(
    "no_amount_requested",
    en="At least one of the requested amounts must be above zero.",
    fr="L'un au moins des montants demandés doit être supérieur à zéro.",
)
DUPLICATE_LINE = Fault(
    "duplicate_line",
    en="Another line has the same label and quote reference.",
    fr="Une autre ligne a le même libellé et la même référence de devis.",
)
GIVEN_UNTIL_IN_THE_PAST = Fault(
    "given_until_in_the_past",
    en="The day given for the documents must not be before the day of the request.",
    fr="Le jour donné pour les pièces ne doit pas précéder celui de la demande.",
)
GIVEN_UNTIL_TOO_LATE = Fault(
    "given_until_too_late",
    en="The day given for the documents must not be later than {latest_on}, {months} months after that of the request.",
    fr="Le jour donné pour les pièces ne doit pas dépasser le {latest_on}, {months} mois après celui de la demande.",
)


# --- refusals --------------------------------------------------------------------------------------------------------


class ApplicationNotADraft(Problem):
    """A file that was submitted can no longer be changed or deleted."""

    status = 409
    title_fr = "Un dossier déposé ne peut plus être modifié ni supprimé."
    detail = "The file is {state}."
    detail_fr = "Le dossier est {state}."
    cure = "Withdraw it and create another file."
    cure_fr = "Retirez-le et créez un autre dossier."


class ClockHasRunOut(Problem):
    """Silence has decided: the act is dated after the last day of the clock."""

    status = 409
    title_fr = "Le silence a décidé : l'acte est daté après le dernier jour du délai."
    detail = "The last day was {last_day}; since {silence_on} the file is {state}."
    detail_fr = "Le dernier jour était le {last_day} ; depuis le {silence_on}, le dossier est {state}."
    cure = "Date the act on `last_day` or before if it was done by then; `…/transitions` lists what can follow."
    cure_fr = (
        "Datez l'acte du `last_day` ou d'avant s'il a été fait à temps ; `…/transitions` donne ce qui peut suivre."
    )


class ActOutOfOrder(Problem):
    """An act cannot be dated before the one that it follows."""

    status = 409
    title_fr = "Un acte ne peut pas être daté avant celui qu'il suit."
    detail = "The last act is dated {after_on}."
    detail_fr = "Le dernier acte est daté du {after_on}."
    cure = "Date the act on that day or later."
    cure_fr = "Datez l'acte de ce jour ou d'après."


class ExtensionTooLate(Problem):
    """The time to decide can be extended only before it ends."""

    status = 409
    title_fr = "Le délai de décision ne peut être prolongé qu'avant sa fin."
    detail = "Its last day was {last_day}."
    detail_fr = "Son dernier jour était le {last_day}."
    cure = (
        "Date the extension on that day or before if it was decided by then; otherwise silence has rejected the file."
    )
    cure_fr = "Datez la prolongation de ce jour ou d'avant si elle a été décidée à temps ; sinon le silence a rejeté."


class ExtensionNotLater(Problem):
    """An extension must end later than the time to decide ends already."""

    status = 409
    title_fr = "Une prolongation doit finir après le délai de décision en cours."
    detail = "The last day is {last_day}."
    detail_fr = "Le dernier jour est le {last_day}."
    cure = "Give a later day as until_on."
    cure_fr = "Donnez un jour ultérieur pour until_on."


class Refiled(Problem):
    """Another file of the project and firm was made since: what silence decided about this one stands."""

    status = 409
    title_fr = "Un autre dossier du projet et de l'entreprise a été créé depuis : ce que le silence a décidé tient."
    cure = "Act on the other file, or delete it first if it is a draft (`T/applications?project_id=…&siren=…`)."
    cure_fr = (
        "Agissez sur l'autre dossier, ou supprimez-le d'abord si c'est un brouillon"
        " (`T/applications?project_id=…&siren=…`)."
    )


class NotRefilable(Problem):
    """A file can only replace one of the same project and firm that was declared inadmissible or rejected."""

    status = 409
    title_fr = "Un dossier ne remplace qu'un dossier du même projet et de la même entreprise, irrecevable ou rejeté."
    cure = "Name such a file in refiles_id, or none."
    cure_fr = "Nommez un tel dossier dans refiles_id, ou aucun."


class ReviewBeforeAdmissibility(Problem):
    """A file can be reviewed only once it is admissible."""

    status = 409
    title_fr = "Un dossier ne peut être instruit au fond qu'une fois recevable."
    detail = "The file is {state}."
    detail_fr = "Le dossier est {state}."
    cure = "Have the file admitted first (`…/admit`)."
    cure_fr = "Faites d'abord déclarer le dossier recevable (`…/admit`)."


# --- the life of a file ----------------------------------------------------------------------------------------------


class RecordedAct(RecordedPassage, Protocol):
    """An act as it was recorded."""

    @property
    def indispensable(self) -> bool | None: ...
    @property
    def given_until_on(self) -> date | None: ...
    @property
    def until_on(self) -> date | None: ...
    @property
    def reference(self) -> str | None: ...


class Ends(NamedTuple):
    """The two clocks of a file."""

    admissibility: Clock
    decision: Clock


@dataclass(frozen=True)
class Life:
    """What the acts of a file come to. `standing` are those that count: neither what was reversed nor its reversal."""

    state: ApplicationState
    standing: tuple[RecordedAct, ...]

    @property
    def last_on(self) -> date | None:
        """The day of the last act, which the next one is not before; None for a draft."""
        return self.standing[-1].effective_on if self.standing else None

    @property
    def received_on(self) -> date | None:
        """The day of receipt; None for a draft."""
        return self.standing[0].effective_on if self.standing else None

    @property
    def acknowledgement(self) -> RecordedAct | None:
        """The acknowledgement of receipt, where there is one; until then the day of receipt stands for it."""
        return next((done for done in self.standing if done.act == A.ACKNOWLEDGE), None)

    @property
    def acknowledged_on(self) -> date | None:
        return done.effective_on if (done := self.acknowledgement) is not None else self.received_on

    @property
    def found_admissible(self) -> bool:
        """Whether the file was ever found admissible: it is then not examined for it again."""
        return any(done.to_state in FOUND_ADMISSIBLE for done in self.standing)

    @property
    def awaited_from(self) -> ApplicationState | None:
        """Where the file goes back to when it is complete; None where no documents are awaited."""
        if self.state is not S.INCOMPLETE:
            return None
        requests = (done for done in reversed(self.standing) if done.act == A.REQUEST_DOCUMENTS)
        return next((ApplicationState(done.from_state) for done in requests), None)

    @property
    def silences(self) -> list[RecordedAct]:
        """The silences after which nobody has acted, oldest first."""
        return last_ones(self.standing, SILENCES)

    def before(self, done: RecordedAct) -> "Life":
        """What the file was before one of the acts that count."""
        return Life(ApplicationState(done.from_state), self.standing[: self.standing.index(done)])

    def stops(self, *, examined: bool = False) -> list[ClockStop]:
        """What stopped the clocks: requests for indispensable documents. `examined`: until the file was admissible."""
        stops = []
        for place, done in enumerate(self.standing):
            if examined and done.to_state in FOUND_ADMISSIBLE:
                break
            if done.indispensable and done.given_until_on is not None:
                following = (later.effective_on for later in self.standing[place:] if later.act == A.COMPLETE)
                stops.append(ClockStop(done.effective_on, next(following, None), done.given_until_on, done.number))
        return stops

    @property
    def extensions(self) -> list[Extension]:
        return [
            Extension(done.effective_on, done.until_on, done.number)
            for done in self.standing
            if done.until_on is not None
        ]


def replay(passages: Sequence[RecordedAct]) -> Life:
    """What these acts of a file, in the order in which they were recorded, come to."""
    acts = standing(passages, REVERSALS)
    return Life(ApplicationState(acts[-1].to_state) if acts else S.DRAFT, acts)


def ends(life: Life, parameters: Parameters) -> Ends | None:
    """Both clocks, by the parameters of the day of receipt; None for a draft. Raises `parameter-not-in-force` (409)."""
    received_on, acknowledged_on = life.received_on, life.acknowledged_on
    if received_on is None or acknowledged_on is None:
        return None

    def known(name: str) -> Any:
        return in_force(getattr(parameters, name), name, received_on)

    stop = known("clocks_stop")
    return Ends(
        clocks.admissibility(
            received_on, known("admissibility_months"), life.stops(examined=True) if stop else [],
            known("admissibility_clock"),
        ),
        clocks.decision(acknowledged_on, known("decision_months"), life.stops() if stop else [], life.extensions),
    )  # fmt: skip


def target(life: Life, act: ApplicationAct) -> ApplicationState | None:
    """The state that an act leads to from where the file is, None where it cannot be done.

    What a reversal leads to is said by the act that it takes back.
    """
    if act is A.COMPLETE:
        return life.awaited_from
    if act in (A.ADMIT, A.DECLARE_INADMISSIBLE, A.SILENCE_ADMITS) and life.found_admissible:
        return None
    if act is A.ACKNOWLEDGE and life.acknowledgement is not None:
        return None
    if act is A.REVERSE_DECISION or (act in BY_A_COMMITTEE and not life.found_admissible):
        return None
    return next((to for source, to in TRANSITIONS[act] if source is life.state), None)


def acts_after(life: Life) -> list[ApplicationAct]:
    """The acts that can follow, but for those of the service itself."""
    return [act for act in ApplicationAct if act not in BY_THE_SERVICE and target(life, act) is not None]


def columns(life: Life, clock_ends: Ends | None) -> dict[str, Any]:
    """What stands on the row of a file, by column: it follows from the acts, and `rebond check` computes it again."""
    acknowledgement = life.acknowledgement
    return {
        "state": life.state,
        "received_on": life.received_on,
        "acknowledged_on": life.acknowledged_on,
        "acknowledgement_reference": acknowledgement.reference if acknowledgement is not None else None,
        "found_admissible": life.found_admissible,
        "extended_until_on": life.extensions[-1].until_on if life.extensions else None,
        "admissibility_ends_on": clock_ends.admissibility.last_day if clock_ends is not None else None,
        "decision_ends_on": clock_ends.decision.last_day if clock_ends is not None else None,
    }


def next_silence(life: Life, clock_ends: Ends | None) -> tuple[ApplicationAct, date] | None:
    """What silence will do next, and on which day, if nobody acts; None where no clock runs."""
    if clock_ends is None or life.state not in UNDECIDED:
        return None
    silences = [(clock_ends.decision.silence_on, A.SILENCE_REJECTS)]
    if target(life, A.SILENCE_ADMITS) is not None:
        # On one day the file is deemed admissible first, and rejected then.
        silences.insert(0, (clock_ends.admissibility.silence_on, A.SILENCE_ADMITS))
    day, act = min(silences, key=lambda each: each[0])
    return act, day


class _Silence(NamedTuple):
    """A silence that has taken effect and is not recorded yet."""

    number: int
    act: str
    from_state: str
    to_state: str
    effective_on: date
    reverses_number: int | None = None
    indispensable: bool | None = None
    given_until_on: date | None = None
    until_on: date | None = None
    reference: str | None = None


def as_of(life: Life, clock_ends: Ends | None, day: date) -> Life:
    """What a file is on a day, with what silence has decided by then, recorded or not."""
    while (silence := next_silence(life, clock_ends)) is not None and silence[1] <= day:
        act, on = silence
        to = target(life, act)
        assert to is not None  # `next_silence` says so
        told = _Silence(len(life.standing) + 1, act, life.state, to, on)
        life = Life(to, (*life.standing, told))
    return life


def taken_back(life: Life, on: date) -> list[RecordedAct]:
    """The silences that an act of this day reverses, the last first: those that had not yet taken effect."""
    return yet_to_come(life.standing, SILENCES, on)


def check_act(life: Life, act: ApplicationAct, on: date) -> ApplicationState:
    """The state after an act of this day. Raises `invalid-transition`, `clock-has-run-out`, `extension-too-late`,
    `act-out-of-order` (409).
    """
    to = target(life, act)
    if to is None:
        raise _refused(life, act)
    if life.last_on is not None and on < life.last_on:
        raise ActOutOfOrder(after_on=life.last_on.isoformat())
    return to


def check_given_until(given_until_on: date, on: date) -> None:
    """A request gives time from its own day on, and not for ever. Raises `given_until_in_the_past`,
    `given_until_too_late` (422).
    """
    if given_until_on < on:
        raise ValidationFailed(errors=[GIVEN_UNTIL_IN_THE_PAST.at("/given_until_on")])
    latest_on = after_months(on, MOST_MONTHS_GIVEN)
    if given_until_on > latest_on:
        raise ValidationFailed(
            errors=[GIVEN_UNTIL_TOO_LATE.at("/given_until_on", latest_on=latest_on, months=MOST_MONTHS_GIVEN)]
        )


def check_extension(until_on: date, ends_on: date | None) -> None:
    """An extension fixes a later day. Raises `extension-not-later` (409)."""
    if ends_on is not None and until_on <= ends_on:
        raise ExtensionNotLater(last_day=ends_on.isoformat())


def _refused(life: Life, act: ApplicationAct) -> Problem:
    """Why an act cannot follow: silence has decided where it could have been done before, or it never could."""
    for silence in reversed(life.silences):
        if target(life.before(silence), act) is not None:
            last_day = (silence.effective_on - ONE_DAY).isoformat()
            if act is A.EXTEND:
                return ExtensionTooLate(last_day=last_day)
            return ClockHasRunOut(
                last_day=last_day, silence_on=silence.effective_on.isoformat(), state=silence.to_state
            )
    following = sorted({to for each in acts_after(life) if (to := target(life, each)) not in (None, life.state)})
    wanted = sorted({to for _, to in TRANSITIONS[act]})
    to = life.state if act in (A.ACKNOWLEDGE, A.EXTEND) else wanted[0]
    members: dict[str, Any] = {"from": life.state, "to": to, "allowed": following}
    refused = InvalidTransition(**members)
    refused.detail = "The file is {from}, which does not allow this act"
    refused.detail_fr = "Le dossier est {from}, ce qui ne permet pas cet acte"
    refused.detail += "; it can become: {allowed}." if following else ", and it can become nothing else."
    refused.detail_fr += (
        " ; il peut devenir : {allowed}." if following else ", et il ne peut plus rien devenir d'autre."
    )
    refused.cure = "`…/transitions` lists the acts that can follow, and who does them."
    refused.cure_fr = "`…/transitions` donne les actes qui peuvent suivre, et qui les fait."
    return refused
