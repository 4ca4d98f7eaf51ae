"""Feature browser: the runs that have a feature dashboard, a run's table of features, and a page for each feature."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from glassbook.assets.reference import reference_runs
from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.model_server import dictionary_of, same_model
from glassbook.notebook import Notebook, Page, RunRecord
from glassbook.notebook.runs.feature_dashboard import Feature, FeatureDashboard
from glassbook.notebook.runs.feature_names import LONGEST, given_by_person, name_feature
from glassbook.web.api.serializers import features_to_json
from glassbook.web.default_prompts import prompts_for
from glassbook.web.services import services_of
from glassbook.web.templating import path_part, respond

router = APIRouter(tags=["features"])

MAX_RUNS = 200
"""Runs with a feature dashboard that are listed, newest first."""
MAX_MENTIONS = 50
"""Pages searched for mentions of a feature."""
SHADES = 5
"""Background shades of an active token."""

RunName = Annotated[str, Path(max_length=200)]
Index = Annotated[int, Path(ge=0, lt=2**31)]
Density = Annotated[
    Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None,
    # A form sends its empty fields too.
    BeforeValidator(lambda given: None if given == "" else given),
    Query(),
]


@dataclass(frozen=True)
class FeatureQuery:
    """Filters, order and page of a table of features, as its query string has them."""

    q: Annotated[str, Query(max_length=200)] = ""
    order: Literal["", "index", "label", "score", "density", "max"] = ""
    """ "" for the best first, see `resolved`."""
    down: bool = False
    labelled: bool = False
    low: Density = None
    high: Density = None
    page: Annotated[int, Query(ge=1, le=100_000)] = 1
    size: Annotated[int, Query(ge=1, le=200)] = 50

    def href(self, **changed: Any) -> str:
        """The query string of the same table with some fields changed."""
        values = {**asdict(self), **changed}
        plain = asdict(FeatureQuery())
        return "?" + urlencode(
            {k: str(v).lower() if isinstance(v, bool) else v for k, v in values.items() if v != plain[k]}
        )

    def sorted_by(self, order: str) -> str:
        """The same table sorted by a column; reversed if it is sorted by it already."""
        first = order in ("score", "density", "max")  # numbers: largest first
        return self.href(order=order, down=not self.down if order == self.order else first, page=1)


def dashboards(nb: Notebook) -> list[tuple[RunRecord, dict[str, Any]]]:
    """The newest runs that have a feature dashboard, with its header; then reference runs that have one."""
    folder = nb.folder / "runs"
    runs = [run for run in folder.iterdir() if FeatureDashboard.exists(run)] if folder.is_dir() else []
    found = []
    for run in sorted(runs, key=lambda run: run.name, reverse=True)[:MAX_RUNS]:
        try:
            found.append((nb.run(run.name), FeatureDashboard(run).header))
        except GlassbookError:
            continue  # an unreadable dashboard must not hide the others; its own page says what is wrong
    shipped = [run for run in reference_runs() if FeatureDashboard.exists(run.folder)]
    return found + [(run, FeatureDashboard(run.folder).header) for run in shipped]


def steerable(nb: Notebook, model: str) -> list[tuple[RunRecord, dict[str, Any]]]:
    """Of `dashboards` those that a model can be steered with: of its own activations, and with their dictionary."""
    return [
        (run, header)
        for run, header in dashboards(nb)
        if dictionary_of(run, header.get("dictionary")) and same_model(nb, str(header.get("model")), model)
    ]


def headers_to_json(found: Iterable[tuple[RunRecord, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Runs with the headers of their feature dashboards."""
    return [{"run": run.id, "experiment": run.experiment, "seed": run.seed, **header} for run, header in found]


def open_dashboard(request: Request, run: str) -> tuple[RunRecord, FeatureDashboard]:
    record = evidence.run(services_of(request).notebook, run)
    return record, FeatureDashboard(record.folder)


def resolved(dashboard: FeatureDashboard, query: FeatureQuery) -> FeatureQuery:
    """A query with the order that it leaves open: by the labels' scores, or without labels by the activations."""
    if query.order:
        return query
    return replace(query, order="score" if dashboard.rows(labelled=True, limit=0)[1] else "max", down=True)


