"""What can be imported, told to people: the columns of each kind, and a template to fill in.

All of it is read off the `Importer`s and the schemas that hold their lines, so that nothing can say something else.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, in_words
from app.integrations.imports.importers import IMPORTERS

# What people call the objects of each kind, in English as its code says: the sheet of its template.
CALLED = {
    "organisations": "Organismes", "persons": "Personnes", "firms": "Entreprises", "sites": "Établissements",
    "legal_rates": "Taux légaux", "refinancing_rates": "Taux de refinancement", "perimeter": "Périmètre",
    "firm_stages": "Étapes des entreprises", "contacts": "Contacts", "auditions": "Auditions", "projects": "Projets",
    "committees": "Comités", "time_entries": "Temps passés", "invoice_statuses": "Statuts de factures",
    "contributions": "Contributions", "grants": "Subventions", "advances": "Avances", "claim_lines": "Factures",
    "grant_payments": "Versements de subventions", "advance_tranches": "Versements d'avances",
    "receipts": "Encaissements", "members": "Membres",
}  # fmt: skip
TEMPLATE_ROWS = 1000  # lines of a template that have formats and lists to choose from
WORDS = {
    "en": {
        "notes": "Notes", "column": "Column", "required": "Required", "accepts": "Accepts", "values": "Values",
        "example": "Example", "headings": "Other headings", "yes": "yes", "no": "no",
        "how": "One line each. Yellow columns are required; leave empty what is not known, columns that are not needed"
        " may go. Send the file as it is: if something is wrong, you get a copy that says what, line by line.",
    },
    "fr": {
        "notes": "Notice", "column": "Colonne", "required": "Obligatoire", "accepts": "Accepte", "values": "Valeurs",
        "example": "Exemple", "headings": "Autres titres", "yes": "oui", "no": "non",
        "how": "Une ligne par objet. Les colonnes jaunes sont obligatoires ; laissez vide ce qui n'est pas connu, les"
        " colonnes inutiles peuvent être supprimées. Envoyez le fichier tel quel : si quelque chose ne va pas, une"
        " copie dit quoi, ligne par ligne.",
    },
}  # fmt: skip


def described() -> list[dict[str, Any]]:
    """Every kind that is read from a table, with its columns."""
    return [describe(importer) for importer in IMPORTERS.values() if not importer.xml]


def describe(importer: Importer) -> dict[str, Any]:
    """One kind: who may send it, to which address, and its columns in order."""
    codes = _codes(importer)
    return {
        "kind": importer.kind,
        "national": importer.national,
        "permission": importer.permission,
        "columns": [_column(column, codes) for column in importer.columns],
    }


def _column(column: Heading, codes: Mapping[str, list[str]]) -> dict[str, Any]:
    read = column.read
    return {
        "field": column.field,
        "label": column.label("en"),
        "label_fr": column.label("fr"),
        "headings": column.accepted,
        "given_name_headings": list(column.given_name),
        "hours_headings": list(column.hours),
        "required": column.required,
        "unless": column.unless or None,
        "accepts": read.accepts.en,
        "accepts_fr": read.accepts.fr,
        "values": [
            {"code": code, "label": in_words(code) if read.labels else code, "label_fr": _french(read.labels, code)}
            for code in codes.get(column.field, [])
        ],
        "example": read.examples[0] or None,
        "example_fr": read.examples[1] or None,
    }


def _french(labels: Mapping[str, str], code: str) -> str:
    return next((label for label, known in labels.items() if known == code), in_words(code) if labels else code)


def _codes(importer: Importer) -> dict[str, list[str]]:
    """The codes that the schema takes in each column, or that the labels of a column stand for."""
    document = importer.schema.model_json_schema()
    codes: dict[str, list[str]] = {}
    for column in importer.columns:
        node: Any = document
        for part in column.field.split("."):
            node = _property(document, node, part)
        known = next((each["enum"] for each in _inside(document, node) if "enum" in each), None)
        codes[column.field] = [str(code) for code in known or dict.fromkeys(column.read.labels.values())]
    return codes


def _property(document: dict[str, Any], node: Any, name: str) -> Any:
    return next(
        (each["properties"][name] for each in _inside(document, node) if name in each.get("properties", ())), {}
    )


def _inside(document: dict[str, Any], node: Any) -> Iterator[dict[str, Any]]:
    """A schema, and what it refers to, chooses from or is a list of."""
    if "$ref" in node:
        node = document["$defs"][node["$ref"].rpartition("/")[2]]
    yield node
    for other in [*node.get("anyOf", ()), *node.get("allOf", ()), *([node["items"]] if "items" in node else ())]:
        yield from _inside(document, other)


def as_text(importer: Importer, language: str) -> str:
    """The columns of a kind for a terminal or a page."""
    words = WORDS[language]
    lines = []
    for column in describe(importer)["columns"]:
        french = language == "fr"
        required = f" ({words['required'].lower()})" if column["required"] else ""
        lines.append(
            f"{column['label_fr' if french else 'label']}{required}: {column['accepts_fr' if french else 'accepts']}"
        )
        if values := [value["label_fr" if french else "label"] for value in column["values"]]:
            lines.append(f"    {words['values']}: {', '.join(values)}")
        lines.append(f"    {words['headings']}: {', '.join(column['headings'])}")
    return "\n".join(lines)


# --- templates -------------------------------------------------------------------------------------------------------


def template_columns(importer: Importer) -> list[Heading]:
    """The columns that people fill in: not those of our own exports alone, which have ids and lists of objects."""
    return [column for column in importer.columns if column.required or (column.names and not column.read.listed)]


def csv_template(importer: Importer, language: str) -> bytes:
    """The headings as CSV, with semicolons and the mark of UTF-8 in French, as a French Excel reads it."""
    out = io.StringIO(newline="")
    columns = [column.label(language) for column in template_columns(importer)]
    csv.writer(out, delimiter=";" if language == "fr" else ",").writerow(columns)
    return out.getvalue().encode("utf-8-sig" if language == "fr" else "utf-8")


_TEXT = (cells.siren, cells.siret, cells.commune, cells.digits, cells.naf, cells.plain)


def xlsx_template(importer: Importer, language: str) -> bytes:
    """A workbook with the headings, lists of the values that a column takes, and a sheet of notes."""
    out = io.BytesIO()
    columns = template_columns(importer)
    told = {column["field"]: column for column in describe(importer)["columns"]}
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet(CALLED[importer.kind] if language == "fr" else in_words(importer.kind))
        notes = book.add_worksheet(WORDS[language]["notes"])
        formats = {
            "text": book.add_format({"num_format": "@"}), "day": book.add_format({"num_format": "dd/mm/yyyy"}),
            "amount": book.add_format({"num_format": "#,##0.00"}), "other": None,
        }  # fmt: skip
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        needed = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#FFF2CC"})
        for place, column in enumerate(columns):
            label = column.label(language)
            sheet.write_string(0, place, label, needed if column.required else bold)
            sheet.set_column(place, place, max(14, min(len(label) + 2, 40)), formats[_format(column)])
            _validate(sheet, place, column, told[column.field], language)
        sheet.freeze_panes(1, 0)
        _write_notes(notes, columns, told, language, bold)
    return out.getvalue()


def _format(column: Heading) -> str:
    if column.read.accepts is cells.day.accepts:
        return "day"
    if column.read.accepts is cells.cents.accepts:
        return "amount"
    return "text" if any(column.read.accepts is each.accepts for each in _TEXT) else "other"


def _validate(sheet: Worksheet, place: int, column: Heading, told: Mapping[str, Any], language: str) -> None:
    """A list to choose from, or days alone; what may hold several values is not bound to one."""
    labels = [value["label_fr" if language == "fr" else "label"] for value in told["values"]]
    area = (1, place, TEMPLATE_ROWS, place)
    several = column.read.accepts.code == "needs"
    if labels and not several and len(",".join(labels)) <= 255:  # what a spreadsheet takes as a list
        sheet.data_validation(*area, {"validate": "list", "source": labels})
    elif column.read.accepts is cells.truth.accepts:
        words = WORDS[language]
        sheet.data_validation(*area, {"validate": "list", "source": [words["yes"], words["no"]]})


def _write_notes(sheet: Worksheet, columns: list[Heading], told: Mapping[str, Any], language: str, bold: Any) -> None:
    words, suffix = WORDS[language], "_fr" if language == "fr" else ""
    names = ("column", "required", "accepts", "values", "example", "headings")
    for place, name in enumerate(names):
        sheet.write_string(0, place, words[name], bold)
    for row, column in enumerate(columns, start=1):
        said = told[column.field]
        values = ", ".join(value["label" + suffix] for value in said["values"])
        required = words["yes" if column.required else "no"]
        other = ", ".join(heading for heading in said["headings"] if heading != column.label(language))
        texts = (
            column.label(language),
            required,
            said["accepts" + suffix],
            values,
            said["example" + suffix] or "",
            other,
        )
        for place, text in enumerate(texts):
            sheet.write_string(row, place, text)
    sheet.write_string(len(columns) + 2, 0, words["how"])
    for place, width in enumerate((28, 12, 44, 60, 24, 60)):
        sheet.set_column(place, place, width)


# --- the page --------------------------------------------------------------------------------------------------------

_PAGE = """# Columns of imports
What `GET /v1/imports/kinds` tells, for reading; `python -m app.integrations.imports.kinds` writes this page, and a
test holds it to that. `rebond import --columns KIND` tells one kind, and a file to fill in is at
`GET /v1/imports/kinds/{kind}/template?format=xlsx`. Headings match without accents, case, spaces and signs. How cells
are written: [importing](importing.md).
"""


def page() -> str:
    """The columns of all kinds as a page of Markdown."""
    lines = [_PAGE]
    for kind in described():
        where = "/v1/imports" if kind["national"] else "T/imports"
        lines += [f"## `{kind['kind']}`", f"Sent to `{where}`, with the permission `{kind['permission']}`.", ""]
        lines += ["| French | English | | accepts | other headings |", "|---|---|---|---|---|"]
        for column in kind["columns"]:
            values = ", ".join(value["label_fr"] for value in column["values"])
            accepts = column["accepts"] + (f": {values}" if values else "")
            shown = (column["label_fr"], column["label"])
            others = ", ".join(f"`{each}`" for each in column["headings"] if each not in shown)
            needed = "required" if column["required"] else ""
            needed += f", unless `{column['unless']}`" if column["unless"] else ""
            row = (*shown, needed, accepts, others)
            lines.append(" ".join(["|", *(f"{text.replace('|', chr(92) + '|')} |" for text in row)]))
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    Path("docs/import-columns.md").write_text(page(), encoding="utf-8")
