"""Runs: the filtered table of all runs, and the page of one run with its results, charts, curves, tables and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.errors import GlassbookError
from glassbook.experiments.lineage import Lineage, lineage_of
from glassbook.experiments.verdicts import judge, judging
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.index.index import RunCount, RunTable
from glassbook.notebook.runs.annotations import LONGEST_NOTE, MOST_TAGS, NoteConflict
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.notebook.runs.freshness import stale
from glassbook.notebook.serialization import flat
from glassbook.web.api.responses import json_response
from glassbook.web.api.serializers import artifacts, row_to_json, run_details_to_json, runs_to_json
from glassbook.web.render.readable import readable
from glassbook.web.render.vega import safe_spec
from glassbook.web.saving import store_copy
from glassbook.web.services import services_of
from glassbook.web.templating import respond
from glassbook.web.views.jobs import percent
from glassbook.web.views.run_files import find_file

router = APIRouter()
PER_PAGE = 100
PER_GROUP = 20
"""Runs of a folded table; its experiment's own table has the rest."""
UNFOLDED = 30
"""Runs up to which all folded tables are open."""
DEFAULT_COLUMNS = 5
"""Number of result columns shown by default."""
ROWS = 200
"""Rows of a table shown on a run's page."""

RunId = Annotated[str, Path(max_length=200, description="id of a run, or the beginning of one")]
Name = Annotated[str, Path(max_length=200)]
Status = Literal["", "running", "finished", "failed", "interrupted"]


@dataclass(frozen=True)
class RunQuery:
    """Filters and order of a table of runs, as its query string has them."""

    experiment: Annotated[str, Query(max_length=200, description="only runs of this experiment")] = ""
    status: Literal["", "running", "finished", "failed", "interrupted"] = ""
    q: Annotated[str, Query(max_length=500, description="only runs with these words")] = ""
    tag: Annotated[str, Query(max_length=200, description="only runs with this tag")] = ""
    archived: Annotated[
        Literal["", "only", "all"], Query(description="only archived runs, or those as well; otherwise none")
    ] = ""
    order: Annotated[
        str,
        Query(
            max_length=200,
            pattern=r"^(started|duration|experiment|status|seed|flop|(config|results)\..+)$",
            description="started, duration, experiment, status, seed, flop, config.<setting> or results.<name>",
        ),
    ] = "started"
    descending: bool = True

    def filters(self) -> dict[str, Any]:
        """The filters, but for the experiment, as the index takes them."""
        archived = {"": False, "only": True, "all": None}[self.archived]
        return {"status": self.status or None, "text": self.q, "tag": self.tag or None, "archived": archived}

    def table(self, notebook: Notebook, limit: int, offset: int = 0) -> RunTable:
        return notebook.index.run_table(
            experiment=self.experiment or None,
            **self.filters(),
            order=self.order,
            descending=self.descending,
            limit=limit,
            offset=offset,
        )

    def href(self, columns: Sequence[str], **changed: Any) -> str:
        """The address of the same table with some fields changed; those that are "" are left out."""
        given = {key: value for key, value in {**asdict(self), **changed}.items() if value != ""}
        pairs = [(key, str(value).lower() if isinstance(value, bool) else value) for key, value in given.items()]
        return "/runs?" + urlencode([*pairs, *(("column", name) for name in columns)])


