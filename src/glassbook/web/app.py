"""The application: services, the guard, every view, and how errors are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

import glassbook
from glassbook.errors import GlassbookError
from glassbook.jobs.supervisor import Supervisor
from glassbook.notebook import Notebook
from glassbook.web.api import live_events as events
from glassbook.web.security import Guard
from glassbook.web.services import Services
from glassbook.web.templating import STATIC, respond
from glassbook.web.views import ROUTERS


def create_app(
    notebook: Notebook, *, hosts: Iterable[str] = (), token: str | None = None, slots: int = 1, work: bool = True
) -> FastAPI:
    """The notebook as a web application.

    Args:
        notebook: what it shows.
        hosts: host names that it answers to, beside those of the machine itself.
        token: secret that visitors have to bring; None lets in whoever can reach it.
        slots: jobs that run at the same time.
        work: take jobs from the queue; without it they wait.
    """
    made = Services.of(notebook)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        notebook.follow(at_once=True)
        supervisor = Supervisor(made.jobs, notebook, slots=slots) if work else None
        made.supervisor = supervisor
        if supervisor is not None:
            supervisor.start()
        try:
            yield
        finally:
            app.state.stopping.set()
            if supervisor is not None:
                # Jobs are processes of their own and go on; the next server finds them again.
                supervisor.stop()
                made.supervisor = None
            await made.model_server.close()
            notebook.close()

    app = FastAPI(
        title="Glassbook",
        version=glassbook.__version__,
        description="Everything that the notebook's pages show, as JSON.",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services, app.state.stopping = made, asyncio.Event()
    app.add_middleware(Guard, hosts=tuple(hosts), token=token)
    app.include_router(events.router)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(GlassbookError, _told)
    app.add_exception_handler(HTTPException, _http_told)
    app.add_exception_handler(RequestValidationError, _invalid)
    return app


async def _told(request: Request, error: Exception) -> Response:
    """What the user can put right: a thing that is not there when reading, a thing that cannot be done when writing."""
    return _answer(request, getattr(error, "status", 404 if request.method in ("GET", "HEAD") else 400), str(error))


async def _http_told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(request, error.status_code, str(error.detail), dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return _answer(request, 422, f"{where}: {first['msg']}")


def _answer(request: Request, status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    text = " ".join(text.split())
    if request.url.path.startswith("/api/") or request.method not in ("GET", "HEAD"):
        return JSONResponse({"error": text}, status, headers)
    answer = respond(request, "error.html", status, title="Page not found" if status == 404 else "Error", text=text)
    answer.headers.update(headers or {})
    return answer
