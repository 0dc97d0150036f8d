"""What is refused of mandates. No session, no await."""

from app.core.faults import Fault
from app.core.problems import Problem

INVALID_MANDATE_REFERENCE = Fault(
    "invalid_mandate_reference",
    en="Must be 1 to 35 letters, digits or / ? : ( ) . , + -, without spaces or accents.",
    fr="Doit compter 1 à 35 lettres, chiffres ou / ? : ( ) . , + -, sans espace ni accent.",
)
ENDED_BEFORE_SIGNED = Fault(
    "ended_before_signed",
    en="The mandate cannot end before it was signed.",
    fr="Le mandat ne peut pas prendre fin avant sa signature.",
)


class MandateOpen(Problem):
    """The firm has already given your organisation a mandate that has not ended."""

    status = 409
    title_fr = "L'entreprise a déjà donné à votre organisation un mandat qui n'a pas pris fin."
    cure = "End that mandate first (`…/mandates/{id}/end`)."
    cure_fr = "Mettez d'abord fin à ce mandat (`…/mandates/{id}/end`)."


class MandateAlreadyEnded(Problem):
    """The mandate has already ended."""

    status = 409
    title_fr = "Le mandat a déjà pris fin."
    cure = "Record another mandate where the firm has signed one."
    cure_fr = "Enregistrez un autre mandat si l'entreprise en a signé un."


class MandateAccountUnusable(Problem):
    """A mandate can name only bank details of the firm that are approved."""

    status = 409
    title_fr = "Un mandat ne peut désigner que des coordonnées bancaires approuvées de l'entreprise."
    cure = "Have the bank details approved (`…/bank-details/{id}/approve`), or name those that are."
    cure_fr = (
        "Faites approuver les coordonnées bancaires (`…/bank-details/{id}/approve`), ou désignez celles qui le sont."
    )
