"""The application: its lifespan, the shell around it, and the domains' routes."""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.access.gate import Credentials
from app.access.quotas.routes import quotas
from app.access.routes import access
from app.advances.arrears.routes import arrears
from app.advances.legal_rates.routes import legal_rates
from app.advances.portfolio.routes import portfolios
from app.advances.proceedings.routes import debt_claims
from app.advances.receipts.routes import receipts
from app.advances.routes import advances
from app.advances.tranches.routes import tranches
from app.applications.agendas.routes import agendas
from app.applications.awards.routes import advance_awards, award_stories, grant_awards
from app.applications.decisions.routes import decisions
from app.applications.routes import applications
from app.auditions.routes import auditions
from app.awards.claims.routes import claims
from app.awards.commitments.routes import commitments
from app.awards.letters.routes import letters
from app.awards.overrides.routes import overrides
from app.awards.recoveries.routes import recoveries
from app.committees.routes import committees
from app.core import command_ends, installation
from app.core.db import Base, create_engine, session_factory
from app.core.problems import (
    Busy,
    DatabaseUnavailable,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
)
from app.core.quotas import DOCUMENTS_AT_ONCE, EXPORTS_AT_ONCE, IMPORTS_AT_ONCE, LISTENERS_AT_ONCE, Failures, Slots
from app.core.reading.exports import TooManyExports
from app.core.serving import background, figures, logs, openapi, profiles, routing, server
from app.core.serving.answering import respond
from app.core.serving.compression import Compression
from app.core.serving.draining import draining
from app.core.serving.operations import HEADERS
from app.core.serving.pages import Readiness, WrittenDocument, service
from app.core.serving.shell import Allowance, Shell
from app.core.serving.trail import AccessTrail
from app.core.violations import translate
from app.core.writing import idempotency
from app.engineering.activity_reports.routes import activity_reports
from app.engineering.certificates.routes import certificates
from app.engineering.corrections.routes import corrections
from app.engineering.deliverables.routes import deliverables
from app.engineering.entries.routes import entries
from app.engineering.follow_up.routes import follow_up
from app.engineering.invoices.rates.routes import refinancing_rates
from app.engineering.invoices.routes import invoices
from app.engineering.planning.routes import planning
from app.envelopes.routes import envelopes
from app.firms.bank_details.routes import bank_details
from app.firms.certificates.routes import firm_certificates
from app.firms.contacts.routes import contacts
from app.firms.directory import Directory
from app.firms.routes import firms
from app.grants.payments.routes import payments
from app.grants.routes import grants
from app.integrations.access_records.routes import access_records
from app.integrations.access_records.service import AccessWriter
from app.integrations.feed.horizon import Horizon
from app.integrations.feed.kinds import kinds_of
from app.integrations.feed.live import Live, TooManyListeners
from app.integrations.feed.routes import events
from app.integrations.imports import runner
from app.integrations.imports.routes import imports
from app.integrations.imports.service import forget_uploads
from app.integrations.lookups.routes import lookups
from app.integrations.seals.routes import event_seals
from app.missions.frameworks.routes import frameworks
from app.missions.routes import missions
from app.programme.routes import programme
from app.projects.routes import projects
from app.reports.routes import reports
from app.reports.search.routes import searching
from app.roadmap.routes import roadmap
from app.schemes.routes import schemes
from app.settings import Settings, get_settings
from app.treasury.accounts.routes import bank_accounts
from app.treasury.collections.routes import collection_runs
from app.treasury.mandates.routes import mandates
from app.treasury.runs.routes import payment_runs

