# The service for a PostgreSQL of your own: DATABASE_URL names it. docs/deployment.md says how to run it, and how this
# file was tried.

FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build
WORKDIR /build
RUN python -m venv /opt/rebond
COPY requirements-service.lock ./
RUN /opt/rebond/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-service.lock
COPY pyproject.toml ./
COPY app app
COPY migrations migrations
RUN /opt/rebond/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/rebond/bin/pip check \
    && /opt/rebond/bin/pip uninstall --yes pip

FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin rebond
COPY --from=build /opt/rebond /opt/rebond
# The bytecode was written when the packages were installed; the service writes nothing but to the temporary directory.
ENV PATH=/opt/rebond/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REBOND_HOST=0.0.0.0
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whether the process answers: a database that is away is no reason to start it again (/readyz tells that).
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('REBOND_PORT') or 8000), timeout=3); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["rebond"]
CMD ["serve"]
