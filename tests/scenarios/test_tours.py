"""The tour, and the scripts of pages, work as they are printed: their lines are run, and say what is promised."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.core.values import iban_from
from app.settings import KEYS_FILE
from tests import starter
from tests.conftest import plain
from tests.processes import loaded_home, new_home
from tests.treasury.statements import statement

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"
TOUR = DOCS / "tour.sh"
CORRECTIONS = DOCS / "corrections.md"
FROM_ORDER_TO_INVOICE = DOCS / "from-an-order-to-an-invoice.md"
AID_FILES = DOCS / "aid-files.md"
IMPORTING = DOCS / "importing.md"
FIVE_CONDITIONS = (
    '"type":"/problems/application-not-ready"\n"code":"expense-before-receipt"\n"code":"funding-statement-missing"\n'
    '"code":"tax-certificate-missing"\n"code":"social-certificate-missing"\n"code":"bank-details-missing"\n'
)


def scripts(page: Path) -> list[str]:
    """The scripts of a page, in their order."""
    return re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL)


def printed(*lines: str, **files: bytes) -> str:
    """What these scripts say together, in a directory with these files, against a service with the demonstration."""
    with loaded_home() as home, home.serving() as service, starter.command(home.path) as rebond:
        for name, content in files.items():
            (home.path / name.replace("_", ".")).write_bytes(content)
        script = "".join(lines).replace("http://127.0.0.1:8000", service.base).replace(".venv/bin/rebond", rebond)
        done = subprocess.run(
            ["bash", "-c", script], cwd=home.path, env=home.environment(), capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_three_acts_correct_a_certified_day_as_the_page_says() -> None:
    said = printed(scripts(CORRECTIONS)[0])
    for promised in (
        '"status":"agreed"',
        '"status":"accepted"',
        '"corrected_by_counted_on":"2023-07-01"',
        '"counted_on":"2023-07-01"\n"days":0.25\n"status":"validated"\n',
        "balances computed again, 0 differ",
    ):
        assert promised in said, said
    assert len(set(re.findall(r'"days_before":[0-9.]+\n"days_after":[0-9.]+', said))) == 1, said


def test_an_aid_file_lives_as_the_page_says() -> None:
    said = printed(scripts(AID_FILES)[0])
    for promised in (
        FIVE_CONDITIONS,
        '"base_cents":154000000\n"type":"/problems/bank-details-own-approval"\n',
        '"iban":"FR76 •••• 0309"\n"status":"approved"',
        '"state":"submitted"\n"received_on":"2023-10-09"\n"admissibility_ends_on":"2023-12-09"\n',
        '"decision_ends_on":"2024-06-10"\n"state":"submitted"\n',
        '"admissibility_ends_on":"2023-12-23"\n"decision_ends_on":"2024-06-24"\n',
        '"state":"admissible"\n"state":"under_review"\n201\n404\n',
        '"meaning":"If nobody decides the file by 2024-06-24, it is rejected by silence on 2024-06-25."\n',
        '"state":"implicitly_rejected"\n"decision_ends_on":"2024-12-24"\n',
        '"act":"silence_rejects"\n"act":"reverse_silence"\n"act":"extend"\n"act":"silence_rejects"\n',
        (
            'application/pdf\n"status":"signed"\n"status":"notified"\n'
            '"stage":"awarded"\n"notified_on":"2023-11-20"\n"start_by_on":"2025-11-20"\n'
        ),
        '"stage":"started"\n"agreed_on":"2023-11-24"\n"started_on":"2023-12-04"\n',
        '"type":"/problems/advance-payment-ceiling"\n"allowed_cents":9000000\n"status":"recorded"\n',
        '"status":"settled"\n"certified_cents":69000000\n',
        '"type":"/problems/payment-above-due"\n"allowed_cents":11700000\n"status":"recorded"\n',
        '"paid_cents":20700000\n"released_cents":9300000\n"final_cents":20700000\n',
        '"kind":"jobs"\t"due_on":"2026-10-31"\n',
        '"recovered_cents":2000000\n"in_recovery":false\n',
        "notify sign start complete close\n",
        "balances computed again, 0 differ",
    ):
        assert promised in said, said
    states = [line for line in said.splitlines() if line.startswith('"state"')]
    assert states[-3:] == ['"state":"under_review"', *['"state":"implicitly_rejected"'] * 2]


def test_days_are_ordered_planned_and_invoiced_as_the_page_says() -> None:
    said = printed(*scripts(FROM_ORDER_TO_INVOICE))
    for promised in (
        '"max_days":500.00\n"days_left":400.00\n"days_left":500.00\n"code":"amount_missing"\n',
        '"type":"/problems/framework-exhausted"\n"days_requested":401.0\n"days_left":400.0\n',
        '"framework_reference":"DEMO-AC-1"\n"days_left":400.00\n"value":30\n"type":"/problems/not-found"\n',
        '"version":1\n"days_planned":100.00\n',
        '"version":2\n"days_planned":5.50\n"elsewhere":false\n',
        '"remaining_source":"stated"\n"days_landing":87.5\n"days_beyond_order":-12.5\n',
        '"state":"delivered"\n"verification_ends_on":"2024-01-14"\n"silence_on":"2024-01-15"\n',
        '"state":"admitted"\n"by_silence":true\n"decided_on":"2024-01-15"\n',
        '"state":"deferred"\n"by_silence":false\n"awaited_on":"2024-02-15"\n"late":true\n',
        "deliver silence_admits reverse_silence verify silence_admits reverse_silence defer\n",
        '"document_version":2\n"verification_ends_on":"2024-05-01"\n',
        '"type":"/problems/verification-over"\n"last_day":"2024-05-01"\n',
        '"state":"admitted_with_reduction"\n"reduced_days":0.50\n',
        '"title":"Rapport final (demonstration)"\n"awaited_on":"2023-12-15"\n',
        '"total":5\n"total":8\n',
        '"status":"signed_by_consultant"\n"type":"/problems/activity-report-unsigned"\n',
        '"code":"activity_report_to_countersign"\n"status":"signed"\n"number":5\napplication/pdf\n',
        '"rest_certificate_number":7\n"status":"stale"\n"status":"to_sign"\n',
        '"number":2\n"number":7\n"type":"/problems/certificate-already-invoiced"\napplication/pdf\n',
        '<ram:ID>FA-2023/71\n"type":"/problems/not-found"\n"state":"at_payer"\n"late":false\n',
        '"state":"suspended"\n"due_on":null\n"state":"paid"\n"late_interest_cents":0\n"recovery_fee_cents":0\n',
        '"at_payer":1\n"paid":1\n',
        "balances computed again, 0 differ",
    ):
        assert promised in said, said
    sealed, taken = re.findall(r"^[0-9a-f]{64}$", said, re.MULTILINE)[-2:]
    assert sealed == taken, "the deliverable has the hash of the sealed roadmap"


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh"])
def test_the_tour_runs_as_it_stands(shell: str, new_demonstration: Any) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    with new_home() as home:
        url = plain(new_demonstration(f"tour_{shell}", home.path / KEYS_FILE))
        with home.serving(DATABASE_URL=url) as service, starter.command(home.path) as rebond:
            program = home.path / "rebond"
            program.write_text(f'#!/bin/sh\nexec {rebond} "$@"\n')
            program.chmod(0o755)
            settings = {"DATABASE_URL": url, "REBOND": str(program), "REBOND_URL": service.base}
            done = subprocess.run(
                [shell, TOUR], cwd=home.path, env=home.environment(**settings), capture_output=True, text=True,
                timeout=120, check=False,
            )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout
    assert re.fullmatch(r"[1-9]\d* balances computed again, 0 differ", said.splitlines()[-1])
    for promised in (
        '"days_ordered":100.00,"days_entered":75.00,"days_left":25.00',
        '"contributed_cents":150000000,"available_cents":53613333,"shortfall_cents":0,"committed_cents":18800000',
        '"committed_cents":18800000,"paid_cents":86000000',
        '25 "status":"submitted"',
        "0,25 demandés, 0,00 restants sur 100,00 commandés.",
        '"days_entered":100.00,"days_validated":56.50',
        '"share_used":1.0',
        '"exhausted_on":null,"reason":"already_exhausted"',
        "Jours restants · ",
        (
            "/problems/agreement-missing\n"
            '"requested_cents":9000001,"allowed_cents":9000000}\n'
            '403\n200\n"status":"recorded"\n'
        ),
        '"due_cents":27500000,"repaid_cents":25000000,"waived_cents":0,"written_off_cents":0,"outstanding_cents":5000000',
        '"income_cents":15247,"late_cents":2500000,',
        '"days_past_due":1,"bucket":"1_30",',
        '"available_cents":23613333\n"available_cents":3000000\n',
        "The envelope does not have enough money left, on the day of the act ",
        "30,000.01 € requested, 30,000.00 € available. Award less, date the act on `available_from` ",
        '"requested_cents":3000001,"available_cents":3000000,"available_from":"2024-03-31"}',
        FIVE_CONDITIONS,
    ):
        assert promised in said, said


def test_files_come_in_and_go_out_as_the_pages_say() -> None:
    """Every line of docs/importing.md, and those of the README's exports."""
    said = printed(*scripts(IMPORTING), scripts(README)[1], statement_xml=statement(iban=iban_from(1)))
    for promised in (
        '"status":"refused"\n"rows_read":2\n"blocking_problems":1\n"cell":"A3"\n"found":"12 34"\n"detail_fr":"A3, «',
        '"kind":"organisations"\n',
        "Title (required): text\n",
        "refused (dry run): 2 lines read",
        "succeeded: 2 lines read, 1 created, 0 updated, 0 unchanged, 1 skipped\n",
        "succeeded (dry run): 1 lines read, 1 created",
        '"kind":"bank_statements","status":"queued"',
    ):
        assert promised in said, said
