"""A service certificate on paper: the PDF and the workbook that go with the invoice, and the words on them."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Text, literal_column, select, union_all

from app.access.models import Organisation, Subject
from app.core.clock import paris_day
from app.core.db import Statement, param
from app.core.formats import day, euros, number
from app.core.reading import documents
from app.core.reading.documents import Sheet
from app.core.reading.listing import as_object, json_array, json_object
from app.engineering.certificates.models import CertificateRemark, EarlierRefusal, ServiceCertificate
from app.engineering.certificates.queries import CERTIFICATES
from app.engineering.entries.models import TimeEntry
from app.missions.models import Consultant
from app.programme.models import Territory


@cache
def certificate(own: bool) -> Statement:
    """A certificate as its listing shows it, with what paper says beside it."""
    c, t = ServiceCertificate, TimeEntry
    person, home = Subject.__table__.alias("person"), Organisation.__table__.alias("home")

    made, earlier = CertificateRemark, EarlierRefusal
    r = union_all(
        select(made.certificate_id, made.entry_id, made.kind, made.reason),
        select(earlier.certificate_id, earlier.entry_id, literal_column("'earlier_refusal'", Text()), earlier.reason),
    ).subquery("remark")
    remark = json_object(
        kind=r.c.kind, reason=r.c.reason, worked_on=t.worked_on, days=t.days, consultant_name=person.c.name
    )
    told = (
        select(json_array(remark, t.worked_on, t.id, r.c.kind))
        .select_from(r)
        .join(t, t.id == r.c.entry_id)
        .join(Consultant, Consultant.id == t.consultant_id)
        .join(person, person.c.id == Consultant.person_id)
        .where(r.c.certificate_id == c.id)
        .scalar_subquery()
    )
    rows = (
        CERTIFICATES.filtered(frozenset(), frozenset({"organisation"} if own else ()))
        .join(Territory, Territory.slug == c.territory)
        .join(home, home.c.id == Subject.organisation_id)
        .where(c.id == param("id", c.id.type))
        .add_columns(
            Territory.name.label("territory_name"),
            Organisation.siren.label("organisation_siren"),
            home.c.name.label("certifier_organisation"),
            told.label("told_remarks"),
        )
    )
    return Statement(as_object(rows))


WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "title": "Service certificate no. {number}", "counter": "Counter-certificate no. {number}",
        "cancelled": "Cancelled by counter-certificate no. {number}.",
        "cancels": "Cancels certificate no. {number}: {reason}",
        "page": "Page {n} of {of}", "signed": "Signature", "siren": "SIREN", "organisation": "Consultancy",
        "mission": "Mission", "territory": "Territory", "period": "Period", "span": "{from_on} to {to_on}",
        "certified": "Certified on", "head": ["Profile", "Days", "Day rate excl. VAT", "Amount excl. VAT"],
        "amount": "Total excl. VAT", "vat": "VAT {rate} %", "total": "Total incl. VAT",
        "junior": "Junior", "senior": "Senior", "expert": "Expert",
        "remarks": "Reservations and refusals", "remarks_head": ["Kind", "Day", "Consultant", "Days", "Reason"],
        "reservation": "reservation", "refusal": "refusal, not certified",
        "earlier_refusal": "refused earlier, certified now",
        "statement": "The operator certifies that the days above were worked as ordered. This certificate is the base"
                     " of the consultancy’s invoice.",
        "statement_counter": "The days above are no longer certified, and the invoice drawn from them is to be"
                             " corrected by as much.",
        "operator": "For the operator", "seal": "Seal (SHA-256 of the certified content):",
    },
    "fr": {
        "title": "Attestation de service fait n°\u00a0{number}", "counter": "Contre-attestation n°\u00a0{number}",
        "cancelled": "Annulée par la contre-attestation n°\u00a0{number}.",
        "cancels": "Annule l’attestation n°\u00a0{number}\u00a0: {reason}",
        "page": "Page {n} sur {of}", "signed": "Signature", "siren": "SIREN", "organisation": "Cabinet",
        "mission": "Mission", "territory": "Territoire", "period": "Période", "span": "du {from_on} au {to_on}",
        "certified": "Certifié le", "head": ["Profil", "Jours", "Prix journalier HT", "Montant HT"],
        "amount": "Total HT", "vat": "TVA {rate}\u00a0%", "total": "Total TTC",
        "junior": "Junior", "senior": "Confirmé", "expert": "Expert",
        "remarks": "Réserves et refus", "remarks_head": ["Nature", "Jour", "Intervenant", "Jours", "Motif"],
        "reservation": "réserve", "refusal": "refus, non certifié",
        "earlier_refusal": "refusé auparavant, certifié à présent",
        "statement": "L’opérateur atteste que les jours ci-dessus ont été effectués conformément à la commande. La"
                     " présente attestation est la base de la facture du cabinet.",
        "statement_counter": "Les jours ci-dessus ne sont plus certifiés, et la facture qui en est issue est à"
                             " rectifier d’autant.",
        "operator": "Pour l’opérateur", "seal": "Empreinte (SHA-256 du contenu certifié)\u00a0:",
    },
}  # fmt: skip


def _title(shown: Mapping[str, Any], language: str) -> str:
    words = WORDS[language]
    title: str = words["counter" if shown["cancels_id"] else "title"].format(number=shown["number"])
    return title


def _notice(shown: Mapping[str, Any], language: str) -> str | None:
    words, notice = WORDS[language], None
    if shown["cancels_number"] is not None:
        notice = words["cancels"].format(number=shown["cancels_number"], reason=shown["reason"])
    elif shown["cancelled_by_number"] is not None:
        notice = words["cancelled"].format(number=shown["cancelled_by_number"])
    return notice


def _on(text: str, language: str) -> str:
    return day(date.fromisoformat(text), language)


def _facts(shown: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    words = WORDS[language]
    certified_on = paris_day(datetime.fromisoformat(shown["created_at"]))
    return [
        (words["organisation"], shown["organisation_name"]),
        (words["siren"], shown["organisation_siren"] or "–"),
        (words["mission"], shown["mission_name"]),
        (words["territory"], shown["territory_name"]),
        (
            words["period"],
            words["span"].format(from_on=_on(shown["from_on"], language), to_on=_on(shown["to_on"], language)),
        ),
        (words["certified"], day(certified_on, language)),
    ]


def _totals(shown: Mapping[str, Any], language: str) -> list[tuple[str, int]]:
    words = WORDS[language]
    rate = number(Decimal(shown["vat_rate_bp"]) / 100, language)
    return [
        (words["amount"], shown["amount_excl_vat_cents"]),
        (words["vat"].format(rate=rate), shown["vat_cents"]),
        (words["total"], shown["total_cents"]),
    ]


def as_data(shown: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the template needs of the certificate."""
    words, title = WORDS[language], _title(shown, language)
    statement = words["statement_counter" if shown["cancels_id"] else "statement"]
    (amount, excluded), *others = _totals(shown, language)
    return {
        "title": title,
        "author": "Rebond",
        "footer": f"{title} – {shown['organisation_name']}",
        "language": language,
        "words": {**{name: words[name] for name in ("page", "signed", "remarks", "seal")}, "statement": statement},
        "notice": _notice(shown, language),
        "facts": _facts(shown, language),
        "head": words["head"],
        "rows": [
            [words.get(line["profile"], line["profile"]), number(line["days"], language, 2),
             euros(line["day_rate_cents"], language), euros(line["amount_excl_vat_cents"], language)]
            for line in shown["lines"]
        ],
        "totals": [
            [amount, number(shown["days"], language, 2), "", euros(excluded, language)],
            *([name, "", "", euros(cents, language)] for name, cents in others),
        ],
        "remarks_head": words["remarks_head"],
        "remarks": [
            [words[remark["kind"]], _on(remark["worked_on"], language), remark["consultant_name"],
             number(remark["days"], language, 2), remark["reason"]]
            for remark in shown["told_remarks"]
        ],
        "signatures": [[words["operator"], "\n".join(
            part for part in (shown["certified_by_name"], shown["certifier_organisation"]) if part)]],
        "hash": shown["content_hash"],
    }  # fmt: skip


