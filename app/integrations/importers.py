"""What may be imported: each domain declares its importer, this is their list."""

from app.auditions.importer import AUDITIONS
from app.core.importing import Importer
from app.firms.contacts.importer import CONTACTS
from app.firms.importer import FIRMS, SITES
from app.programme.importer import PERIMETER
from app.projects.importer import PROJECTS

IMPORTERS: dict[str, Importer] = {each.kind: each for each in (FIRMS, SITES, PERIMETER, CONTACTS, AUDITIONS, PROJECTS)}
