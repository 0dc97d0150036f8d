"""The list of what can be imported. Each domain declares its importer."""

import app.integrations.headings  # noqa: F401  # the words by which a column is recognised
from app.access.importer import MEMBERS
from app.auditions.importer import AUDITIONS
from app.awards.claims.importer import CLAIM_LINES
from app.core.writing.importing import Importer
from app.engineering.entries.importer import TIME_ENTRIES_FILE
from app.engineering.invoices.importer import INVOICE_STATUSES
from app.firms.contacts.importer import CONTACTS
from app.firms.importer import FIRMS, SITES
from app.programme.importer import PERIMETER
from app.projects.importer import PROJECTS
from app.treasury.statements.importer import STATEMENTS

_ALL = (
    FIRMS,
    SITES,
    PERIMETER,
    CONTACTS,
    AUDITIONS,
    PROJECTS,
    TIME_ENTRIES_FILE,
    INVOICE_STATUSES,
    CLAIM_LINES,
    STATEMENTS,
    MEMBERS,
)
IMPORTERS: dict[str, Importer] = {each.kind: each for each in _ALL}
