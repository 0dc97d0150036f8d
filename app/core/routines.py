"""SQL functions that constraints and searches rest on. The migration holds its own copy; a test compares the two."""

from collections.abc import Sequence

from sqlalchemy import DDL, event

from app.core.db import Base

IS_SIREN = """
CREATE FUNCTION is_siren(siren text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN siren ~ '^[0-9]{9}$' AND siren <> '000000000' AND (
    SELECT sum(CASE WHEN place % 2 = 1 THEN digit WHEN digit > 4 THEN 2 * digit - 9 ELSE 2 * digit END) % 10
    FROM (
        SELECT place, substr(siren, place, 1)::integer AS digit
        FROM generate_series(1, 9) AS place
        WHERE siren ~ '^[0-9]{9}$'
    ) AS digits
) = 0
"""

ARE_SIREN = """
CREATE FUNCTION is_siren(sirens text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT bool_and(siren IS NOT NULL AND is_siren(siren)) FROM unnest(sirens) AS siren)
"""

FOLD = """
CREATE FUNCTION fold(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN lower(regexp_replace(
    normalize(replace(replace(replace(replace(name, 'œ', 'oe'), 'Œ', 'oe'), 'æ', 'ae'), 'Æ', 'ae'), NFD),
    E'[\\u0300-\\u036F]', '', 'g'
))
"""

IS_SIRET = """
CREATE FUNCTION is_siret(siret text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN siret ~ '^[0-9]{14}$' AND is_siren(substr(siret, 1, 9)) AND (
    SELECT sum(CASE WHEN place % 2 = 0 THEN digit WHEN digit > 4 THEN 2 * digit - 9 ELSE 2 * digit END) % 10 = 0
        OR (siret ~ '^356000000' AND sum(digit) % 5 = 0)
    FROM (
        SELECT place, substr(siret, place, 1)::integer AS digit
        FROM generate_series(1, 14) AS place
        WHERE siret ~ '^[0-9]{14}$'
    ) AS digits
)
"""

# The words of texts, each once, without accents or case; what is between two words belongs to neither.
SEARCH_WORDS = """
CREATE FUNCTION search_words(texts text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(array_remove(
    regexp_split_to_array(fold(array_to_string(texts, ' ')), '[^[:alnum:]]+'), ''
))
"""

# Every word asked for begins one of the object's words. Built as text whose words hold nothing but letters and digits,
# so that no input is a syntax error. NULL, which finds nothing, where there is no word.
SEARCH_QUERY = """
CREATE FUNCTION search_query(asked text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT string_agg(concat(word, ':*'), '&')
    FROM unnest(regexp_split_to_array(fold(asked), '[^[:alnum:]]+')) AS word WHERE word <> ''
)::tsquery
"""

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END
$$
"""

UUIDRANGE = "CREATE TYPE uuidrange AS RANGE (subtype = uuid)"
TEXTRANGE = "CREATE TYPE textrange AS RANGE (subtype = text)"

for _statement in (
    IS_SIREN, ARE_SIREN, FOLD, IS_SIRET, SEARCH_WORDS, SEARCH_QUERY, REFUSE_CHANGE, UUIDRANGE, TEXTRANGE,
):  # fmt: skip
    event.listen(Base.metadata, "before_create", DDL(_statement.replace("%", "%%")))


def append_only(table: str, refused: str = "UPDATE OR DELETE OR TRUNCATE") -> str:
    """The trigger that keeps rows of `table` as they were written, or refuses the statements named."""
    return f"CREATE TRIGGER append_only BEFORE {refused} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"


def keep(table: type[Base]) -> None:
    """Keep the rows of a table as they were written: said beside its model, a trigger refuses every change."""
    event.listen(table.__table__, "after_create", DDL(append_only(table.__tablename__)))


def seal(table: type[Base], problem: str, columns: Sequence[str], rests: str) -> None:
    """Keep what a sealed act rests on: said beside a model, a trigger refuses to change these columns of a row, or to
    delete it, where `rests` holds: a condition in SQL over OLD and NEW, which is all NULL for a deletion.

    The row is held against who refers to it before the condition looks, and each query of it looks anew: an act that
    locks the row, be it by a foreign key, is waited for and seen. `problem` is what the refusal becomes.
    """
    name = table.__tablename__
    event.listen(table.__table__, "after_create", DDL(sealed_by(name, problem, rests).replace("%", "%%")))
    event.listen(table.__table__, "after_create", DDL(seal_of(name, problem, columns)))


def sealed_by(table: str, problem: str, rests: str) -> str:
    """The function of a seal."""
    return f"""
CREATE FUNCTION {problem}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rests boolean;
BEGIN
    PERFORM FROM {table} WHERE ctid = OLD.ctid FOR UPDATE;
    rests := {rests.strip()};
    IF rests THEN
        RAISE EXCEPTION 'a sealed act rests on this row'
            USING ERRCODE = 'check_violation', CONSTRAINT = '{problem}';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""


def seal_of(table: str, problem: str, columns: Sequence[str]) -> str:
    """The trigger of a seal."""
    return (
        f"CREATE TRIGGER {problem} BEFORE UPDATE OF {', '.join(columns)} OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {problem}()"
    )
