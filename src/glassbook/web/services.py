"""Application services: the notebook, the job queue, the model server and the caches that all views share."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glassbook import experiments
from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.jobs.queue import JobQueue
from glassbook.model_server import ModelServer
from glassbook.notebook import Notebook, RunRecord
from glassbook.web.api.curves import POINTS, Curve, Curves, cut
from glassbook.web.verdict_cache import VerdictCache

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from glassbook.jobs.supervisor import Supervisor

MAX_RESPONSES = 200
"""Results of the model server in memory; the least recently used goes first."""


@dataclass
class Services:
    """The services of an application; `services_of(request)` finds them in a view."""

    notebook: Notebook
    jobs: JobQueue
    model_server: ModelServer
    verdicts: VerdictCache
    curves: Curves = field(default_factory=Curves)
    supervisor: Supervisor | None = None
    """Runs the jobs of the queue; None if this server does not."""
    _responses: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, notebook: Notebook) -> Services:
        """The services of a notebook; nothing is started yet."""
        notebook.index.set_experiments({name: experiments.summary(name) for name in experiments.working()[0]})
        return cls(notebook, JobQueue(notebook.folder), ModelServer(notebook.folder), VerdictCache(notebook))

    def run(self, id: str) -> RunRecord:
        """A run of the notebook, or a reference run, by its id."""
        return evidence.run(self.notebook, id)

    def metric_names(self, run: RunRecord) -> list[str]:
        """Names of the metrics that a run logged, in order of first appearance."""
        if run.reference:
            return run.metric_names()
        return self.curves.names(run.folder, self.notebook.index.latest([run.id]).get(run.id, {}))

    def curve(self, run: RunRecord, name: str, after: int | None = None, points: int = POINTS) -> Curve:
        """One metric of a run, after step `after`, thinned to `points`; empty if it was never logged."""
        return (
            cut(*run.metrics(name), after, points)
            if run.reference
            else self.curves.curve(run.folder, name, after, points)
        )

    async def call_model_server(
        self, method: str, *, partial: Callable[[dict[str, Any]], object] | None = None, **params: Any
    ) -> dict[str, Any]:
        """The result of a request to the model server, from memory if it was made before.

        The same request always has the same result (sampling is seeded). Errors are not cached. `partial` is called
        with parts of a result that is not in memory, as they come.
        """
        key = json.dumps([method, params], sort_keys=True)
        if key not in self._responses:
            self._responses[key] = await self.model_server.call(method, partial=partial, **params)
        self._responses.move_to_end(key)
        if len(self._responses) > MAX_RESPONSES:
            self._responses.popitem(last=False)
        return self._responses[key]

    async def stream_model_server(self, method: str, **params: Any) -> AsyncGenerator[dict[str, Any]]:
        """The same, in messages: any number of {"partial": ...}, then {"result": ...} or {"error": one line}.

        Closing the generator cancels the request.
        """
        messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def ask() -> None:
            try:
                result = await self.call_model_server(
                    method, partial=lambda part: messages.put_nowait({"partial": part}), **params
                )
                messages.put_nowait({"result": result})
            except GlassbookError as error:
                messages.put_nowait({"error": str(error)})
            except Exception:
                messages.put_nowait({"error": "the server failed; what it printed says how"})
                raise

        asking = asyncio.create_task(ask())
        try:
            while True:
                message = await messages.get()
                yield message
                if "partial" not in message:
                    break
        finally:
            asking.cancel()


def services_of(request: HTTPConnection) -> Services:
    return request.app.state.services
