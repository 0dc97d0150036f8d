"""All tables, in the order of the house; what migrations are compared with."""

from app.access import models as access
from app.advances import models as advances
from app.auditions import models as auditions
from app.committees import models as committees
from app.core import installation as secrets
from app.core import routines
from app.core.db import Base
from app.core.writing import events, idempotency
from app.engineering.entries import models as engineering
from app.envelopes import models as envelopes
from app.firms import models as firms
from app.firms.contacts import models as contacts
from app.grants import models as grants
from app.integrations import models as integrations
from app.missions import models as missions
from app.programme import models as programme
from app.projects import models as projects
from app.roadmap import models as roadmap

DOMAINS = (
    secrets, idempotency, events, access, programme, committees, missions, firms, contacts, auditions, projects,
    roadmap, engineering, envelopes, grants, advances, integrations,
)  # fmt: skip

for _table in (
    "events", "firm_stage_changes", "firm_seats", "orders", "late_entry_leaves", "allotments", "threshold_crossings",
    "service_certificates", "service_certificate_lines", "service_certificate_remarks", "ledger_entries",
):  # fmt: skip
    routines.keep(_table)

metadata = Base.metadata