def rows_of(dashboard: FeatureDashboard, query: FeatureQuery) -> tuple[list[Any], int]:
    """The rows of a `resolved` query, and how many there are."""
    assert query.order
    return dashboard.rows(
        text=query.q,
        order=query.order,
        descending=query.down,
        labelled=query.labelled,
        density=(query.low, query.high),
        limit=query.size,
        offset=(query.page - 1) * query.size,
    )


def shade(value: float, largest: float) -> int:
    """The shade, 0 to `SHADES`, of a value; anything above zero is visible."""
    if not (value > 0 and largest > 0):
        return 0
    return max(1, min(SHADES, round(value / largest * SHADES)))


def density_text(density: float) -> str:
    """A density in words: "1 in 1,240"."""
    if not density > 0:
        return "never"
    return f"1 in {round(1 / density):,}" if density < 0.5 else f"{density:.0%} of tokens"


def visible(text: str) -> str:
    return text.replace("\r", "␍").replace("\n", "↵").replace("\t", "⇥") or "∅"


HELPERS = {"shade": shade, "density": density_text, "visible": visible}
"""Functions for the feature templates."""


def histogram(feature: Feature) -> dict[str, Any]:
    """A feature's activation histogram as a Vega-Lite spec; counts are on a symlog scale, which shows 1 beside 10^6."""
    edges, counts = list(feature.histogram["edges"]), list(feature.histogram["counts"])
    if len(edges) > 2 and edges[0] <= 0:
        # The lowest bin starts at 0, which a log scale cannot show: it is drawn as wide as the next.
        edges[0] = edges[1] ** 2 / edges[2]
    first = next((i for i, n in enumerate(counts) if n), 0)
    edges, counts = edges[first:], counts[first:]
    ticks = [0, *(10**n for n in range(len(str(max(counts, default=0)))))]
    bars = [{"from": a, "to": b, "count": n} for (a, b), n in zip(pairwise(edges), counts, strict=True)]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": bars},
        "height": 150,
        "mark": {"type": "bar", "tooltip": True, "binSpacing": 1},
        "encoding": {
            "x": {
                "field": "from",
                "bin": {"binned": True},
                "type": "quantitative",
                # The bins are equal on a log scale.
                "scale": {"type": "log", "nice": False, "domain": edges[:1] + edges[-1:]},
                "axis": {"tickCount": 6, "grid": False},
                "title": "activation",
            },
            "x2": {"field": "to"},
            "y": {
                "field": "count",
                "type": "quantitative",
                "scale": {"type": "symlog"},
                "axis": {"values": ticks},
                "title": "tokens",
            },
        },
    }


def mentions_of(nb: Notebook, record: RunRecord, index: int) -> list[Page]:
    """Pages that show a feature in a live block, steer with it, or link to its page."""
    name = f"features/{record.id}/{index}"
    linked = [link.id for link in nb.index.backlinks(name)]
    mentioned = [hit.id for hit in nb.index.search(record.id, limit=MAX_MENTIONS, kinds=["page"])]
    pages = (nb.page(ident) for ident in dict.fromkeys([*linked, *mentioned]))
    return [page for page in pages if page.id in linked or _mentions(page, record.id, index)]


def _mentions(page: Page, run: str, index: int) -> bool:
    if re.search(rf"/features/{re.escape(run)}/{index}(?!\d)", page.body):
        return True
    for block in page.outline().blocks:
        sources = block.data.get("sources")
        parts = [block.data, *(sources if isinstance(sources, list) else [])]
        if block.kind in ("feature", "steer") and any(_is(part, run, index) for part in parts):
            return True
    return False


def _is(part: Any, run: str, index: int) -> bool:
    if not isinstance(part, dict) or part.get("index") != index:
        return False
    prefix = str(part.get("run", ""))
    return bool(prefix) and run.startswith(prefix)


@router.get("/features", include_in_schema=False)
def features(request: Request) -> HTMLResponse:
    return respond(request, "features.html", dashboards=dashboards(services_of(request).notebook))


