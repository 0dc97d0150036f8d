"""HTTP of payment runs."""

from collections.abc import Awaitable, Callable
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_PAYS
from app.access.gate import require
from app.access.rules import Actor, EmailMissing
from app.awards.payments.rules import PaymentNotHandedOver, PaymentTransition, RejectedBeforeSent
from app.core.problems import IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import FORMS_VARY, page, private, show
from app.core.reading.negotiation import wanted
from app.core.reading.query import Parameter, read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import Change, Seen, Write, commit, run
from app.firms.bank_details.rules import IbanNotHeld
from app.programme.routes import T
from app.treasury.runs import pain, rules, schemas, service
from app.treasury.runs.queries import LINES, RUNS

payment_runs = router("treasury")

RUN = T + "/payment-runs/{id:uuid}"
OF_RUN = T + "/payment-runs/{run_id:uuid}/lines"
FORMS = {"application/json": "json", pain.MEDIA_TYPE: "xml"}
FORM = {"format": Parameter(Literal["json", "xml"], "The representation; weighs more than Accept.")}


@payment_runs.get(T + "/payment-runs", **lists(RUNS))
async def list_payment_runs(request: Request, actor: Actor = require("payment_runs:read")) -> Response:
    """Payment runs of the territory, with what the bank paid and rejected of each."""
    return await page(request, RUNS)


@payment_runs.post(
    T + "/payment-runs",
    **changes(
        schemas.PaymentRun,
        rules.PaymentRunAlreadyMade,
        rules.NothingToSend,
        rules.BankAccountUnusable,
        IbanNotHeld,
        ReferenceNotFound,
        *DECIDES_PAYS.refusals,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def make_payment_run(
    request: Request, body: schemas.PaymentRunCreate, actor: Actor = require("payment_runs:write")
) -> Response:
    """Take the approved payments up to a cut-off into one file for the bank, and mark them sent.

    It takes the payments of grants, and the tranches of advances, that the account's organisation funds. An
    Idempotency-Key is required.
    """
    territory = request.path_params["territory"]
    return await commit(
        request, lambda write: service.make(write, territory, body), status=201, idempotency_required=True
    )


@payment_runs.get(RUN, **shows(schemas.PaymentRun))
async def get_payment_run(request: Request, actor: Actor = require("payment_runs:read")) -> Response:
    """One payment run, with what the bank paid and rejected of it."""
    return await show(request, RUNS)


@payment_runs.get(
    RUN + "/file",
    **shows(
        schemas.PaymentRunFile,
        rules.PaymentRunTransition,
        rules.PaymentRunOutdated,
        IbanNotHeld,
        EmailMissing,
        parameters=FORM,
        forms=FORMS,
    ),
)
async def get_payment_run_file(request: Request, actor: Actor = require("firm_ibans:read")) -> Response:
    """The file for the bank, with every IBAN in full: as itself (`Accept: application/xml`, `format=xml`), or in JSON.

    For a treasurer of the organisation that pays. Each read is recorded as an event (`payment_run.file_read`). The
    first one hands the file over: from then on the run cannot be cancelled, and what the bank does not pay is rejected.
    """
    path = request.path_params
    return await hand_over(
        request, actor, pain.FORMAT, lambda write: service.hand_over(write, path["territory"], path["id"])
    )


async def hand_over(
    request: Request, actor: Actor, kind: str, act: Callable[[Write], Awaitable[tuple[Change, service.Handed]]]
) -> Response:
    """Answer with a file for the bank, as itself or in JSON, once the act that hands it over is written."""
    form, path = wanted(request, read(request, FORM), FORMS), request.path_params
    files: list[service.Handed] = []

    async def work(write: Write) -> Change:
        change, file = await act(write)
        files.append(file)
        return change

    def reply(_change: Change, _seen: list[Seen]) -> Response:
        [file] = files
        name = f"{path['territory']}-{file.run_id}.xml"
        if form == "json":
            body = {"id": str(file.run_id), "name": name, "format": kind, "sha256": file.sha256,
                    "content": file.content.decode()}  # fmt: skip
            return private(body, cache_control="no-store", vary=FORMS_VARY)
        headers = {
            "Cache-Control": "no-store", "Vary": FORMS_VARY, "Content-Disposition": f'attachment; filename="{name}"',
        }  # fmt: skip
        return Response(file.content, headers=headers, media_type=pain.MEDIA_TYPE)

    state = request.state
    known = {"request_id": state.request_id, "client_request_id": state.client_request_id}
    answer = await run(state.sessions, actor, work, **known, reply=reply)
    assert isinstance(answer, Response)  # `reply` was given
    return answer


@payment_runs.post(
    RUN + "/cancel",
    **changes(schemas.PaymentRun, rules.PaymentRunTransition, *DECIDES_PAYS.refusals, IfMatchMissing),
)
async def cancel_payment_run(
    request: Request, body: schemas.PaymentRunCancellation, actor: Actor = require("payment_runs:write")
) -> Response:
    """Cancel a run whose file nobody has read, giving a reason: its payments are approved again. If-Match is required.

    A payment whose bank details have changed since is proposed again.
    """
    path = request.path_params
    return await commit(request, lambda write: service.cancel(write, path["territory"], path["id"], body))


@payment_runs.get(OF_RUN, **lists(LINES))
async def list_payment_run_lines(request: Request, actor: Actor = require("payment_runs:read")) -> Response:
    """Lines of a payment run, with the outcome of each; each IBAN is masked."""
    return await page(request, LINES)


@payment_runs.get(OF_RUN + "/{id:uuid}", **shows(schemas.PaymentRunLine))
async def get_payment_run_line(request: Request, actor: Actor = require("payment_runs:read")) -> Response:
    """One line of a payment run; the IBAN is masked."""
    return await show(request, LINES)


@payment_runs.post(
    OF_RUN + "/{id:uuid}/reject",
    **changes(
        schemas.PaymentRunLine,
        PaymentTransition,
        PaymentNotHandedOver,
        RejectedBeforeSent,
        *DECIDES_PAYS.refusals,
        IfMatchMissing,
    ),
)
async def reject_payment_run_line(
    request: Request, body: schemas.LineRejection, actor: Actor = require("payment_runs:write")
) -> Response:
    """Record that the bank rejected a line: its payment can be sent again by another run. If-Match is required.

    Where the firm's bank details have changed since, the payment is proposed again, to the new ones.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.reject(write, path["territory"], path["run_id"], path["id"], body)
    )