ROUTERS = (
    service, access, quotas, programme, schemes, committees, frameworks, missions, firms, contacts, bank_details,
    firm_certificates, auditions, projects, roadmap, entries, corrections, deliverables, activity_reports,
    certificates, invoices, refinancing_rates, planning, follow_up, envelopes, grant_awards, grants, payments,
    legal_rates, advance_awards, portfolios, advances, tranches, arrears, debt_claims, receipts, claims, recoveries,
    commitments, letters, overrides, applications, award_stories, agendas, decisions, reports, searching, events,
    event_seals, access_records, imports, lookups, bank_accounts, mandates, payment_runs, collection_runs,
)  # fmt: skip
DESCRIPTION = """\
The system of record of the French State's *Rebond industriel* programme: engineering days and aid envelopes that
cannot be overspent, whoever asks at the same time."""
# What the instruments of a browser add to each request (W3C Trace Context and Baggage, Sentry).
TRACING = ("traceparent", "tracestate", "baggage", "sentry-trace")
WATCH, ACCESSES = "watch", "access records"  # names of tasks
# The groups of operations, in the order of the programme's story.
TAGS = {
    "service": "What the service says of itself: addresses, health, problems.",
    "access": "Who may do what: organisations, persons, programs, roles, keys, limits.",
    "programme": "Waves, territories and their perimeters.",
    "missions": "What Banque des territoires orders: missions, orders, members, assignments, day rates, frameworks.",
    "firms": "The register of firms, and what a territory knows of one: stage, contacts, certificates, bank details.",
    "auditions": "Interviews of firms.",
    "engineering": "Days entered, validated, certified and invoiced; plans, deliverables, forecasts.",
    "projects": "Industrial projects, their financing and their jobs.",
    "roadmap": "The roadmap of a territory, its axes and actions.",
    "committees": "Meetings of committees.",
    "schemes": "Aid schemes and their parameters.",
    "applications": "Aid files, from their reception to the decision.",
    "envelopes": "The money of a territory: contributions, ledger, what is available.",
    "awards": "Overrides of rules, for one act each.",
    "grants": "Grants: agreement, claims, payments, commitments, letters, recoveries.",
    "advances": "Repayable advances: schedule, tranches, repayments, amendments, arrears, proceedings.",
    "treasury": "Accounts, mandates and the files that go to banks.",
    "reports": "Figures across domains, and what waits for whom.",
    "integrations": "For other systems: the event feed, imports, lookups.",
}
EXPOSED = ["Content-Disposition", *HEADERS, "X-Request-Id"]
log = structlog.get_logger("rebond")


async def state_of(settings: Settings) -> dict[str, Any]:
    """The content of `request.state` for every request. `lifespan` closes the engine and the directory on stop."""
    if settings.database_url is None:
        raise RuntimeError("the application is served with a database: see rebond serve")
    engine = create_engine(settings.database_url, pool_size=settings.pool_size, pool_timeout=settings.pool_timeout)
    horizon, listeners = Horizon(), Slots(LISTENERS_AT_ONCE, settings.listeners, TooManyListeners)
    return {
        "engine": engine,
        "sessions": session_factory(engine),
        "cursor_secrets": await _cursor_secrets(engine),
        "horizon": horizon,
        "listeners": listeners,
        "live": Live(engine, horizon, listeners),
        "readiness": Readiness(),
        "document": WrittenDocument(),
        "credentials": Credentials(settings.credential_cache, workers=settings.workers),
        "failures": Failures(settings.workers),
        "access_trail": AccessTrail(),
        "trusted_proxies": settings.trusted_proxies,
        "security_contact": settings.security_contact,
        "security_policy": settings.security_policy,
        "directory": Directory(settings.directory_url, share=settings.workers),
        "public_url": settings.public_url,
        "prefix": settings.prefix,
        "default_language": settings.default_language,
        "header_timeout": settings.header_timeout,
        "exports": Slots(EXPORTS_AT_ONCE, max(1, min(settings.exports, settings.pool_size - 1)), TooManyExports),
        "documents": Slots(DOCUMENTS_AT_ONCE),
        "uploads": Slots(IMPORTS_AT_ONCE),
        "export_timeout": settings.export_timeout,
        "send_timeout": settings.send_timeout,
        "import_received": asyncio.Event(),
        "import_transaction": settings.import_transaction,
        "import_memory": settings.import_memory,
    }


