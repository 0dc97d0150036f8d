"""What an organisation's account can be refused for beside what bank details are (firms/bank_details/rules)."""

from app.core.problems import Problem


class BankAccountAlreadyProposed(Problem):
    """Another account with this label is already proposed for the organisation."""

    status = 409
    title_fr = "Un autre compte de ce libellé est déjà proposé pour l'organisation."
    cure = "Withdraw the account that is proposed, have it approved or refused, or choose another label."
    cure_fr = "Retirez le compte qui est proposé, faites-le approuver ou refuser, ou choisissez un autre libellé."
