"""What every service shares: settings, health, metrics, errors as JSON, and a graceful end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from weakref import WeakSet

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler

from urbanlab.contract import environment
from urbanlab.contract.secrets import Secret, read_secret
from urbanlab_services.errors import NotFoundError, ServiceError
from urbanlab_services.logs import configure_logging

logger = logging.getLogger(__name__)

# What a service lacks to do its work: name of the part -> a sentence. Empty means ready.
Missing = dict[str, str]
Readiness = Callable[[], Awaitable[Missing]]
Route = tuple[str, type[RequestHandler]] | tuple[str, type[RequestHandler], dict[str, Any]]

STOP_SECONDS = 5.0


class ServiceSettingsError(ValueError):
    """What a service is started with is not enough or makes no sense; the message is safe to show."""


@dataclass(frozen=True)
class ServiceSettings:
    """The environment of a service, see `urbanlab.contract.environment`; what is not set is empty."""

    name: str
    bind: str
    port: int
    hub_api_url: str
    keycloak_realm_url: str
    kafka_bootstrap: str
    warehouse_url: str
    records: Path
    secrets: Path
    state: Path
    engine_socket: Path
    warehouse_cluster: str
    hub_url: str
    public: Path
    portal_url: str
    publisher_url: str
    audit_socket: Path
    audit_senders: str
    smtp_url: str = ""
    smtp_from: str = ""
    smtp_password_file: str = ""
    live_views: int = 10

    @classmethod
    def from_environ(
        cls, name: str, needs: tuple[str, ...] = (), environ: Mapping[str, str] | None = None
    ) -> ServiceSettings:
        """Return the settings of the service `name`; raise `ServiceSettingsError` if one of `needs` is unset."""
        values = os.environ if environ is None else environ
        unset = [variable for variable in needs if not values.get(variable)]
        if unset:
            raise ServiceSettingsError(f"the service {name} needs {', '.join(unset)} in its environment")
        return cls(
            name=name,
            bind=values.get(environment.BIND) or "127.0.0.1",
            port=_to_port(values.get(environment.PORT) or "0"),
            hub_api_url=values.get(environment.HUB_API_URL, "").rstrip("/"),
            keycloak_realm_url=values.get(environment.KEYCLOAK_REALM_URL, "").rstrip("/"),
            kafka_bootstrap=values.get(environment.KAFKA_BOOTSTRAP, ""),
            warehouse_url=values.get(environment.WAREHOUSE_URL, "").rstrip("/"),
            records=Path(values.get(environment.RECORDS, "")),
            secrets=Path(values.get(environment.SECRETS, "")),
            state=Path(values.get(environment.SERVICE_STATE, "")),
            engine_socket=Path(values.get(environment.ENGINE_SOCKET, "")),
            warehouse_cluster=values.get(environment.WAREHOUSE_CLUSTER, ""),
            hub_url=values.get(environment.HUB_URL, "").rstrip("/"),
            public=Path(values.get(environment.PUBLIC, "")),
            portal_url=values.get(environment.PORTAL_URL, "").rstrip("/"),
            publisher_url=values.get(environment.PUBLISHER_URL, "").rstrip("/"),
            audit_socket=Path(values.get(environment.AUDIT_SOCKET, "")),
            audit_senders=values.get(environment.AUDIT_SENDERS, ""),
            smtp_url=values.get(environment.SMTP_URL, ""),
            smtp_from=values.get(environment.SMTP_FROM, ""),
            smtp_password_file=values.get(environment.SMTP_PASSWORD_FILE, ""),
            live_views=int(values.get(environment.LIVE_VIEWS) or 10),
        )

    def secret(self, name: str) -> Secret:
        """Return one of this service's secrets; raise `ServiceSettingsError` if it cannot be read."""
        try:
            return read_secret(self.secrets, name)
        except OSError as error:
            raise ServiceSettingsError(
                f"the service {self.name} cannot read its secret {name}: {error.strerror}"
            ) from error


def _to_port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ServiceSettingsError(f"{environment.PORT} is {text!r}: it must be a port number")
    return int(text)


