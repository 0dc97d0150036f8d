"""HTTP of collection runs."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_RECEIVES
from app.access.gate import require
from app.access.rules import Actor, EmailMissing
from app.advances.receipts.rules import AlreadyBounced, BouncedBeforeReceipt
from app.advances.rules import RepaymentExceedsOutstanding
from app.core.problems import AlreadyExists, IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import AlreadyReversed
from app.firms.bank_details.rules import IbanNotHeld
from app.programme.routes import T
from app.treasury.collections import rules, schemas, service
from app.treasury.collections.queries import COLLECTIONS, DEBITS
from app.treasury.runs import pain
from app.treasury.runs.routes import FORM, FORMS, hand_over
from app.treasury.runs.rules import BankAccountUnusable

collection_runs = router("treasury")

RUN = T + "/collection-runs/{id:uuid}"
OF_RUN = T + "/collection-runs/{collection_run_id:uuid}/lines"


@collection_runs.get(T + "/collection-runs", **lists(COLLECTIONS))
async def list_collection_runs(request: Request, actor: Actor = require("collection_runs:read")) -> Response:
    """Collection runs of the territory, with what came in of each and what the bank sent back."""
    return await page(request, COLLECTIONS)


@collection_runs.post(
    T + "/collection-runs",
    **changes(
        schemas.CollectionRun,
        rules.NothingToCollect,
        rules.CreditorIdentifierMissing,
        BankAccountUnusable,
        IbanNotHeld,
        ReferenceNotFound,
        *DECIDES_RECEIVES.refusals,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def make_collection_run(
    request: Request, body: schemas.CollectionRunCreate, actor: Actor = require("collection_runs:write")
) -> Response:
    """Take what is left of the instalments due by a day into one file of direct debits for the bank.

    It takes advances that the account's organisation funds, whose firm has given it a mandate, and no instalment that
    waits for the bank already. An Idempotency-Key is required.
    """
    territory = request.path_params["territory"]
    return await commit(
        request, lambda write: service.make(write, territory, body), status=201, idempotency_required=True
    )


@collection_runs.get(RUN, **shows(schemas.CollectionRun))
async def get_collection_run(request: Request, actor: Actor = require("collection_runs:read")) -> Response:
    """One collection run, with what came in of it and what the bank sent back."""
    return await show(request, COLLECTIONS)


@collection_runs.get(
    RUN + "/file",
    **shows(
        schemas.CollectionRunFile,
        rules.CollectionRunTransition,
        rules.CollectionRunOutdated,
        IbanNotHeld,
        EmailMissing,
        parameters=FORM,
        forms=FORMS,
    ),
)
async def get_collection_run_file(request: Request, actor: Actor = require("firm_ibans:read")) -> Response:
    """The file for the bank, with every IBAN in full: as itself (`Accept: application/xml`, `format=xml`), or in JSON.

    For a treasurer of the organisation that collects. Each read is recorded as an event (`collection_run.file_read`).
    The first one hands the file over: from then on the run cannot be cancelled.
    """
    path = request.path_params
    return await hand_over(
        request, actor, pain.DEBIT_FORMAT, lambda write: service.hand_over(write, path["territory"], path["id"])
    )


@collection_runs.post(
    RUN + "/cancel",
    **changes(schemas.CollectionRun, rules.CollectionRunTransition, EmailMissing, IfMatchMissing),
)
async def cancel_collection_run(
    request: Request, body: schemas.CollectionRunCancellation, actor: Actor = require("collection_runs:write")
) -> Response:
    """Cancel a run whose file nobody has read, giving a reason. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.cancel(write, path["territory"], path["id"], body))


@collection_runs.get(OF_RUN, **lists(DEBITS))
async def list_collection_run_lines(request: Request, actor: Actor = require("collection_runs:read")) -> Response:
    """Lines of a collection run, with the outcome of each; each IBAN is masked."""
    return await page(request, DEBITS)


@collection_runs.get(OF_RUN + "/{id:uuid}", **shows(schemas.CollectionRunLine))
async def get_collection_run_line(request: Request, actor: Actor = require("collection_runs:read")) -> Response:
    """One line of a collection run; the IBAN is masked."""
    return await show(request, DEBITS)


@collection_runs.post(
    OF_RUN + "/{id:uuid}/record",
    **changes(
        schemas.CollectionRunLine,
        rules.DebitOver,
        RepaymentExceedsOutstanding,
        AlreadyExists,
        *DECIDES_RECEIVES.refusals,
        IdempotencyKeyMissing,
        IfMatchMissing,
    ),
)
async def record_collection_run_line(
    request: Request, body: schemas.DebitReceipt, actor: Actor = require("receipts:write")
) -> Response:
    """Record that the bank collected a line: a receipt that repays its advance.

    A bank statement that is imported does the same. If-Match and an Idempotency-Key are required.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.record(write, path["territory"], path["collection_run_id"], path["id"], body),
        idempotency_required=True,
    )


@collection_runs.post(
    OF_RUN + "/{id:uuid}/return",
    **changes(
        schemas.CollectionRunLine,
        rules.DebitOver,
        AlreadyBounced,
        AlreadyReversed,
        BouncedBeforeReceipt,
        *DECIDES_RECEIVES.refusals,
        IfMatchMissing,
    ),
)
async def return_collection_run_line(
    request: Request, body: schemas.DebitReturn, actor: Actor = require("receipts:write")
) -> Response:
    """Record that the bank sent a line back: its receipt bounces, or it never came in. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: service.send_back(write, path["territory"], path["collection_run_id"], path["id"], body)
    )
