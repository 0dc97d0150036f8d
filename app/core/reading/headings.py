"""What the columns of a table are called for people: in English by their names, in French by words that domains bring.

A column is called by the segments of its name; `approved_by_name` is «Approuvé par» where `approved` is «Approuvé».
"""

FRENCH: dict[str, str] = {}  # a segment, or what stands before an ending → its words

# ending → how a segment that has it is called, in English and French
_ENDINGS = (
    ("_by_name", "{} by", "{} par"),
    ("_by_id", "{} by (id)", "{} par (id)"),
    ("_by", "{} by (id)", "{} par (id)"),
    ("_ids", "{} (ids)", "{} (ids)"),
    ("_id", "{} (id)", "{} (id)"),
    ("_name", "{} name", "{}"),
    ("_names", "{} (names)", "{} (noms)"),
    ("_at", "{} at (UTC)", "{} à (UTC)"),
    ("_on", "{} on", "{} le"),
    ("_eur", "{} (€)", "{} (€)"),
    ("_bp", "{} (basis points)", "{} (points de base)"),
    ("_sha256", "{} (SHA-256)", "{} (SHA-256)"),
    ("_days", "{} (days)", "{} (jours)"),
    ("_months", "{} (months)", "{} (mois)"),
    ("_fte", "{} (FTE)", "{} (ETP)"),
    ("_hash", "{} (hash)", "{} (empreinte)"),
)


def heading(column: str, language: str) -> str:
    """The heading of a column of this name: `terms.first_due_on` is «Terms · First due on»."""
    return " · ".join(_segment(segment, language) for segment in column.split("."))


def _segment(name: str, language: str) -> str:
    french = language == "fr"
    if french and name in FRENCH:
        return FRENCH[name]
    for ending, in_english, in_french in _ENDINGS:
        stem = name.removesuffix(ending)
        if stem not in (name, "") and (not french or stem in FRENCH):
            return (in_french if french else in_english).format(_segment(stem, language))
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def has_words(column: str) -> bool:
    """Whether French has words for every segment of a column."""
    return all(
        segment in FRENCH
        or any(segment.removesuffix(ending) in FRENCH for ending, *_ in _ENDINGS if segment.endswith(ending))
        for segment in column.split(".")
    )
