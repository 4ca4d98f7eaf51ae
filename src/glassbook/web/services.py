"""Application services: the notebook, the job queue, the model server, caches and the renderer that all views share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glassbook import experiments
from glassbook.jobs.queue import JobQueue
from glassbook.model_server import ModelServer
from glassbook.notebook import Notebook
from glassbook.notebook.pages.references import References
from glassbook.web.api.curves import Curves
from glassbook.web.render.markdown import Renderer
from glassbook.web.verdicts import Verdicts

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from glassbook.jobs.supervisor import Supervisor


@dataclass
class Services:
    """The services of an application; `services_of(request)` finds them in a view."""

    notebook: Notebook
    jobs: JobQueue
    model_server: ModelServer
    renderer: Renderer = field(default_factory=Renderer)
    curves: Curves = field(default_factory=Curves)
    verdicts: Verdicts = field(init=False)
    supervisor: Supervisor | None = None
    """Runs the jobs of the queue; None if this server does not."""

    def __post_init__(self) -> None:
        self.verdicts = Verdicts(self.notebook)

    @classmethod
    def of(cls, notebook: Notebook) -> Services:
        """The services of a notebook; nothing is started yet."""
        notebook.index.set_experiments({name: experiments.summary(name) for name in experiments.working()[0]})
        return cls(notebook, JobQueue(notebook.folder), ModelServer(notebook.folder))

    @property
    def references(self) -> References:
        """The bibliography, as references.json is now."""
        return References(self.notebook.folder)


def services_of(request: HTTPConnection) -> Services:
    """The services of the application that a request came to."""
    return request.app.state.services
