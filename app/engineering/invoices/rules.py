"""What an invoice comes to, what may be done to it, and until when it is to be paid. No session, no await.

Sources: EN 16931 for totals and VAT; Chorus Pro for the names of states; code de la commande publique, art. R. 2192-10
to R. 2192-36 for the delay, its interruption, late interest and the fixed sum. An invoice is what its acts say:
`replay` computes its state and its due day from those that stand, in their order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from stdnum.fr import siren as stdnum_siren

from app.core.faults import Fault
from app.core.problems import Problem, ValidationFailed


class InvoiceKind(StrEnum):
    """An invoice on certificates, or a credit note (*avoir*) on counter-certificates."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceState(StrEnum):
    """State of an invoice, by the names of Chorus Pro but for the first and the last, which are Rebond's.

    issued; deposited (*déposée*); at_payer (*mise à disposition du destinataire*); suspended (*suspendue*); rejected
    (*rejetée*); payment_ordered (*mandatée*); paid (*mise en paiement*); cancelled.
    """

    ISSUED = "issued"
    DEPOSITED = "deposited"
    AT_PAYER = "at_payer"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    PAYMENT_ORDERED = "payment_ordered"
    PAID = "paid"
    CANCELLED = "cancelled"


class InvoiceAct(StrEnum):
    """What is recorded of an invoice: what Chorus Pro says, that it is cancelled, or that an act was a mistake."""

    DEPOSIT = "deposit"
    MAKE_AVAILABLE = "make_available"
    SUSPEND = "suspend"
    COMPLETE = "complete"
    REJECT = "reject"
    ORDER_PAYMENT = "order_payment"
    PAY = "pay"
    CANCEL = "cancel"
    REVERSE = "reverse"


S, A = InvoiceState, InvoiceAct

ENDED = (S.REJECTED, S.CANCELLED)
NEED_REASON = (A.SUSPEND, A.REJECT, A.CANCEL, A.REVERSE)
UNPAID = (S.ISSUED, S.DEPOSITED, S.AT_PAYER, S.SUSPENDED, S.PAYMENT_ORDERED)

TRANSITIONS: Mapping[InvoiceAct, tuple[Sequence[InvoiceState], InvoiceState]] = {
    A.DEPOSIT: ((S.ISSUED,), S.DEPOSITED),
    A.MAKE_AVAILABLE: ((S.ISSUED, S.DEPOSITED), S.AT_PAYER),
    A.SUSPEND: ((S.AT_PAYER,), S.SUSPENDED),
    A.COMPLETE: ((S.SUSPENDED,), S.AT_PAYER),
    A.REJECT: ((S.DEPOSITED, S.AT_PAYER, S.SUSPENDED), S.REJECTED),
    A.ORDER_PAYMENT: ((S.AT_PAYER,), S.PAYMENT_ORDERED),
    A.PAY: ((S.AT_PAYER, S.PAYMENT_ORDERED), S.PAID),
    A.CANCEL: ((S.ISSUED,), S.CANCELLED),
}
# A reversal takes the invoice back to where the act that was a mistake has found it.
PASSAGES = [(act, source, to) for act, (sources, to) in TRANSITIONS.items() for source in sources]
PASSAGES += sorted({(A.REVERSE, to, source) for _, source, to in PASSAGES})

# --- faults of a field -----------------------------------------------------------------------------------------------

REPEATED_CERTIFICATE = Fault(
    "repeated_certificate",
    en="A certificate can be named only once on an invoice.",
    fr="Une attestation ne peut être nommée qu'une fois sur une facture.",
)
CERTIFICATES_DIFFER = Fault(
    "certificates_differ",
    en="The certificates of an invoice are of one member and one mission.",
    fr="Les attestations d'une facture sont d'un seul membre et d'une seule mission.",
)
CERTIFICATE_KINDS_DIFFER = Fault(
    "certificate_kinds_differ",
    en="Counter-certificates make a credit note of their own, which corrects one invoice.",
    fr="Les contre-attestations font l'objet d'un avoir distinct, qui rectifie une seule facture.",
)
ISSUED_TOO_EARLY = Fault(
    "issued_too_early",
    en="Must be {earliest_on} or later: the end of what is certified, or the day of the invoice that is corrected.",
    fr="Doit être le {earliest_on} ou après : la fin de ce qui est attesté, ou le jour de la facture rectifiée.",
)
OTHER_PAYER = Fault(
    "other_payer",
    en="The SIRET must begin with the SIREN of the organisation that certified ({siren}).",
    fr="Le SIRET doit commencer par le SIREN de l'organisation qui a attesté ({siren}).",
)

# --- refusals --------------------------------------------------------------------------------------------------------


class InvoiceTransition(Problem):
    """The state of the invoice does not allow this act."""

    status = 409
    title_fr = "L'état de la facture ne permet pas cet acte."
    detail = "The invoice is {current}; {action} requires one of: {needed}."
    detail_fr = "La facture est {current} ; {action} exige l'un de ces états : {needed}."
    cure = "Record the acts in the order in which they were done; a mistake is taken back by `reverse`."
    cure_fr = "Enregistrez les actes dans l'ordre où ils ont été faits ; une erreur s'annule par `reverse`."


