"""The faults of fields that every domain shares: what a type, a bound or a reference can refuse."""

from app.core.faults import Fault

INVALID = Fault("invalid", en="The value is not valid.", fr="La valeur n'est pas valide.")
REQUIRED = Fault("required", en="This field is required.", fr="Ce champ est obligatoire.")
CHANGED_ELSEWHERE = Fault(
    "changed_elsewhere",
    en="Another call changes this field: {calls}.",
    fr="Ce champ se change par un autre appel : {calls}.",
)
UNKNOWN_FIELD = Fault("unknown_field", en="This field does not exist here.", fr="Ce champ n'existe pas ici.")
UNEXPECTED_BODY = Fault("unexpected_body", en="This action takes no body.", fr="Cette action ne prend pas de corps.")
UNKNOWN_PARAMETER = Fault(
    "unknown_parameter", en="This parameter does not exist here.", fr="Ce paramètre n'existe pas ici."
)
REPEATED_PARAMETER = Fault(
    "repeated_parameter",
    en="This parameter can be given only once.",
    fr="Ce paramètre ne peut être donné qu'une fois.",
)
NOT_FOUND = Fault(
    "not_found",
    en="The object does not exist, or you are not allowed to see it.",
    fr="L'objet n'existe pas, ou vous n'avez pas le droit de le voir.",
)
DUPLICATE = Fault("duplicate", en="Another object already has this value.", fr="Un autre objet a déjà cette valeur.")

NOT_AN_INTEGER = Fault("not_an_integer", en="Must be a whole number.", fr="Doit être un nombre entier.")
NOT_A_NUMBER = Fault("not_a_number", en="Must be a number.", fr="Doit être un nombre.")
NOT_TEXT = Fault("not_text", en="Must be text.", fr="Doit être un texte.")
NOT_A_BOOLEAN = Fault("not_a_boolean", en="Must be true or false.", fr="Doit être true ou false.")
NOT_A_LIST = Fault("not_a_list", en="Must be a list.", fr="Doit être une liste.")
NOT_AN_OBJECT = Fault("not_an_object", en="Must be an object.", fr="Doit être un objet.")
NOT_ONE_OF = Fault("not_one_of", en="Must be one of: {expected}.", fr="Doit être l'une de ces valeurs : {expected}.")
WRONG_FORM = Fault(
    "wrong_form",
    en="The value does not have the expected format.",
    fr="La valeur n'a pas le format attendu.",
)

TOO_SMALL = Fault("too_small", en="Must be at least {minimum}.", fr="Doit être au moins {minimum}.")
TOO_LARGE = Fault("too_large", en="Must be at most {maximum}.", fr="Doit être au plus {maximum}.")
SUM_TOO_LARGE = Fault(
    "sum_too_large",
    en="The sum of the amounts must be at most {maximum_cents}.",
    fr="La somme des montants doit être au plus de {maximum_cents}.",
)
TOO_SHORT = Fault(
    "too_short",
    en="The text is too short. Minimum length in characters: {minimum}.",
    fr="Le texte est trop court. Longueur minimale en caractères : {minimum}.",
)
TOO_LONG = Fault(
    "too_long",
    en="The text is too long. Maximum length in characters: {maximum}.",
    fr="Le texte est trop long. Longueur maximale en caractères : {maximum}.",
)
TOO_FEW_ITEMS = Fault(
    "too_few_items",
    en="The list is too short. Minimum number of items: {minimum}.",
    fr="La liste est trop courte. Nombre minimal d'éléments : {minimum}.",
)
TOO_MANY_ITEMS = Fault(
    "too_many_items",
    en="The list is too long. Maximum number of items: {maximum}.",
    fr="La liste est trop longue. Nombre maximal d'éléments : {maximum}.",
)

FORBIDDEN_CHARACTER = Fault(
    "forbidden_character",
    en="The text contains a control character or an invisible character; remove it.",
    fr="Le texte contient un caractère de contrôle ou invisible ; retirez-le.",
)
PERIOD_REVERSED = Fault(
    "period_reversed", en="The end must not be before the start.", fr="La fin ne doit pas précéder le début."
)
FUTURE_DAY = Fault(
    "future_day",
    en="The day must not be in the future (Paris time).",
    fr="Le jour ne doit pas être dans le futur (heure de Paris).",
)
PAST_DAY = Fault(
    "past_day",
    en="The day must not be in the past (Paris time).",
    fr="Le jour ne doit pas être dans le passé (heure de Paris).",
)
