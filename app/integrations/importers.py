"""What may be imported: each domain declares its importer, this is their list."""

from app.core.importing import Importer
from app.firms.importer import FIRMS
from app.programme.importer import PERIMETER

IMPORTERS: dict[str, Importer] = {each.kind: each for each in (FIRMS, PERIMETER)}