async def _cursor_secrets(engine: AsyncEngine) -> tuple[bytes, ...]:
    """The secrets that sign cursors. Waits 30 s for the database: a worker that fails to start ends all others."""
    give_up = time.monotonic() + 30
    while True:
        try:
            return await installation.cursor_secrets(engine)
        except Exception as error:  # the driver raises several kinds: `translate` says which mean that it is away
            away = isinstance(translate(error, Base.metadata), DatabaseUnavailable | Busy)
            if not away or time.monotonic() > give_up:
                raise
        log.warning("waiting_for_the_database")
        await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Creates the engine, the import runner and the background tasks on start, and closes them on stop."""
    state = await state_of(app.state.settings)
    # A pool of its own: a long import never takes a connection that a request waits for.
    of_imports = create_engine(app.state.settings.database_url, pool_size=4, name="rebond imports")
    accesses = AccessWriter(state["engine"], state["access_trail"])
    besides = {
        ACCESSES: accesses.serve,
        "housekeeping": lambda: _housekeeping(state),
        WATCH: lambda: _watch(state),
        "feed": state["live"].serve,
        "imports": lambda: runner.serve(
            of_imports, session_factory(of_imports), state["import_received"], memory=app.state.settings.import_memory
        ),
    }
    tasks = [asyncio.create_task(background.lasting(run), name=name) for name, run in besides.items()]
    tasks.append(asyncio.create_task(server.follow_supervisor()))  # ends where there is none; waits for nothing else
    try:
        with draining(app.state.settings.drain), profiles.offered(os.environ.get(figures.MULTIPROCESS)):
            yield state
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # they give their connections back
        await accesses.close()
        await state["directory"].close()
        await of_imports.dispose()
        await state["engine"].dispose()


async def _housekeeping(state: dict[str, Any]) -> None:
    """Deletes stored answers older than a day every ten minutes. A failure is logged, and tried again."""

    async def forget() -> None:
        async with state["sessions"]() as session, session.begin():
            await idempotency.forget_expired(session)
        await forget_uploads(state["engine"])

    while True:
        await asyncio.sleep(600)
        try:
            await background.within(300, forget())
        except Exception:  # whatever it is, what expired is deleted ten minutes later
            log.warning("housekeeping_failed", exc_info=True)


async def _watch(state: dict[str, Any]) -> None:
    """Updates in the metrics what is looked up: every two seconds the feed's horizon, imports and places, every minute
    when commands ended.
    """
    for seconds in itertools.count(step=2):
        figures.hold(state["engine"], **{name: state[name] for name in ("exports", "documents", "listeners")})
        looks = [state["horizon"].look, runner.look, *([command_ends.look] if seconds % 60 == 0 else ())]
        for look in looks:
            with contextlib.suppress(Exception):  # the database is away or busy: the requests report it
                await background.within(30, look(state["engine"]))
        await asyncio.sleep(2)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application; uvicorn's factory."""
    settings = settings or get_settings()
    logs.configure(settings.log_level)
    app = FastAPI(
        title="Rebond",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=[{"name": name, "description": words} for name, words in TAGS.items()],
        # FastAPI would tell a provider of OpenTelemetry what was sent and what failed, personal data among it, and
        # looks for one at every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    app.add_middleware(Compression)
    app.add_middleware(
        Shell,
        uploads="/imports",
        prefix=settings.prefix,
        embedders=settings.cors_origins,
        usual=Allowance(settings.max_body_bytes, settings.body_timeout, settings.request_timeout),
        upload=Allowance(settings.max_import_bytes, settings.import_timeout, settings.import_timeout),
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "Last-Event-ID",
                "X-Request-Id",
                *TRACING,
                *settings.cors_headers,
            ],
            expose_headers=EXPOSED,
        )
    _handle(app)
    routing.install(app, ROUTERS)
    app.state.event_kinds = kinds_of(app.routes)
    openapi.install(app)
    return app


def _handle(app: FastAPI) -> None:
    async def problem(request: Request, error: Exception) -> Response:
        return respond(request, error if isinstance(error, Problem) else InternalError())

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # registered for it alone
        known = {404: NotFound, 405: MethodNotAllowed, 400: MalformedRequest}.get(error.status_code, InternalError)
        return respond(request, known(headers=dict(error.headers or {})))

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(HTTPException, http)
