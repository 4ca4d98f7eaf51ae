"""Steering panel and its JSON API: directions as sliders, plain beside steered text, results saved to a page.

The panel is templates/steer.html with static/js/steer.js; results are shown by static/js/steered.js, which the live
block `steer` uses as well. The settings of a panel are checked in steer/spec.py; how they stand in an address and in a
live block, in web/steering_formats.py.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from glassbook.model_server import available_models, same_model
from glassbook.notebook import Notebook
from glassbook.steer.spec import Model, Name, SteeringSettings, Strict, is_vector, read_settings
from glassbook.steer.where import WHERE_LABELS
from glassbook.web.address import as_bad_address, query_of
from glassbook.web.api.model_results import RESPONSES, model_result
from glassbook.web.default_prompts import BUILTIN, OTHERS, prompts_for
from glassbook.web.keeping import append
from glassbook.web.render.markdown import page_url
from glassbook.web.services import services_of
from glassbook.web.steering_formats import from_query, section, to_query
from glassbook.web.steering_sentences import DAMAGE, sentences
from glassbook.web.templating import respond
from glassbook.web.views.features import headers_to_json, steerable

router = APIRouter(tags=["steering"])

RECENT = 50
"""Newest runs whose saved vectors are offered."""


class Keep(Strict):
    """Settings, and the page that the steered texts are saved to."""

    settings: SteeringSettings
    page: Name
    """Id, title or alias of a page; if there is none, the title of a new one."""


@router.get("/steer", include_in_schema=False)
def panel(request: Request) -> HTMLResponse:
    """The panel, filled in from the address; nothing is steered yet."""
    settings = panel_settings(request)
    nb = services_of(request).notebook
    return respond(
        request,
        "steer.html",
        settings=settings,
        where_labels=WHERE_LABELS,
        models=available_models(nb),
        dashboards=steerable(nb, settings["model"]),
        vectors=saved_vectors(nb, settings["model"]),
        default_prompts={"builtin": BUILTIN.steer, "others": OTHERS.steer},
        damage=DAMAGE,
    )


def panel_settings(request: Request) -> dict[str, Any]:
    """The settings that the form is filled in with; BadAddress if the address names one that is wrong."""
    with as_bad_address():
        query = from_query(query_of(request, lists=["source", "prompt"]))
        # A panel without sources is not valid yet: a placeholder stands in for the check.
        sources = query["sources"] or [{"plus": "x", "site": "x"}]
        prompts = query["prompts"] or prompts_for(query.get("model", "builtin")).steer
        whole = {"random": True, **query, "sources": sources, "prompts": prompts}
        settings = read_settings(whole).model_dump(mode="json")
    return settings if query["sources"] else {**settings, "sources": []}


def saved_vectors(nb: Notebook, model: str) -> list[tuple[str, str]]:
    """(run, artifact) of the steering vectors that the newest runs saved, apart from those of other models."""
    found = []
    for row in nb.index.run_table(limit=RECENT).rows:
        record = nb.run(row.id)
        models = [used.name for used in record.uses if used.kind == "model"]
        if not models or any(same_model(nb, name, model) for name in models):
            found += [(record.id, name) for name in record.artifacts if is_vector(record.artifact(name))]
    return found


@router.get("/api/v1/steer/sources")
def sources_json(request: Request, model: Annotated[Model, Query()]) -> dict[str, Any]:
    """What a model can be steered with: runs with features of its own, and the vectors that runs saved for it."""
    nb = services_of(request).notebook
    vectors = [{"run": run, "artifact": artifact} for run, artifact in saved_vectors(nb, model)]
    return {"features": headers_to_json(steerable(nb, model)), "vectors": vectors}


@router.post("/api/v1/steer", response_model=dict[str, Any], responses=RESPONSES)
async def steer(request: Request, settings: SteeringSettings) -> Any:
    """Steer: every prompt continued plainly and steered, with effect and damage, in numbers and in sentences.

    Its parts are the `results` so far, and `done` of so many `tokens`: the plain texts come first.
    """

    def told(answer: dict[str, Any]) -> dict[str, Any]:
        return {"sentences": sentences(answer), "query": to_query(settings)}

    return await model_result(request, "steer", settings.model_dump(mode="json"), told)


@router.post("/api/v1/steer/keep")
async def keep(request: Request, body: Keep) -> dict[str, Any]:
    """Append the panel and its texts to a page, or to a new one.

    The texts are the model server's response to these settings, not what a browser sends.
    """
    result = await services_of(request).call_model_server("steer", **body.settings.model_dump(mode="json"))
    nb = services_of(request).notebook
    page, new = await run_in_threadpool(lambda: append(nb, body.page, section(nb, body.settings, result)))
    last = page.outline().sections[-1]
    return {"id": page.id, "title": page.title, "new": new, "url": page_url(page.id, last.slug)}
