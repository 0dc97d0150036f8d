"""Faults of an award that is recorded by hand. No session, no await."""

from app.core.faults import Fault

SCHEME_WITH_BASE = Fault(
    "scheme_with_base",
    en="scheme and base_cents must be given together, and lines only with them.",
    fr="scheme et base_cents doivent être donnés ensemble, et lines seulement avec eux.",
)
SAID_BY_THE_FILE = Fault(
    "said_by_the_file",
    en="Must be absent: the aid file in application_id says it.",
    fr="Doit être absent : le dossier désigné par application_id le dit.",
)
LINES_DIFFER_FROM_BASE = Fault(
    "lines_differ_from_base",
    en="The lines come to {lines_cents}, and must come to the base of {base_cents}.",
    fr="Les lignes font {lines_cents}, et doivent faire l'assiette de {base_cents}.",
)
