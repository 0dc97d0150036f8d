"""Bank statements as banks write them, in the older and the newer form."""

from dataclasses import dataclass
from typing import Any

from app.core.values import iban_from

OLD, NEW = "camt.053.001.02", "camt.053.001.08"


def euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


@dataclass
class Entry:
    """An entry of a statement: a credit in euros, unless it says otherwise."""

    cents: int
    reference: str | None
    text: str = ""
    on: str = "2024-01-10"
    value_on: str | None = None
    payer: str = "Forges Alésiennes"
    siren: str | None = None
    iban: str | None = None
    end_to_end: str = "NOTPROVIDED"
    direction: str = "CRDT"
    currency: str = "EUR"
    status: str = "BOOK"
    family: str = "RCDT"
    returned: str | None = None

    def xml(self, form: str) -> str:
        new = form >= NEW
        party = "Dbtr" if self.direction == "CRDT" else "Cdtr"
        who = f"<Nm>{self.payer}</Nm>"
        if self.siren is not None:
            who += f"<Id><OrgId><Othr><Id>{self.siren}</Id></Othr></OrgId></Id>"
        who = f"<{party}>{f'<Pty>{who}</Pty>' if new else who}</{party}>"
        if self.iban is not None:
            who += f"<{party}Acct><Id><IBAN>{self.iban}</IBAN></Id></{party}Acct>"
        own = f"<AcctSvcrRef>{self.reference}</AcctSvcrRef>" if self.reference is not None else ""
        status = f"<Sts><Cd>{self.status}</Cd></Sts>" if new else f"<Sts>{self.status}</Sts>"
        back = f"<RtrInf><Rsn><Cd>{self.returned}</Cd></Rsn></RtrInf>" if self.returned else ""
        said = f"<RmtInf><Ustrd>{self.text}</Ustrd></RmtInf>" if self.text else ""
        return (
            f'<Ntry><Amt Ccy="{self.currency}">{euros(self.cents)}</Amt><CdtDbtInd>{self.direction}</CdtDbtInd>{status}'
            f"<BookgDt><Dt>{self.on}</Dt></BookgDt><ValDt><Dt>{self.value_on or self.on}</Dt></ValDt>{own}"
            f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{self.family}</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
            f"<NtryDtls><TxDtls><Refs><EndToEndId>{self.end_to_end}</EndToEndId></Refs><RltdPties>{who}</RltdPties>"
            f"{said}{back}</TxDtls></NtryDtls></Ntry>"
        )


def statement(*entries: Entry | str, iban: str, name: str = "2024-01", form: str = NEW, **more: Any) -> bytes:
    """The file of one statement, whose sums agree unless `closing` says otherwise."""
    moved = sum(each.cents if each.direction == "CRDT" else -each.cents
                for each in entries if isinstance(each, Entry) and each.status == "BOOK")  # fmt: skip
    body = "".join(each if isinstance(each, str) else each.xml(form) for each in entries)
    balances = "".join(
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{euros(cents)}</Amt>'
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2024-01-31</Dt></Dt></Bal>"
        for code, cents in (("OPBD", 10_000_00), ("CLBD", more.get("closing", 10_000_00 + moved)))
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{more.get("before", "")}'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{form}">'
        "<BkToCstmrStmt><GrpHdr><MsgId>M-1</MsgId><CreDtTm>2024-02-01T06:00:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{name}</Id><CreDtTm>2024-02-01T06:00:00</CreDtTm><Acct><Id><IBAN>{iban}</IBAN></Id>"
        f"<Ccy>{more.get('currency', 'EUR')}</Ccy></Acct>{balances}{more.get('summary', '')}{body}</Stmt>"
        "</BkToCstmrStmt></Document>"
    ).encode()


def month(entries: int, *, iban: str, form: str = NEW) -> bytes:
    """A statement of many entries, as a busy account has them: every tenth is money that goes out."""
    made = (
        Entry(
            10_000 + n, f"{n:016}", f"VIREMENT FACTURE {n} MERCI", payer=f"Société n° {n}", iban=iban_from(n + 1),
            direction="DBIT" if n % 10 == 9 else "CRDT",
        )
        for n in range(entries)
    )  # fmt: skip
    return statement(*made, iban=iban, form=form)
