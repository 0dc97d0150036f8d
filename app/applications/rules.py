"""What an aid file is, and what may be done to it in each state. No session, no await.

Source: décret n° 2018-514, art. 4 to 8, and CRPA art. L.112-3, L.114-5, L.114-5-1 (domain.md §2, §10.1). A file is what
its acts say: `replay` computes its state, its stops and what it was told from the acts that stand, in their order.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Protocol

from app.projects.rules import CostKind


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
    SILENCE_ADMITS = "silence_admits"
    SILENCE_REJECTS = "silence_rejects"
    REVERSE_SILENCE = "reverse_silence"


A = ApplicationAct

SILENCES = (A.SILENCE_ADMITS, A.SILENCE_REJECTS)
# Acts of the service itself: nobody asks for them.
BY_THE_SERVICE = (*SILENCES, A.REVERSE_SILENCE)

# From where each act leads where. Two acts lead from one state to several: `complete` and `reverse_silence` give the
# file back the state that it had before.
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
    A.SILENCE_ADMITS: frozenset({(state, S.DEEMED_ADMISSIBLE) for state in EXAMINED}),
    A.SILENCE_REJECTS: frozenset({(state, S.IMPLICITLY_REJECTED) for state in UNDECIDED}),
    A.REVERSE_SILENCE: frozenset(
        {(S.DEEMED_ADMISSIBLE, state) for state in EXAMINED} | {(S.IMPLICITLY_REJECTED, state) for state in UNDECIDED}
    ),
}

# Acts that say why.
NEED_REASON = (A.DECLARE_INADMISSIBLE, A.EXTEND, A.WITHDRAW)


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
