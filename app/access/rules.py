"""The matrix of roles and permissions, and what a subject's roles permit. No session, no await.

Source: the roles of the programme (État, Banque des territoires, Bpifrance, agglomération, groupement) and the
separation of *ordonnateur* and *comptable* (décret n° 2012-1246, art. 9). The matrix gives the two sides to different
roles; one subject may hold both, so the pairs of acts are kept apart by subject (`duties.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Protocol
from uuid import UUID

from app.core.faults import Fault
from app.core.problems import Problem
from app.core.quotas import Meter, Quota


class Role(StrEnum):
    """A set of permissions that a person or service account holds, in one territory or in all."""

    PROGRAMME = "programme"
    OPERATOR = "operator"
    CONSULTANT = "consultant"
    LEAD = "lead"
    TERRITORY = "territory"
    FUNDER = "funder"
    TREASURER = "treasurer"
    COMMITTEE = "committee"
    AUDITOR = "auditor"
    ADMIN = "admin"


# Who decides, pays or administers: one administrator proposes such a role, another approves it.
BY_TWO = frozenset({Role.PROGRAMME, Role.OPERATOR, Role.LEAD, Role.FUNDER, Role.TREASURER, Role.COMMITTEE, Role.ADMIN})


class MemberStatus(StrEnum):
    """Whether a role is given, or waits for the approval of another administrator. It follows from who approved it."""

    PROPOSED = "proposed"
    GRANTED = "granted"


class SubjectKind(StrEnum):
    """A person, or a program of an organisation. A program never validates, certifies, approves or decides."""

    PERSON = "person"
    SERVICE_ACCOUNT = "service_account"


class PersonRequired(Problem):
    """A person must do this: a service account cannot certify, approve or decide."""

    status = 403
    title_fr = "Une personne doit le faire : un compte de service ne peut ni attester, ni approuver, ni décider."
    cure = "Use the API key of a person."
    cure_fr = "Utilisez la clé d'API d'une personne."


class EmailMissing(Problem):
    """Your e-mail address is not known: without it you can read and enter, but not validate, decide or pay."""

    status = 403
    title_fr = (
        "Votre adresse électronique n'est pas connue : sans elle, vous pouvez lire et saisir, mais ni valider, ni"
        " décider, ni payer."
    )
    cure = "Ask an administrator to add your e-mail address; it takes effect within five seconds."
    cure_fr = "Demandez à un administrateur d'ajouter votre adresse électronique ; elle vaut dans les cinq secondes."


class AdminForPersons(Problem):
    """A program cannot hold the role admin, nor keep it longer than it was told."""

    title_fr = "Un programme ne peut pas avoir le rôle admin, ni le garder plus longtemps qu'annoncé."
    cure = "Give the role to a person."
    cure_fr = "Donnez le rôle à une personne."


class RoleProlonged(Problem):
    """A role that another administrator has approved cannot be made longer."""

    title_fr = "Un rôle approuvé par un autre administrateur ne peut pas être prolongé."
    cure = "Give the role anew from the day after its end; another administrator approves it."
    cure_fr = "Donnez à nouveau le rôle à partir du lendemain de sa fin ; un autre administrateur l'approuve."


BY_A_PERSON: tuple[type[Problem], ...] = (PersonRequired, EmailMissing)  # why `person` refuses


class Acting(Protocol):
    """Who acts: an Actor, or the service itself."""

    @property
    def subject_id(self) -> UUID | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def has_email(self) -> bool: ...


def accountable(actor: Acting) -> UUID:
    """The subject of an act that commits somebody: a program, or a person whom an e-mail address distinguishes.

    Raises `email-missing` (403).
    """
    if actor.subject_id is None:
        raise PersonRequired
    if actor.kind == SubjectKind.PERSON and not actor.has_email:
        raise EmailMissing
    return actor.subject_id


def person(actor: Acting) -> UUID:
    """The person who decides. Raises `person-required` for a program, and `email-missing` (403)."""
    if actor.kind != SubjectKind.PERSON:
        raise PersonRequired
    return accountable(actor)


class Scope(StrEnum):
    """What a key may do of what its subject may: everything, or only read."""

    FULL = "full"
    READ_ONLY = "read_only"


KEY_LASTS = {SubjectKind.PERSON: timedelta(days=90), SubjectKind.SERVICE_ACCOUNT: timedelta(days=400)}  # by default
KEY_LASTS_AT_MOST = timedelta(days=730)
CODE_LASTS = timedelta(hours=72)

KEY_END_OUT_OF_RANGE = Fault(
    "key_end_out_of_range",
    en="A key must end later than now, and within {maximum_days} days.",
    fr="La fin d'une clé doit être à venir, d'ici {maximum_days} jours au plus.",
)
UNKNOWN_PERMISSION = Fault(
    "unknown_permission",
    en="No permission has this name: x-permission of an operation names the one that it needs.",
    fr="Aucune permission ne porte ce nom : x-permission d'une opération nomme celle qu'il lui faut.",
)
INVALID_NETWORK = Fault(
    "invalid_network",
    en="Must be an IP address or a network, such as 192.0.2.0/24 or 2001:db8::/32.",
    fr="Doit être une adresse IP ou un réseau, comme 192.0.2.0/24 ou 2001:db8::/32.",
)

Network = IPv4Network | IPv6Network


def network_of(text: str) -> Network:
    """An address or a network, whose bits beyond its length are zero. ValueError where it is neither."""
    return ip_network(text)


def within(address: IPv4Address | IPv6Address | None, networks: Iterable[Network]) -> bool:
    """Whether the address of a client is in one of the networks; no address is in none."""
    return address is not None and any(address in network for network in networks)


_EVERYONE = frozenset(Role)
_WHOLE_VIEW = frozenset({Role.PROGRAMME, Role.OPERATOR, Role.AUDITOR, Role.ADMIN})  # read everything
_MONEY_VIEW = _WHOLE_VIEW | {Role.TERRITORY, Role.FUNDER, Role.TREASURER}
_TERRITORY_VIEW = _WHOLE_VIEW | {Role.LEAD, Role.TERRITORY, Role.FUNDER, Role.TREASURER}
_REGISTRARS = frozenset({Role.PROGRAMME, Role.OPERATOR, Role.TERRITORY})  # who answers for public facts of firms
_WHO_MEET = frozenset({Role.CONSULTANT, Role.LEAD, Role.TERRITORY})  # who meets the firms

# permission → the roles that hold it. `x:read` is also what decides between 403 and 404 for the other `x:` permissions.
MATRIX: dict[str, frozenset[Role]] = {
    "me:read": _EVERYONE,
    "me:keys": _EVERYONE,  # one's own: a key rotates itself
    "events:read": _TERRITORY_VIEW | {Role.CONSULTANT},  # of what they can GET
    "event_seals:read": _EVERYONE,  # they tell nothing, and are worth something where they are kept elsewhere
    "access_records:read": frozenset({Role.AUDITOR}),  # who read what, also of those who administer
    "organisations:read": _WHOLE_VIEW,
    "organisations:write": frozenset({Role.ADMIN}),
    "members:read": _WHOLE_VIEW,
    "members:write": frozenset({Role.ADMIN}),
    "api_keys:read": _WHOLE_VIEW,  # never their secrets
    "api_keys:write": frozenset({Role.ADMIN}),
    "quotas:read": _EVERYONE,
    "quotas:write": frozenset({Role.PROGRAMME}),  # dated, as the parameters of schemes are
    "lookups:read": _WHOLE_VIEW | _WHO_MEET,  # who must name a person or an organisation
    "programme:read": _EVERYONE,
    "programme:write": frozenset({Role.PROGRAMME}),
    "schemes:read": _EVERYONE,
    "schemes:write": frozenset({Role.PROGRAMME}),
    "firms:read": _EVERYONE,
    "firms:write": _REGISTRARS,
    "firms:register": _REGISTRARS | _WHO_MEET,  # without firms:write, only what is not known yet
    "firm_owners:read": _MONEY_VIEW,  # the name of a sole trader is personal data
    "firm_owners:write": _REGISTRARS,
    "territory_firms:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "territory_firms:write": frozenset({Role.TERRITORY}),
    "territory_firms:identify": _WHO_MEET,  # without territory_firms:write, only a firm that is not followed yet
    "contacts:read": _WHOLE_VIEW | {Role.LEAD, Role.CONSULTANT, Role.TERRITORY, Role.FUNDER},
    "contacts:write": frozenset({Role.TERRITORY}),
    "committees:read": _EVERYONE,
    "committees:write": frozenset({Role.TERRITORY}),
    "committees:close": frozenset({Role.COMMITTEE}),  # who presides says what the record is, not who wrote it
    "auditions:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "auditions:write": _WHO_MEET,
    "audition_notes:read": _WHOLE_VIEW | {Role.LEAD, Role.CONSULTANT, Role.TERRITORY},
    "audition_notes:write": _WHO_MEET,
    "firm_notes:read": _WHOLE_VIEW | {Role.TERRITORY},  # what staff writes about a firm in confidence
    "firm_notes:write": frozenset({Role.TERRITORY}),
    "bank_details:read": _MONEY_VIEW,  # masked
    "bank_details:propose": frozenset({Role.TERRITORY, Role.FUNDER, Role.TREASURER}),
    "bank_details:approve": frozenset({Role.TREASURER}),  # who proposed them does not (duties.py)
    "firm_ibans:read": frozenset({Role.TREASURER}),  # in full; each read is an event
    "bank_accounts:read": _MONEY_VIEW,  # masked; of one's own organisation where no role is national
    "bank_accounts:propose": frozenset({Role.TREASURER}),  # who pays says from where
    "bank_accounts:approve": frozenset({Role.TREASURER}),  # who proposed an account does not (duties.py)
    "firm_certificates:read": _MONEY_VIEW,
    "firm_certificates:write": frozenset({Role.TERRITORY, Role.FUNDER}),
    "missions:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "missions:write": frozenset({Role.OPERATOR}),
    "frameworks:read": _WHOLE_VIEW,  # prices and amounts of all members and territories
    "frameworks:write": frozenset({Role.OPERATOR}),  # who signs the contract and orders under it
    "rates:read": _WHOLE_VIEW | {Role.LEAD, Role.CONSULTANT},
    "rates:write": frozenset({Role.OPERATOR}),
    "plans:read": _WHOLE_VIEW | {Role.LEAD, Role.CONSULTANT},  # who works in which week: who works, orders or audits
    "plans:write": frozenset({Role.LEAD}),  # the lead firm answers for the days of all
    "remaining_days:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "remaining_days:write": frozenset({Role.LEAD}),
    "projects:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "projects:write": frozenset({Role.TERRITORY}),
    "projects:detect": _WHO_MEET,  # without projects:write, only in an audition of one's own
    "roadmap:read": _EVERYONE,
    "roadmap:write": frozenset({Role.TERRITORY}),
    "roadmap:adopt": frozenset({Role.TERRITORY, Role.COMMITTEE}),  # who drafted it does not (duties.py)
    "time_entries:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "time_entries:write": frozenset({Role.CONSULTANT, Role.LEAD}),
    "time_entries:validate": frozenset({Role.LEAD}),
    "time_entries:reverse": frozenset({Role.CONSULTANT, Role.LEAD, Role.OPERATOR}),
    "time_entry_corrections:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "time_entry_corrections:write": frozenset({Role.CONSULTANT, Role.LEAD}),
    "time_entry_corrections:agree": frozenset({Role.LEAD}),
    "time_entry_corrections:refuse": frozenset({Role.LEAD, Role.OPERATOR}),
    "time_entry_corrections:accept": frozenset({Role.OPERATOR}),
    "activity_reports:read": _WHOLE_VIEW | {Role.LEAD, Role.CONSULTANT},  # who works, checks, certifies or audits
    "activity_reports:write": frozenset({Role.CONSULTANT, Role.LEAD}),  # of one's own firm, or as its lead firm
    "activity_reports:sign": frozenset({Role.CONSULTANT, Role.LEAD}),  # whoever worked the days
    "activity_reports:countersign": frozenset({Role.LEAD}),  # who worked the days does not (duties.py)
    "service_certificates:read": _WHOLE_VIEW | {Role.LEAD, Role.CONSULTANT},
    "service_certificates:write": frozenset({Role.OPERATOR}),
    "invoices:read": _WHOLE_VIEW | {Role.LEAD, Role.CONSULTANT},
    "invoices:write": frozenset({Role.CONSULTANT, Role.LEAD}),  # of one's own firm alone: the supplier invoices
    "invoices:follow": frozenset({Role.OPERATOR, Role.CONSULTANT, Role.LEAD}),  # what Chorus Pro told one of the two
    "deliverables:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "deliverables:write": frozenset({Role.OPERATOR}),  # who orders says what is delivered
    "deliverables:deliver": frozenset({Role.LEAD}),  # for the consortium; who delivers does not decide (duties.py)
    "deliverables:decide": frozenset({Role.OPERATOR}),
    "month_locks:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "month_locks:write": frozenset({Role.OPERATOR}),
    "engineering:read": _EVERYONE,
    "envelopes:read": _MONEY_VIEW | {Role.COMMITTEE},  # what a meeting commits; the awards themselves are not its own
    "envelopes:write": frozenset({Role.PROGRAMME}),
    "grants:read": _MONEY_VIEW,
    "grants:award": frozenset({Role.FUNDER}),
    "agreements:read": _MONEY_VIEW,
    "agreements:write": frozenset({Role.FUNDER}),  # what is notified, signed, started and completed of an aid
    "change_requests:read": _MONEY_VIEW,
    "change_requests:write": frozenset({Role.TERRITORY, Role.FUNDER}),  # for the firm, which has no account
    "change_requests:decide": frozenset({Role.FUNDER}),  # who asked does not (duties.py)
    "grants:pay": frozenset({Role.TREASURER}),
    "recoveries:read": _MONEY_VIEW,
    "recoveries:write": frozenset(
        {Role.FUNDER}
    ),  # who orders one neither waives it nor records its receipts (duties.py)
    "commitments:read": _MONEY_VIEW,
    "commitments:write": frozenset({Role.TERRITORY, Role.FUNDER}),  # the territory's staff reports for the firm
    "commitments:judge": frozenset({Role.FUNDER}),  # who reported does not (duties.py)
    "advances:read": _MONEY_VIEW,
    "advances:award": frozenset({Role.FUNDER}),
    "advances:pay": frozenset({Role.TREASURER}),
    "advances:follow": frozenset({Role.FUNDER, Role.TREASURER}),  # notices and claims: what the creditor did
    "legal_rates:read": _EVERYONE,  # the law
    "legal_rates:write": frozenset({Role.PROGRAMME}),
    "refinancing_rates:read": _EVERYONE,  # what the central bank publishes
    "refinancing_rates:write": frozenset({Role.PROGRAMME}),
    "amendments:read": _MONEY_VIEW,
    "amendments:write": frozenset({Role.TERRITORY, Role.FUNDER}),  # for the firm, which has no account
    "amendments:find": frozenset({Role.OPERATOR, Role.FUNDER}),  # who followed the project finds that it failed
    "amendments:decide": frozenset({Role.FUNDER}),  # who asked does not (duties.py)
    "receipts:read": _MONEY_VIEW,
    "receipts:write": frozenset({Role.TREASURER}),  # who proposes a refund does not approve it (duties.py)
    "claims:read": _MONEY_VIEW,
    "claims:write": frozenset({Role.TERRITORY, Role.FUNDER}),  # for the firm: what it declares reaches one of the two
    "claims:settle": frozenset({Role.FUNDER}),  # who wrote the claim does not (duties.py)
    "applications:read": _MONEY_VIEW | {Role.COMMITTEE},  # never reviews, which have a permission of their own
    "applications:write": frozenset({Role.TERRITORY}),
    "applications:instruct": frozenset({Role.FUNDER}),
    "reviews:read": frozenset({Role.FUNDER, Role.OPERATOR, Role.PROGRAMME, Role.AUDITOR}),
    "reviews:write": frozenset({Role.FUNDER}),
    "agendas:read": _MONEY_VIEW | {Role.COMMITTEE},
    "agendas:write": frozenset({Role.TERRITORY}),
    "decisions:read": _MONEY_VIEW | {Role.COMMITTEE},
    "decisions:write": frozenset({Role.COMMITTEE}),  # who reviewed the file does not (duties.py)
    "collection_runs:read": _MONEY_VIEW,
    "collection_runs:write": frozenset({Role.TREASURER}),  # who awarded an advance collects nothing of it (duties.py)
    "mandates:read": _MONEY_VIEW,
    "mandates:write": frozenset({Role.TREASURER}),  # who collects by them
    "payment_runs:read": _MONEY_VIEW,
    "payment_runs:write": frozenset({Role.TREASURER}),  # who sends what others decided and approved
    "overrides:read": _MONEY_VIEW,
    "overrides:propose": frozenset({Role.FUNDER, Role.TREASURER}),  # who gives the money asks
    "overrides:approve": frozenset({Role.PROGRAMME}),
    "imports:read": _TERRITORY_VIEW | {Role.CONSULTANT},
    "imports:write": frozenset(
        {Role.TERRITORY, Role.CONSULTANT, Role.LEAD, Role.PROGRAMME, Role.FUNDER, Role.TREASURER, Role.ADMIN}
    ),  # beside what the kind asks for
    "summary:read": _EVERYONE - {Role.CONSULTANT, Role.LEAD},  # the consortium reads its mission, not the envelope
}

OF_ONESELF = frozenset({"me:read", "me:keys"})  # whoever has a key, whatever it carries

# Held only by a role in all territories: what they change belongs to no single one.
NATIONAL = frozenset(
    {
        "access_records:read",
        "organisations:write",
        "members:write",
        "api_keys:read",
        "api_keys:write",
        "quotas:write",
        "programme:write",
        "schemes:write",
        "legal_rates:write",
        "refinancing_rates:write",
        "frameworks:read",
        "frameworks:write",
    }
)

# Roles that see no more than their own organisation's part of what a permission shows. Of what belongs to no territory,
# whoever holds such a permission in some territories alone sees that part too.
OWN_ORGANISATION = {
    "time_entries:read": frozenset({Role.CONSULTANT}),
    "time_entry_corrections:read": frozenset({Role.CONSULTANT}),
    "activity_reports:read": frozenset({Role.CONSULTANT}),
    "rates:read": frozenset({Role.LEAD, Role.CONSULTANT}),
    "service_certificates:read": frozenset({Role.LEAD, Role.CONSULTANT}),
    "invoices:read": frozenset({Role.LEAD, Role.CONSULTANT}),
    "imports:read": MATRIX["imports:read"] - _WHOLE_VIEW,
    "bank_accounts:read": frozenset(),
}


def permissions_of(roles: Iterable[Role]) -> frozenset[str]:
    """Every permission that at least one of the roles holds."""
    held = frozenset(roles)
    return frozenset(permission for permission, holders in MATRIX.items() if holders & held)


@dataclass(frozen=True)
class RoleInForce:
    """A role in force today, in one territory or (None) in all."""

    role: Role
    territory: str | None


@dataclass(frozen=True)
class Actor:
    """Who is calling: the subject behind a credential, with those roles in force today that the credential carries.

    `permissions` are those that the credential carries of what the roles permit; None: all.
    """

    subject_id: UUID
    kind: SubjectKind
    organisation_id: UUID | None
    grants: tuple[RoleInForce, ...]
    scope: Scope = Scope.FULL
    key_id: UUID | None = None
    has_email: bool = False
    confirmed: bool = True
    permissions: frozenset[str] | None = None
    addresses: tuple[Network, ...] = ()
    quota: Quota = field(default_factory=dict, compare=False, repr=False)  # its limits, by name
    meter: Meter | None = field(default=None, compare=False, repr=False)  # what counts its requests in this worker
    _roles: dict[str | None, frozenset[Role]] = field(default_factory=dict, compare=False, repr=False)

    def roles(self, territory: str | None) -> frozenset[Role]:
        """Roles held in this territory, those held everywhere among them; None asks for those held everywhere."""
        roles_here = self._roles.get(territory)
        if roles_here is None:
            roles_here = frozenset(g.role for g in self.grants if g.territory is None or g.territory == territory)
            self._roles[territory] = roles_here
        return roles_here

    @property
    def any_roles(self) -> frozenset[Role]:
        """Roles held anywhere: what counts for facts that all territories share."""
        return frozenset(grant.role for grant in self.grants)

    def may(self, permission: str, territory: str | None) -> bool:
        """Whether the caller may in `territory`; None: for what belongs to no single territory."""
        return self.carries(permission) and self.permitted(permission, territory)

    def carries(self, permission: str) -> bool:
        """Whether the credential carries `permission`, where the roles give it."""
        return self.permissions is None or permission in self.permissions or permission in OF_ONESELF

    def permitted(self, permission: str, territory: str | None) -> bool:
        """Whether a role gives `permission`, whatever the credential carries of it."""
        if territory is not None or permission in NATIONAL:
            return _holds(self.roles(territory), permission)
        return permission in OF_ONESELF or _holds(self.any_roles, permission)

    def all_permissions(self, territory: str | None) -> frozenset[str]:
        """What the caller may by the roles of this territory, those of all among them."""
        return frozenset(filter(self.carries, permissions_of(self.roles(territory))))

    def territories(self, permission: str) -> list[str] | None:
        """The territories in which the caller may, None for all."""
        if not self.carries(permission):
            return []
        if _holds(self.roles(None), permission):
            return None
        return sorted({g.territory for g in self.grants if g.territory and _holds(frozenset({g.role}), permission)})

    def sees_only_own(self, permission: str, territory: str | None) -> bool:
        """Whether, in this territory, the actor sees only its own organisation's part of what `permission` shows.

        None: of what belongs to no territory.
        """
        limited = OWN_ORGANISATION.get(permission)
        holders = self.roles(territory) & MATRIX[permission]
        return limited is not None and holders <= limited and (bool(holders) or territory is None)

    def sees_all(self, permission: str, territory: str) -> bool:
        """Whether, in this territory, the actor sees all that `permission` shows, not only its own organisation's."""
        return self.may(permission, territory) and not self.sees_only_own(permission, territory)

    @property
    def reads_everything(self) -> bool:
        """Whether a role that reads everything is held in all territories, by a credential that carries all of it."""
        return self.permissions is None and bool(self.roles(None) & _WHOLE_VIEW)

    def own(self, permission: str, territory: str | None) -> dict[str, UUID | None]:
        """The scope of a list: the actor's organisation where the actor sees only its own part, else nothing."""
        return {"organisation": self.organisation_id} if self.sees_only_own(permission, territory) else {}


@lru_cache(maxsize=4096)
def _holds(roles: frozenset[Role], permission: str) -> bool:
    return bool(roles & MATRIX[permission])
