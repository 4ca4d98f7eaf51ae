"""What every view works with, made once for an app."""

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
    """The notebook and the machinery round it."""

    notebook: Notebook
    jobs: JobQueue
    model_server: ModelServer
    renderer: Renderer = field(default_factory=Renderer)
    curves: Curves = field(default_factory=Curves)
    verdicts: Verdicts = field(init=False)
    supervisor: Supervisor | None = None
    """Who works the queue off; None while nobody does."""

    def __post_init__(self) -> None:
        self.verdicts = Verdicts(self.notebook)

    @classmethod
    def of(cls, notebook: Notebook) -> Services:
        """The services of one notebook; nothing is started yet."""
        notebook.index.set_experiments({name: experiments.summary(name) for name in experiments.working()[0]})
        return cls(notebook, JobQueue(notebook.folder), ModelServer(notebook.folder))

    @property
    def references(self) -> References:
        """The works that pages cite, as references.json has them now."""
        return References(self.notebook.folder)


def services(request: HTTPConnection) -> Services:
    """The services of the app that a request came to."""
    return request.app.state.services
