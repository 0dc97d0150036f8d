"""All tables, in the order of the house; what migrations are compared with."""

from app.access import models as access
from app.access.quotas import models as quotas
from app.advances import models as advances
from app.advances.amendments import models as amendments
from app.advances.arrears import models as arrears
from app.advances.legal_rates import models as legal_rates
from app.advances.proceedings import models as debt_claims
from app.advances.receipts import models as receipts
from app.advances.tranches import models as tranches
from app.applications import models as applications
from app.applications.agendas import models as agendas
from app.applications.decisions import models as decisions
from app.auditions import models as auditions
from app.awards import models as awards
from app.awards.change_requests import models as change_requests
from app.awards.claims import models as claims
from app.awards.commitments import models as commitments
from app.awards.letters import models as letters
from app.awards.overrides import models as overrides
from app.awards.payments import models as award_payments
from app.awards.recoveries import models as recoveries
from app.committees import models as committees
from app.core import installation
from app.core.db import Base
from app.core.writing import events, idempotency
from app.engineering.activity_reports import models as activity_reports
from app.engineering.certificates import models as certificates
from app.engineering.corrections import models as corrections
from app.engineering.deliverables import models as deliverables
from app.engineering.entries import models as entries
from app.engineering.invoices import models as invoices
from app.engineering.invoices.rates import models as refinancing_rates
from app.engineering.planning import models as planning
from app.envelopes import models as envelopes
from app.firms import models as firms
from app.firms.bank_details import models as bank_details
from app.firms.certificates import models as firm_certificates
from app.firms.contacts import models as contacts
from app.grants import models as grants
from app.grants.payments import models as payments
from app.integrations.access_records import models as access_records
from app.integrations.imports import models as integrations
from app.integrations.seals import models as event_seals
from app.missions import models as missions
from app.missions.frameworks import models as frameworks
from app.programme import models as programme
from app.projects import models as projects
from app.roadmap import models as roadmap
from app.schemes import models as schemes
from app.treasury.accounts import models as bank_accounts
from app.treasury.collections import models as collection_runs
from app.treasury.mandates import models as mandates
from app.treasury.runs import models as payment_runs

DOMAINS = (
    installation, idempotency, events, access, quotas, programme, schemes, committees, missions, frameworks, firms,
    contacts, bank_details, firm_certificates, auditions, projects, roadmap, entries, planning, corrections,
    deliverables, activity_reports, certificates, invoices, refinancing_rates, envelopes, awards, claims, overrides,
    award_payments, grants, payments, recoveries, commitments, letters, legal_rates, receipts, advances, tranches,
    amendments, arrears, debt_claims, change_requests, applications, agendas, decisions, integrations, event_seals,
    access_records, bank_accounts, mandates, payment_runs, collection_runs,
)  # fmt: skip

metadata = Base.metadata
