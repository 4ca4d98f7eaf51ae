"""Comparison of runs: settings, results and curves of a few side by side, and a scatter plot with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.experiments.evidence import settings_of
from glassbook.experiments.lineage import Lineage, lineage_of
from glassbook.measure.pareto import pareto_front
from glassbook.notebook import Notebook, RunRecord, same_data
from glassbook.notebook.runs.compute import TRAINING, flop_by_kind
from glassbook.notebook.serialization import flat, to_json
from glassbook.web.api.responses import json_response
from glassbook.web.api.serializers import run_to_json
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond

router = APIRouter()
MAX_RUNS = 12
"""Runs compared at once; more curves could not be told apart."""
MAX_POINTS = 3000
"""Runs in the scatter plot, newest first."""

RunIds = Annotated[list[str], Query(max_length=MAX_RUNS, description="ids of the runs")]
Column = Annotated[
    str,
    Query(
        max_length=200,
        pattern=r"^$|^(flop|flop_total|seconds)$|^(config|results)\..+$",
        description="results.<name>, config.<setting>, flop, flop_total or seconds",
    ),
]
COMPUTE = ("flop", "flop_total", "seconds")
"""What a run has cost: FLOP of its training, with all that it built on, and seconds."""
_MISSING = object()


def _side_by_side(notebook: Notebook, runs: list[RunRecord]) -> dict[str, Any]:
    """Settings, results and compute by name: a value for each run (None where one has none), whether they differ."""
    settings = [
        {
            "experiment": run.experiment,
            "seed": run.seed,
            "commit": str(run.code.get("commit") or "")[:10],
            **flat(run.config),
        }
        for run in runs
    ]
    total = lineage_of(notebook)
    compute = []
    for run in runs:
        beside = {f"flop_{kind}": flop for kind, flop in flop_by_kind(run.compute).items() if kind != TRAINING}
        costs = {name: _cost(run, name, total) for name in COMPUTE}
        compute.append({name: cost for name, cost in {**costs, **beside, **costs}.items() if cost is not None})
    return {
        "settings": _rows(settings),
        "results": _rows([run.results for run in runs]),
        "compute": _rows(compute),
    }


def _cost(run: RunRecord, name: str, total: Callable[[RunRecord], Lineage]) -> float | None:
    """What a run has cost: FLOP of its training, with all that it built on, or seconds from start to end."""
    if name == "flop":
        return run.flop
    if name == "flop_total":
        return total(run).flop or None
    return (run.ended - run.started).total_seconds() if run.ended else None


def _rows(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for name in dict.fromkeys(key for data in columns for key in data):
        values = [data.get(name, _MISSING) for data in columns]
        differ = any((value is _MISSING) != (values[0] is _MISSING) for value in values) or not all(
            value is _MISSING or same_data(value, values[0]) for value in values
        )
        rows.append(
            {"name": name, "values": [None if value is _MISSING else value for value in values], "differ": differ}
        )
    return rows


@router.get("/api/v1/compare")
def compare_json(request: Request, run: RunIds) -> Response:
    """Runs side by side: every setting and result with a value for each run, and whether they differ."""
    services = services_of(request)
    runs = [services.run(name) for name in dict.fromkeys(run)]
    return json_response({"runs": [run_to_json(one) for one in runs], **_side_by_side(services.notebook, runs)})


@router.get("/compare", include_in_schema=False)
def compare_page(request: Request, run: RunIds = []) -> HTMLResponse:  # noqa: B006
    services = services_of(request)
    runs = [services.run(name) for name in dict.fromkeys(run)]
    metrics = list(dict.fromkeys(name for one in runs for name in services.metric_names(one)))
    rows = _side_by_side(services.notebook, runs) if runs else {"settings": [], "results": [], "compute": []}
    return respond(
        request,
        "compare.html",
        title="Compare runs",
        runs=runs,
        metrics=metrics,
        most=MAX_RUNS,
        groups=_groups(runs),
        **rows,
    )


def _groups(runs: list[RunRecord]) -> dict[str, str]:
    """Id of a run -> name of those of its experiment and settings, which differ by their seed: their mean is shown."""
    names: dict[tuple[str, str], str] = {}
    found = {}
    for run in runs:
        settings = to_json(run.config, what="the settings")
        same = [name for (experiment, _), name in names.items() if experiment == run.experiment]
        name = f"{run.experiment}, settings {len(same) + 1}" if same else run.experiment
        found[run.id] = names.setdefault((run.experiment, settings), name)
    return found


def _value(row: RunRecord, column: str, total: Callable[[RunRecord], Lineage]) -> float | None:
    """The finite number in a column of a run; None if there is none."""
    if column in COMPUTE:
        return _cost(row, column, total)
    kind, _, name = column.partition(".")
    data = row.config if kind == "config" else row.results
    value = data[name] if name in data else flat(data).get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _pareto(services: Services, x: str, y: str, experiment: str, minimise: list[str]) -> dict[str, Any]:
    table = services.notebook.index.run_table(experiment=experiment or None, archived=False, limit=MAX_POINTS)
    columns = [name for name in table.columns if name.startswith(("results.", "config."))] + list(COMPUTE)
    total = lineage_of(services.notebook)
    points = []
    for row in table.rows if x and y else []:
        xy = _value(row, x, total), _value(row, y, total)
        if None not in xy:
            point = {"run": row.id, "experiment": row.experiment, "seed": row.seed, "settings": settings_of(row)}
            points.append({**point, "x": xy[0], "y": xy[1]})
    front = set(pareto_front([(point["x"], point["y"]) for point in points], ["x" in minimise, "y" in minimise]))
    for i, point in enumerate(points):
        point["front"] = i in front
    return {"x": x, "y": y, "minimise": minimise, "columns": columns, "points": points, "runs": table.total}


@router.get("/api/v1/pareto")
def pareto_json(
    request: Request,
    x: Column,
    y: Column,
    experiment: Annotated[str, Query(max_length=200)] = "",
    minimise: Annotated[
        list[str], Query(max_length=4, description="x, y or both: the axes on which lower is better")
    ] = [],  # noqa: B006
) -> Response:
    """Two numbers of every run; `front` marks the Pareto front: the runs that no other run beats on both."""
    return json_response(_pareto(services_of(request), x, y, experiment, minimise))


@router.get("/pareto", include_in_schema=False)
def pareto_page(
    request: Request,
    x: Column = "",
    y: Column = "",
    experiment: Annotated[str, Query(max_length=200)] = "",
    minimise: Annotated[list[str], Query(max_length=4)] = [],  # noqa: B006
) -> HTMLResponse:
    data = _pareto(services_of(request), x, y, experiment, minimise)
    front = sorted((point for point in data["points"] if point["front"]), key=lambda point: point["x"])
    return respond(
        request,
        "pareto.html",
        title="Scatter plot",
        experiment=experiment,
        names=sorted({*experiments.names(), *([experiment] if experiment else [])}),
        front=front,
        considered=MAX_POINTS,
        **data,
    )
