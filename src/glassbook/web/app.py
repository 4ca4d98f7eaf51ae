"""FastAPI application of the web notebook: middleware, routers, lifespan and error responses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import Response

import glassbook
from glassbook.errors import GlassbookError
from glassbook.jobs.supervisor import Supervisor
from glassbook.notebook import Notebook
from glassbook.web.address import only_known_keys
from glassbook.web.api import live_events as events
from glassbook.web.api.responses import json_response
from glassbook.web.base_path import BasePath, check_base
from glassbook.web.security import Guard
from glassbook.web.services import Services
from glassbook.web.templating import STATIC, respond
from glassbook.web.views import ROUTERS


def create_app(
    notebook: Notebook,
    *,
    hosts: Iterable[str] = (),
    token: str | None = None,
    slots: int = 1,
    work: bool = True,
    base: str = "",
) -> FastAPI:
    """Build the application for a notebook, below the path `base` of a proxy.

    Without `work` jobs wait in the queue for a server that runs them.
    """
    services = Services.of(notebook)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        notebook.index.follow(at_once=True)
        threading.Thread(target=notebook.sweep, name="glassbook-sweep", daemon=True).start()
        supervisor = Supervisor(services.jobs, notebook, slots=slots) if work else None
        services.supervisor = supervisor
        if supervisor is not None:
            supervisor.start()
        try:
            yield
        finally:
            app.state.stopping.set()
            if supervisor is not None:
                # Jobs are separate processes and keep running; the next server finds them again.
                supervisor.stop()
                services.supervisor = None
            await services.model_server.close()
            notebook.close()

    app = FastAPI(
        title="Glassbook",
        version=glassbook.__version__,
        description="The notebook as JSON: pages, runs, claims, features, models, jobs.",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services, app.state.stopping = services, asyncio.Event()
    app.add_middleware(Guard, hosts=tuple(hosts), token=token)
    if base := check_base(base):
        app.add_middleware(BasePath, base=base)
    for router in (events.router, *ROUTERS):
        app.include_router(router, dependencies=[Depends(only_known_keys)])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(GlassbookError, _glassbook_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    return app


async def _glassbook_error(request: Request, error: Exception) -> Response:
    # A user's error means "not found" when reading and "bad request" when writing.
    return _error_response(
        request, getattr(error, "status", 404 if request.method in ("GET", "HEAD") else 400), str(error)
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error_response(request, error.status_code, str(error.detail), dict(error.headers or {}))


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return _error_response(request, 422, f"{where}: {first['msg']}")


def _error_response(request: Request, status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    text = " ".join(text.split())
    if request.url.path.startswith("/api/") or request.method not in ("GET", "HEAD"):
        return json_response({"error": text}, status, headers)
    page = respond(request, "error.html", status, title="Page not found" if status == 404 else "Error", text=text)
    page.headers.update(headers or {})
    return page