def as_xlsx(shown: Mapping[str, Any], language: str) -> bytes:
    """The certificate as a workbook, its amounts in euros as numbers."""
    words, title = WORDS[language], _title(shown, language)
    kinds = ("", "days", "euros", "euros")
    book = Sheet(title, language, (34, 18, 26, 20, 60))
    book.heading(title)
    if notice := _notice(shown, language):
        book.heading(notice)
    for name, value in _facts(shown, language):
        book.row(name, value)
    book.gap()
    book.row(*words["head"], head=True)
    for line in shown["lines"]:
        book.row(
            words.get(line["profile"], line["profile"]),
            Decimal(str(line["days"])),
            Decimal(line["day_rate_cents"]) / 100,
            Decimal(line["amount_excl_vat_cents"]) / 100,
            kinds=kinds,
        )
    (amount, excluded), *others = _totals(shown, language)
    book.row(amount, Decimal(str(shown["days"])), None, Decimal(excluded) / 100, kinds=kinds, bold=True)
    for name, cents in others:
        book.row(name, None, None, Decimal(cents) / 100, kinds=kinds, bold=True)
    if shown["told_remarks"]:
        book.gap()
        book.row(*words["remarks_head"], bold=True)
        for remark in shown["told_remarks"]:
            worked_on, days = date.fromisoformat(remark["worked_on"]), Decimal(str(remark["days"]))
            book.row(words[remark["kind"]], worked_on, remark["consultant_name"], days, remark["reason"],
                     kinds=("", "", "", "days"))  # fmt: skip
    book.gap()
    book.row(words["seal"], shown["content_hash"])
    return book.bytes()


DOCUMENT = documents.Document(
    name=lambda path, shown: f"service-certificate-{path['territory']}-{shown['number']}",
    template=Path(__file__).with_name("certificate.typ").read_text(),
    as_data=as_data,
    as_xlsx=as_xlsx,
)