@router.get("/features/{run}", include_in_schema=False)
def browse(request: Request, run: RunName, query: Annotated[FeatureQuery, Depends()]) -> HTMLResponse:
    record, dashboard = open_dashboard(request, run)
    shown = resolved(dashboard, query)
    rows, total = rows_of(dashboard, shown)
    return respond(
        request,
        "feature_table.html",
        run=record,
        dashboard=dashboard.header,
        rows=rows,
        total=total,
        query=query,
        shown=shown,
        **HELPERS,
        pages=max(1, -(-total // query.size)),
    )


@router.get("/features/{run}/{index}", include_in_schema=False)
def feature_page(request: Request, run: RunName, index: Index) -> Response:
    record, dashboard = open_dashboard(request, run)
    if record.id != run:
        return RedirectResponse(f"/features/{path_part(record.id)}/{index}")
    feature = dashboard.feature(index)
    similar, together = (
        [(i, value, dashboard.feature(i)) for i, value in pairs] for pairs in (feature.similar, feature.together)
    )
    largest = max((abs(v) for _, v in [*feature.promotes, *feature.suppresses]), default=0.0)
    return respond(
        request,
        "feature.html",
        run=record,
        dashboard=dashboard.header,
        feature=feature,
        neighbours=dashboard.neighbours(index),
        similar=similar,
        together=together,
        **HELPERS,
        largest=largest,
        steers=not record.reference or dictionary_of(record, dashboard.header.get("dictionary")) is not None,
        given=given_by_person(feature.names),
        sentence=prompts_for(str(dashboard.header.get("model"))).inside,
        mentions=mentions_of(services_of(request).notebook, record, index),
    )


@router.get("/api/v1/features")
def features_json(request: Request) -> dict[str, Any]:
    """The runs that have features, newest first, with the model, site and width of their dictionaries."""
    return {"runs": headers_to_json(dashboards(services_of(request).notebook))}


@router.get("/api/v1/features/{run}")
def browse_json(request: Request, run: RunName, query: Annotated[FeatureQuery, Depends()]) -> dict[str, Any]:
    """One page of a run's features, filtered by words of labels and tokens, by density, and by having a label."""
    record, dashboard = open_dashboard(request, run)
    query = resolved(dashboard, query)
    rows, total = rows_of(dashboard, query)
    return features_to_json(record, rows, total)


@router.get("/api/v1/features/{run}/{index}")
def feature_json(request: Request, run: RunName, index: Index) -> dict[str, Any]:
    """One feature with its examples, statistics and label, and the pages that mention it."""
    record, dashboard = open_dashboard(request, run)
    pages = mentions_of(services_of(request).notebook, record, index)
    return {
        "run": record.id,
        **asdict(dashboard.feature(index)),
        "pages": [{"id": page.id, "title": page.title} for page in pages],
    }


class NameRequest(BaseModel):
    """A person's name for a feature; "" takes it away."""

    label: Annotated[str, Field(max_length=LONGEST)]


@router.put("/api/v1/features/{run}/{index}/name")
def name_json(request: Request, run: RunName, index: Index, body: NameRequest) -> dict[str, Any]:
    """Give a feature a person's name, beside its automatic ones; gives all of its names."""
    record, dashboard = open_dashboard(request, run)
    name_feature(services_of(request).notebook.folder, record, index, body.label)
    return {"run": record.id, "index": index, "names": [asdict(name) for name in dashboard.feature(index).names]}


class TextRequest(BaseModel):
    """A text in which a feature is looked for."""

    text: Annotated[str, Field(min_length=1, max_length=4000)]


@router.post("/api/v1/features/{run}/{index}/activations")
async def activations(request: Request, run: RunName, index: Index, body: TextRequest) -> dict[str, Any]:
    """The tokens of a text, each with the feature's activation as a share of the largest recorded one."""
    record, dashboard = open_dashboard(request, run)
    model = str(dashboard.header.get("model"))
    return await services_of(request).call_model_server(
        "activations", model=model, run=record.id, index=index, text=body.text
    )


@router.get("/api/v1/features/{run}/{index}/histogram")
def histogram_json(request: Request, run: RunName, index: Index) -> dict[str, Any]:
    """A feature's activation histogram as a Vega-Lite spec."""
    return histogram(open_dashboard(request, run)[1].feature(index))