class InvoiceActOutOfOrder(Problem):
    """An act on an invoice cannot be dated before the one that it follows."""

    status = 409
    title_fr = "Un acte sur une facture ne peut pas être daté avant celui qu'il suit."
    detail = "The last act is dated {after_on}."
    detail_fr = "Le dernier acte est daté du {after_on}."
    cure = "Date the act on that day or later, or take the later act back by `reverse` first."
    cure_fr = "Datez l'acte de ce jour ou d'après, ou annulez d'abord l'acte ultérieur par `reverse`."


class InvoiceNothingToReverse(Problem):
    """No act of the invoice stands that could be reversed."""

    status = 409
    title_fr = "La facture n'a aucun acte qui puisse être annulé."
    cure = "An invoice that was made by mistake is cancelled (`cancel`)."
    cure_fr = "Une facture établie par erreur s'annule (`cancel`)."


class CertificateAlreadyInvoiced(Problem):
    """A certificate is already on an invoice that stands."""

    status = 409
    title_fr = "Une attestation figure déjà sur une facture en vigueur."
    cure = "Name the certificates that are to be invoiced (T/service-certificates?to_invoice=true)."
    cure_fr = "Nommez les attestations à facturer (T/service-certificates?to_invoice=true)."


class CertificateCancelled(Problem):
    """A certificate is cancelled, so it cannot be invoiced."""

    status = 409
    title_fr = "Une attestation est annulée et ne peut pas être facturée."
    cure = "Name the certificates that are to be invoiced (T/service-certificates?to_invoice=true)."
    cure_fr = "Nommez les attestations à facturer (T/service-certificates?to_invoice=true)."


class CertificateNotInvoiced(Problem):
    """What a counter-certificate cancels is on no invoice that stands, so there is nothing to credit."""

    status = 409
    title_fr = "Ce qu'annule une contre-attestation ne figure sur aucune facture en vigueur : il n'y a rien à créditer."
    cure = "Leave the counter-certificate out: it and what it cancels come to nothing."
    cure_fr = "N'indiquez pas la contre-attestation : elle et ce qu'elle annule se compensent."


class InvoiceCredited(Problem):
    """An invoice stands as long as a credit note that corrects it does."""

    status = 409
    title_fr = "Une facture reste en vigueur tant qu'un avoir qui la rectifie l'est."
    cure = "End the credit note first (`cancel`, or `record` its rejection), or take back first what ended the invoice."
    cure_fr = (
        "Mettez d'abord fin à l'avoir (`cancel`, ou `record` pour son rejet), ou annulez d'abord ce qui a mis fin à la"
        " facture."
    )


class InvoiceNumberTaken(Problem):
    """The supplier already has an invoice with this number that stands, in the same year."""

    status = 409
    title_fr = "Le fournisseur a déjà une facture en vigueur portant ce numéro, la même année."
    cure = "Give another number. Signs, spaces, case and zeros in front do not count."
    cure_fr = "Donnez un autre numéro. Les signes, les espaces, la casse et les zéros en tête ne comptent pas."


class SupplierSirenMissing(Problem):
    """The SIREN of the member is not known, and an invoice needs it."""

    status = 409
    title_fr = "Le SIREN du membre n'est pas connu, et une facture l'exige."
    cure = "Ask an administrator to add it (PATCH /v1/organisations/{id})."
    cure_fr = "Demandez à un administrateur de l'ajouter (PATCH /v1/organisations/{id})."


class InvoiceOfAnotherFirm(Problem):
    """You can do this only for invoices of your own organisation."""

    status = 403
    title_fr = "Vous ne pouvez le faire que pour les factures de votre organisation."
    cure = "Ask somebody of the member whose days are certified."
    cure_fr = "Demandez à quelqu'un du membre dont les jours sont attestés."


# --- what an invoice comes to ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VatLine:
    """What is taxed at one rate, and its VAT."""

    rate_bp: int
    taxable_cents: int
    vat_cents: int


def vat_of(lines: Iterable[tuple[int, int]]) -> list[VatLine]:
    """VAT by rate of amounts and their rates: on the sum of each rate, rounded half-up once (EN 16931, BR-CO-17)."""
    sums: dict[int, int] = defaultdict(int)
    for amount_cents, rate_bp in lines:
        sums[rate_bp] += amount_cents
    return [
        VatLine(rate, taxable, int((Decimal(taxable) * rate / 10_000).quantize(Decimal(1), ROUND_HALF_UP)))
        for rate, taxable in sorted(sums.items())
    ]


def vat_number(siren: str) -> str:
    """The French VAT number of a firm (*numéro de TVA intracommunautaire*)."""
    return "FR" + str(stdnum_siren.to_tva(siren)).replace(" ", "")


