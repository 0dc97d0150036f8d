"""What late interest asks of the legal rates. No session, no await."""

from app.core.problems import Problem


class LegalRateMissing(Problem):
    """The legal rate of a half-year on which late interest runs is not recorded."""

    status = 409
    title_fr = "Le taux de l'intérêt légal d'un semestre où courent des intérêts de retard n'est pas enregistré."
    detail = "No rate is known for {on}."
    detail_fr = "Aucun taux n'est connu pour le {on}."
    cure = "Ask the programme team to record the rate of that half-year (`POST /v1/legal-rates`)."
    cure_fr = "Demandez à l'équipe du programme d'enregistrer le taux de ce semestre (`POST /v1/legal-rates`)."