class BaseHandler(RequestHandler):
    """A handler that answers JSON and turns every error into a status and a body in this one place."""

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        super().__init__(application, request, **kwargs)
        application.settings["running"].add(self)

    def on_finish(self) -> None:
        """Forget this request; an overriding method calls this one."""
        self.application.settings["running"].discard(self)

    def set_default_headers(self) -> None:
        """Answers of a service are for the one who asked, and are never pages."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_json(self, body: Any, status: int = 200) -> None:
        """Write `body` as JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(json.dumps(body, ensure_ascii=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write ``{"error": {"code", "message"}}``; only a `ServiceError` speaks for itself."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, ServiceError):
            if error.retry_after:
                self.set_header("Retry-After", str(error.retry_after))
            body = {"code": error.code, "message": error.message}
        else:
            phrase = HTTPStatus(status_code).phrase
            body = {"code": phrase.lower().replace(" ", "_"), "message": phrase}
        self.write_json({"error": body}, self.get_status())

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Let a `ServiceError` choose its status."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        super().send_error(error.status if isinstance(error, ServiceError) else status_code, **kwargs)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Keep tracebacks for what nobody expected."""
        if not isinstance(value, ServiceError | HTTPError):
            logger.error("request failed", exc_info=(typ, value, tb))


class UnknownHandler(BaseHandler):
    """Whatever has no route."""

    def prepare(self) -> None:
        """Refuse."""
        raise NotFoundError("There is nothing at this address.")


class LivezHandler(BaseHandler):
    """The process lives."""

    def get(self) -> None:
        """Say so."""
        self.write_json({"status": "alive"})


class ReadyzHandler(BaseHandler):
    """Whether the service can do its work now."""

    def initialize(self, readiness: Readiness) -> None:
        """Take the question to ask."""
        self._readiness = readiness

    async def get(self) -> None:
        """Answer 200, or 503 and what is missing."""
        missing = await self._readiness()
        body = {"status": "not ready", "missing": missing} if missing else {"status": "ready"}
        self.write_json(body, 503 if missing else 200)


class MetricsHandler(BaseHandler):
    """The metrics of this process for Prometheus.

    Every account of the machine can ask: metrics carry no tenant's name in a label.
    """

    def get(self) -> None:
        """Write them in Prometheus' text format."""
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.write(generate_latest())


def make_application(routes: list[Route], readiness: Readiness, **settings: Any) -> Application:
    """Return a tornado application with `routes` and what every service answers."""
    shared: list[Route] = [
        ("/livez", LivezHandler),
        ("/readyz", ReadyzHandler, {"readiness": readiness}),
        ("/metrics", MetricsHandler),
    ]
    return Application(
        [*routes, *shared],
        default_handler_class=UnknownHandler,
        log_function=log_request,
        running=WeakSet(),  # a request whose client went away is forgotten with its handler
        **settings,
    )


def log_request(handler: RequestHandler) -> None:
    """Write one line for each request, without its query string, which may carry a credential."""
    request, status = handler.request, handler.get_status()
    quiet = request.path in {"/livez", "/readyz", "/metrics", "/ping", "/releases"}
    quiet = quiet and status not in (401, 403, 500)
    level = logging.DEBUG if quiet else logging.WARNING if status >= 500 else logging.INFO
    milliseconds = round(1000 * request.request_time(), 1)
    fields = {"method": request.method, "path": request.path, "status": status, "ms": milliseconds}
    logger.log(level, "request", extra=fields)


@asynccontextmanager
async def serving(
    application: Application, settings: ServiceSettings, **options: Any
) -> AsyncIterator[HTTPServer]:
    """Listen where the settings say while the block runs, then let requests end and close.

    `options` are those of tornado's `HTTPServer`.
    """
    server = HTTPServer(application, **options)
    try:
        server.listen(settings.port, settings.bind)
    except OSError as error:
        raise ServiceSettingsError(
            f"the service {settings.name} cannot listen at {settings.bind}:{settings.port}: {error.strerror}"
        ) from error
    logger.info("listening", extra={"bind": settings.bind, "port": settings.port})
    try:
        yield server
    finally:
        server.stop()
        await _wait_for_requests(application)
        await server.close_all_connections()


async def _wait_for_requests(application: Application) -> None:
    running = application.settings["running"]
    deadline = time.monotonic() + STOP_SECONDS
    while running and time.monotonic() < deadline:  # noqa: ASYNC110 - handlers end in no one place
        await asyncio.sleep(0.05)


async def wait_for_stop() -> None:
    """Return when somebody asks this process to end (SIGTERM or SIGINT)."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()
    logger.info("stopping")


def run_service(main: Callable[[ServiceSettings], Awaitable[None]], name: str, *needs: str) -> None:
    """Run `main` with the settings of the service `name` until it returns."""
    configure_logging(name)
    os.umask(0o077)

    async def run() -> None:
        await main(ServiceSettings.from_environ(name, needs))

    try:
        asyncio.run(run())
    except ServiceSettingsError as error:
        logger.critical("not started", extra={"error": str(error)})
        raise SystemExit(1) from None