@router.get("/api/v1/runs")
def list_runs(
    request: Request,
    query: Annotated[RunQuery, Depends()],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """Runs: filtered, sorted by any column, `limit` at a time; `columns` names all settings and results."""
    notebook = services_of(request).notebook
    return json_response(runs_to_json(notebook, query.table(notebook, limit, offset)))


@dataclass(frozen=True)
class Group:
    """Runs that are shown as one table: those of an experiment, or all."""

    experiment: str
    """ "" for all."""
    total: int
    newest: datetime | None
    shown: list[str]
    """Columns of settings and results."""
    rows: list[tuple[RunRecord, Lineage, list[Any]]]
    """Runs with what they and all they built on have cost, and their cells in these columns."""
    open: bool


@router.get("/runs", include_in_schema=False)
def runs_page(
    request: Request,
    query: Annotated[RunQuery, Depends()],
    column: Annotated[list[str], Query(max_length=50)] = [],  # noqa: B006 (FastAPI copies it)
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    fold: Annotated[bool, Query(description="a table for each experiment, where several have runs")] = True,
    open: Annotated[str, Query(max_length=200, description="the experiment whose folded table is open")] = "",
) -> HTMLResponse:
    notebook = services_of(request).notebook
    counts = [] if query.experiment or not fold else notebook.index.run_counts(**query.filters())
    folded = fold and len(counts) > 1
    table = query.table(notebook, 0 if folded else PER_PAGE, (page - 1) * PER_PAGE)
    if folded:
        few = table.total <= UNFOLDED
        groups = [_folded(notebook, query, column, count, few or open == count.experiment) for count in counts]
    else:
        shown = _columns(query.experiment, column, table.columns)
        groups = [Group("", table.total, None, shown, _rows(notebook, table, shown), open=True)]
    return respond(
        request,
        "runs.html",
        title="Runs",
        groups=groups,
        total=table.total,
        there=list(table.columns),
        tags=table.tags,
        names=sorted({*experiments.names(), *filter(None, [query.experiment])}),
        query=query,
        column=column,
        fold=fold,
        folded=folded,
        page=page,
        pages=1 if folded else max(1, -(-table.total // PER_PAGE)),
    )


def _folded(notebook: Notebook, query: RunQuery, column: list[str], count: RunCount, open: bool) -> Group:
    """The first runs of an experiment; a closed one has none until the browser opens it."""
    if not open:
        return Group(count.experiment, count.runs, count.newest, [], [], open)
    table = replace(query, experiment=count.experiment).table(notebook, PER_GROUP)
    shown = _columns(count.experiment, column, table.columns)
    return Group(count.experiment, table.total, count.newest, shown, _rows(notebook, table, shown), open)


def _columns(experiment: str, chosen: list[str], there: list[str]) -> list[str]:
    return [name for name in dict.fromkeys(chosen) if name in there] or _first_columns(experiment, there)


def _rows(notebook: Notebook, table: RunTable, shown: list[str]) -> list[tuple[RunRecord, Lineage, list[Any]]]:
    total = lineage_of(notebook)
    return [(row, total(row), [_cell(row, name) for name in shown]) for row in table.rows]


class AnnotateRequest(BaseModel):
    """Changes to a run's annotations; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    note: Annotated[str | None, Field(max_length=LONGEST_NOTE)] = None
    instead_of: str | None = None
    """The note that the new one was made from; status 409 if it is another by now."""
    tag: Annotated[list[str], Field(max_length=MOST_TAGS)] = []
    """Tags to add."""
    untag: Annotated[list[str], Field(max_length=MOST_TAGS)] = []
    """Tags to take away."""
    archived: bool | None = None


@router.patch("/api/v1/runs/{id}/annotations")
def annotate_json(request: Request, id: RunId, body: AnnotateRequest) -> Response:
    """Change a run's note, add and remove tags, archive it or take it back; gives the run as it then is.

    With status 409 the answer holds both notes, `mine` and `theirs`; `copies` are the files in which they are kept.
    """
    services = services_of(request)
    nb = services.notebook
    try:
        return json_response(row_to_json(nb.annotate(services.run(id), **body.model_dump())))
    except NoteConflict as conflict:
        notes = (conflict.mine, conflict.theirs)
        stored = [path for note in notes if note for path in store_copy(nb, f"note on {id}", note)]
        copies = [path.relative_to(nb.folder).as_posix() for path in stored]
        data = {"error": str(conflict), "mine": conflict.mine, "theirs": conflict.theirs, "copies": copies}
        return json_response(data, 409)


def _first_columns(experiment: str, there: list[str]) -> list[str]:
    """Default columns of an experiment's table: the results that its claims read."""
    if not experiment:
        return []
    kind = experiments.working()[0].get(experiment)
    claims = kind.claims if kind else ()
    read = [name for name in dict.fromkeys(f"results.{claim.metric}" for claim in claims) if name in there]
    return (read or [name for name in there if name.startswith("results.")])[:DEFAULT_COLUMNS]


def _cell(row: Any, column: str) -> Any:
    """The value of a row in a column such as config.model.width; "" if it has none."""
    kind, _, name = column.partition(".")
    data = row.config if kind == "config" else row.results
    return data[name] if name in data else flat(data).get(name, "")


@router.get("/api/v1/runs/{id}")
def run_json(request: Request, id: RunId) -> Response:
    """A run: settings, results, provenance, charts, tables and files, and what has changed since."""
    services = services_of(request)
    run = services.run(id)
    return json_response(run_details_to_json(services.notebook, run, services.metric_names(run)))


@router.get("/runs/{id}", include_in_schema=False)
def run_page(request: Request, id: RunId) -> HTMLResponse:
    services = services_of(request)
    run = services.run(id)
    kind = experiments.working()[0].get(run.experiment)
    return respond(
        request,
        "run.html",
        title=f"{run.experiment}, seed {run.seed}",
        run=run,
        job=services.jobs.of_run(run.id),
        tags=services.notebook.index.run_table(limit=0).tags,
        percent=percent(run),
        config=flat(run.config),
        environment=flat(run.environment),
        verdicts=[judge(claim, [run], seeds=1) for claim in run.claims],
        judges=bool(judging(run.experiment, [run])),
        sabotage=next((s.sentence for s in kind.sabotages if s.id == run.sabotage), "") if kind else "",
        metrics=services.metric_names(run),
        tables=[_table(run, name) for name in run.tables],
        files=artifacts(run),
        lineage=lineage_of(services.notebook)(run),
        stale=stale(run),
        cited=list({link.id: link for link in services.notebook.index.backlinks(run.id)}.values()),
        installed=kind is not None,
        dashboard=FeatureDashboard.exists(run.folder),
    )


def _table(run: RunRecord, name: str) -> dict[str, Any]:
    """A table for the template; a file whose rows are not mappings gives a `problem` instead."""
    try:
        if not run.reference:
            find_file(run, f"tables/{name}.json")
        rows = run.table(name)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise GlassbookError(f"table {name!r} holds no rows")
    except GlassbookError as problem:
        return {"name": name, "problem": str(problem), "columns": [], "rows": [], "total": 0}
    columns = list(dict.fromkeys(key for row in rows[:ROWS] for key in row))[:50]
    return {"name": name, "problem": "", "columns": columns, "rows": rows[:ROWS], "total": len(rows)}


@router.get("/api/v1/runs/{id}/metrics")
def run_metrics(
    request: Request,
    id: RunId,
    names: Annotated[list[str], Query(max_length=100, description="metrics; none asks for all")] = [],  # noqa: B006
    after_step: Annotated[int | None, Query(ge=-(2**53), le=2**53, description="only later steps")] = None,
    points: Annotated[int, Query(ge=2, le=2000, description="points of a curve at most")] = 2000,
) -> Response:
    """Metric curves, downsampled to the minimum and maximum of each span of steps; null is NaN or infinity."""
    services = services_of(request)
    run = services.run(id)
    there = services.metric_names(run)
    curves = {}
    for name in (names or there)[:100]:
        curves[name] = asdict(services.curve(run, name, after_step, points))
    return json_response({"status": run.status, "names": there, "metrics": curves})


@router.get("/api/v1/runs/{id}/charts/{name}")
def run_chart(request: Request, id: RunId, name: Name) -> Response:
    """A chart as a Vega-Lite spec with its own data; anything that links or fetches is removed."""
    run = services_of(request).run(id)
    if name in run.charts and not run.reference:
        find_file(run, f"charts/{name}.vl.json")
    return json_response(readable(safe_spec(run.chart(name))))


@router.get("/api/v1/runs/{id}/tables/{name}")
def run_table(
    request: Request,
    id: RunId,
    name: Name,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """Rows of a run's table."""
    run = services_of(request).run(id)
    if name in run.tables and not run.reference:
        find_file(run, f"tables/{name}.json")
    rows = run.table(name)
    if not isinstance(rows, list):
        raise GlassbookError(f"table {name!r} of run {run.id} holds no rows")
    return json_response({"name": name, "rows": rows[offset : offset + limit], "total": len(rows)})
