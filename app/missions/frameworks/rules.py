"""What a framework refuses. No session, no await."""

from app.core.faults import Fault
from app.core.problems import Problem

AMOUNT_MISSING = Fault(
    "amount_missing",
    en="Give the amount of the order (amount_cents): its framework has a maximum in euros.",
    fr="Donnez le montant de la commande (amount_cents) : son accord-cadre a un maximum en euros.",
)
AMOUNT_WITHOUT_FRAMEWORK = Fault(
    "amount_without_framework",
    en="An amount can be given only with a framework (framework_id).",
    fr="Un montant ne peut être donné qu'avec un accord-cadre (framework_id).",
)
REPEATED_HOLDER = Fault(
    "repeated_holder",
    en="A firm can appear only once among the holders.",
    fr="Une entreprise ne peut figurer qu'une fois parmi les titulaires.",
)
ONE_LEAD = Fault(
    "one_lead",
    en="Exactly one of the holders must be the lead firm (role lead).",
    fr="Un titulaire, et un seul, doit être le mandataire (rôle lead).",
)
REPEATED_PROFILE = Fault(
    "repeated_profile",
    en="A profile can have only one unit price.",
    fr="Un profil ne peut avoir qu'un prix unitaire.",
)


class FrameworkExhausted(Problem):
    """The framework does not have enough left for this order."""

    status = 409
    title_fr = "Il ne reste pas assez à l'accord-cadre pour cette commande."
    cure = (
        "Order less, take as much away from another order by an amendment of that day or earlier, or raise the maximum"
        " of the framework (max_days, max_amount_cents)."
    )
    cure_fr = (
        "Commandez moins, retirez autant à une autre commande par un avenant de cette date ou d'avant, ou relevez le"
        " maximum de l'accord-cadre (max_days, max_amount_cents)."
    )

    @classmethod
    def in_days(cls, days_requested: object, days_left: object) -> "FrameworkExhausted":
        """The refusal where the maximum of days would be exceeded."""
        problem = cls(days_requested=days_requested, days_left=days_left)
        problem.detail = "{days_requested} days are requested, {days_left} are left."
        problem.detail_fr = "{days_requested} jours sont demandés, il en reste {days_left}."
        return problem

    @classmethod
    def in_cents(cls, requested_cents: int, available_cents: int) -> "FrameworkExhausted":
        """The refusal where the maximum amount would be exceeded."""
        problem = cls(requested_cents=requested_cents, available_cents=available_cents)
        problem.detail = "{requested_cents} are requested, {available_cents} are available."
        problem.detail_fr = "{requested_cents} sont demandés, {available_cents} sont disponibles."
        return problem


class FrameworkBelowOrdered(Problem):
    """More has been ordered than this maximum."""

    status = 409
    title_fr = "Il a été commandé plus que ce maximum."
    detail = "At most {days_ordered} days and {ordered_cents} were ordered at the end of a day."
    detail_fr = "Au plus {days_ordered} jours et {ordered_cents} étaient commandés à la fin d'un jour."
    cure = "Give at least these as max_days and max_amount_cents."
    cure_fr = "Donnez au moins ces valeurs comme max_days et max_amount_cents."


class FrameworkAmountsMissing(Problem):
    """Some orders of this framework state no amount, so it cannot have a maximum in euros."""

    status = 409
    title_fr = (
        "Des commandes de cet accord-cadre n'indiquent pas de montant : il ne peut pas avoir de maximum en euros."
    )
    detail = "{orders} orders state none."
    detail_fr = "{orders} commandes n'en indiquent pas."
    cure = "Leave max_amount_cents null; limit this framework by max_days."
    cure_fr = "Laissez max_amount_cents à null ; limitez cet accord-cadre par max_days."


class OrderOutsideFramework(Problem):
    """An order would be signed outside the days of its framework."""

    status = 409
    title_fr = "Une commande serait signée hors des dates de son accord-cadre."
    detail = "The framework runs from {from_on} to {to_on}; its orders are signed from {signed_from} to {signed_to}."
    detail_fr = (
        "L'accord-cadre va du {from_on} au {to_on} ; ses commandes sont signées du {signed_from} au {signed_to}."
    )
    cure = "Sign the order within these days, or let from_on and to_on of the framework include its orders."
    cure_fr = (
        "Signez la commande à l'intérieur de ces dates, ou faites que from_on et to_on de l'accord-cadre couvrent ses"
        " commandes."
    )


class OrderFrameworkDiffers(Problem):
    """An amendment counts in the framework of the initial order, not in another one."""

    status = 409
    title_fr = "Un avenant compte dans l'accord-cadre du bon de commande initial, et dans aucun autre."
    cure = "Leave framework_id out; for days under another framework, make another mission."
    cure_fr = "N'indiquez pas framework_id ; pour des jours d'un autre accord-cadre, créez une autre mission."


class OrderAmountBelowZero(Problem):
    """The orders of the mission would come to less than zero euros."""

    status = 409
    title_fr = "Les commandes de la mission feraient moins de zéro euro."
    cure = "Take away a smaller amount."
    cure_fr = "Retirez un montant plus petit."


class FrameworkParametersOverlap(Problem):
    """The framework already has a value of this parameter on some of these days."""

    status = 409
    title_fr = "L'accord-cadre a déjà une valeur pour ce paramètre à certaines de ces dates."
    cure = "End the other value first (`valid_until_on`), or give days on which there is none."
    cure_fr = "Terminez d'abord l'autre valeur (`valid_until_on`), ou donnez des dates qui n'en ont pas."


class FrameworkParameterInUse(Problem):
    """This value has begun: deliverables and reports may rest on it."""

    status = 409
    title_fr = "Cette valeur est en vigueur ou l'a été : des livrables et des comptes rendus peuvent reposer sur elle."
    cure = "End it today or later (`valid_until_on`), and record another value from the next day on."
    cure_fr = (
        "Terminez-la aujourd'hui ou plus tard (`valid_until_on`), et enregistrez une autre valeur dès le lendemain."
    )
