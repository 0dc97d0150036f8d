"""The list of what can be imported. Each domain declares its importer."""

import app.integrations.headings  # noqa: F401  # the words by which a column is recognised
from app.access.importer import ORGANISATIONS_FILE, PERSONS_FILE
from app.access.members_importer import MEMBERS
from app.advances.legal_rates.importer import LEGAL_RATES_FILE
from app.advances.receipts.importer import RECEIPTS_FILE
from app.advances.tranches.importer import ADVANCE_TRANCHES_FILE
from app.applications.awards.importer import ADVANCES_FILE, GRANTS_FILE
from app.auditions.importer import AUDITIONS
from app.awards.claims.importer import CLAIM_LINES
from app.committees.importer import COMMITTEES_FILE
from app.core.writing.importing import Importer
from app.engineering.entries.importer import TIME_ENTRIES_FILE
from app.engineering.invoices.importer import INVOICE_STATUSES
from app.engineering.invoices.rates.importer import REFINANCING_RATES_FILE
from app.envelopes.importer import CONTRIBUTIONS_FILE
from app.firms.contacts.importer import CONTACTS
from app.firms.importer import FIRMS, SITES
from app.firms.stage_importer import FIRM_STAGES
from app.grants.payments.importer import GRANT_PAYMENTS_FILE
from app.programme.importer import PERIMETER
from app.projects.importer import PROJECTS
from app.treasury.statements.importer import STATEMENTS

_ALL = (
    ORGANISATIONS_FILE,
    PERSONS_FILE,
    FIRMS,
    SITES,
    LEGAL_RATES_FILE,
    REFINANCING_RATES_FILE,
    PERIMETER,
    FIRM_STAGES,
    CONTACTS,
    AUDITIONS,
    PROJECTS,
    COMMITTEES_FILE,
    TIME_ENTRIES_FILE,
    INVOICE_STATUSES,
    CONTRIBUTIONS_FILE,
    GRANTS_FILE,
    ADVANCES_FILE,
    CLAIM_LINES,
    GRANT_PAYMENTS_FILE,
    ADVANCE_TRANCHES_FILE,
    RECEIPTS_FILE,
    STATEMENTS,
    MEMBERS,
)
IMPORTERS: dict[str, Importer] = {each.kind: each for each in _ALL}