# --- the life of an invoice ------------------------------------------------------------------------------------------


class RecordedInvoiceAct(Protocol):
    """An act as it was recorded."""

    @property
    def number(self) -> int: ...
    @property
    def act(self) -> str: ...
    @property
    def from_state(self) -> str: ...
    @property
    def to_state(self) -> str: ...
    @property
    def effective_on(self) -> date: ...
    @property
    def reverses_number(self) -> int | None: ...
    @property
    def payment_days(self) -> int | None: ...


class InvoiceSituation(NamedTuple):
    """What stands on the row of an invoice: it follows from the acts, and `rebond check` computes it again."""

    state: InvoiceState
    received_on: date | None
    due_on: date | None
    paid_on: date | None


@dataclass(frozen=True)
class InvoiceLife:
    """What the acts come to. `standing` are those that count: neither an act that was reversed nor its reversal."""

    kind: InvoiceKind
    service_on: date
    standing: tuple[RecordedInvoiceAct, ...]

    @property
    def last(self) -> RecordedInvoiceAct | None:
        """The last act, which the next one is not before; None where there is none."""
        return self.standing[-1] if self.standing else None

    @property
    def state(self) -> InvoiceState:
        return InvoiceState(self.last.to_state) if self.last is not None else S.ISSUED

    @property
    def situation(self) -> InvoiceSituation:
        paid = self.last if self.state is S.PAID else None
        return InvoiceSituation(
            self.state,
            next((done.effective_on for done in self.standing if done.act == A.MAKE_AVAILABLE), None),
            self._due_on() if self.kind is InvoiceKind.INVOICE else None,
            paid.effective_on if paid is not None else None,
        )

    def _due_on(self) -> date | None:
        """The last day to pay: so many days from the later of the receipt and the service done (CCP, art. R. 2192-12
        to R. 2192-17). The first suspension stops the delay unless it is over; once all is there, thirty days run
        anew, or what was left where that is more (art. R. 2192-27 and R. 2192-29); less where it was less at first.
        """
        due_on, days, stopped_on, stopped = None, 0, None, False
        for done in self.standing:
            if done.act == A.MAKE_AVAILABLE:
                days = done.payment_days or 0
                due_on = max(done.effective_on, self.service_on) + timedelta(days=days)
            elif done.act == A.SUSPEND and due_on is not None:
                if not stopped and done.effective_on <= due_on:
                    stopped, stopped_on = True, done.effective_on
            elif done.act == A.COMPLETE and stopped_on is not None and due_on is not None:
                left = (due_on - max(stopped_on, self.service_on)).days
                anew = timedelta(days=max(min(days, ANEW_DAYS), left))
                due_on, stopped_on = max(done.effective_on, self.service_on) + anew, None
        return due_on if stopped_on is None else None


ANEW_DAYS = 30  # art. R. 2192-29


def replay(kind: str, service_on: date, passages: Sequence[RecordedInvoiceAct]) -> InvoiceLife:
    """What these acts of an invoice, in the order in which they were recorded, come to."""
    reversed_numbers = {done.reverses_number for done in passages}
    standing = tuple(done for done in passages if done.act != A.REVERSE and done.number not in reversed_numbers)
    return InvoiceLife(InvoiceKind(kind), service_on, standing)


def check_invoice_act(life: InvoiceLife, act: InvoiceAct, on: date, issued_on: date) -> InvoiceState:
    """The state after an act of this day. Raises `invoice-transition`, `invoice-act-out-of-order` (409)."""
    sources, to = TRANSITIONS[act]
    if life.state not in sources:
        raise InvoiceTransition(current=life.state, action=act, needed=list(sources))
    after_on = life.last.effective_on if life.last is not None else issued_on
    if on < after_on:
        raise InvoiceActOutOfOrder(after_on=after_on.isoformat())
    return to


def check_issued(issued_on: date, earliest_on: date) -> None:
    """An invoice is not older than what it is about. Raises `issued_too_early` (422)."""
    if issued_on < earliest_on:
        raise ValidationFailed(errors=[ISSUED_TOO_EARLY.at("/issued_on", earliest_on=earliest_on.isoformat())])


def check_certificates(certificates: Sequence[Any]) -> InvoiceKind:
    """What certificates make: an invoice, or of counter-certificates a credit note.

    Raises `certificates_differ`, `certificate_kinds_differ` (422).
    """
    first, *others = certificates
    for number, other in enumerate(others, 1):
        pointer = f"/certificate_ids/{number}"
        if (other.mission_id, other.organisation_id) != (first.mission_id, first.organisation_id):
            raise ValidationFailed(errors=[CERTIFICATES_DIFFER.at(pointer)])
        if (other.cancels_id is None) != (first.cancels_id is None):
            raise ValidationFailed(errors=[CERTIFICATE_KINDS_DIFFER.at(pointer)])
    return InvoiceKind.INVOICE if first.cancels_id is None else InvoiceKind.CREDIT_NOTE
