"""Models: the list of models, and a model's page: generation, attention viewer and lenses, or a look at a picture.

The server opens no model to show a page: the page's script and its buttons call the API below, which passes requests to
the model server. The viewers are static/js/attention.js and static/js/lens.js; live blocks use them as well
(templates/blocks/).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from glassbook.errors import GlassbookError
from glassbook.model_server import LensKind, available_models, forget, is_local, kind_of, remember, short_name
from glassbook.steer.spec import Model, Name, Seed, Strict, Temperature, Text, Tokens
from glassbook.web.api.model_results import RESPONSES, model_result
from glassbook.web.default_prompts import prompts_for
from glassbook.web.keeping import INSIDE, Short
from glassbook.web.services import services_of
from glassbook.web.templating import respond

router = APIRouter(tags=["models"])
DOES = {
    "write": "writes text",
    "classify": "classifies pictures",
    "autoencode": "encodes pictures",
    "generate": "makes pictures",
}
"""Task of a model -> what the list says that it does."""


class OfModel(Strict):
    """A request that names a model: `builtin`, the path of one, or its id at Hugging Face."""

    model: Model = "builtin"


class OpenRequest(OfModel):
    """Which model to open, and whose tokenizer to read it with."""

    tokenizer: Model | None = None


class SampleRequest(OfModel):
    """A prompt to continue, and the settings of sampling."""

    prompt: Text = ""
    chat: bool = False
    """Whether the prompt is asked of a chat model, by its template, and not continued."""
    tokens: Tokens = 60
    temperature: Temperature = 0.8
    seed: Seed = 0


class TokensRequest(OfModel):
    """Text to tokenize."""

    text: Text


class AttentionRequest(OfModel):
    """The prompt whose attention patterns are shown."""

    prompt: Short


class LensRequest(OfModel):
    """The prompt that a lens reads, which lens, and how many tokens a cell shows."""

    prompt: Short
    top: Annotated[int, Field(ge=1, le=10)] = 5
    kind: LensKind = "logit"


@router.get("/models", include_in_schema=False)
def models(request: Request) -> HTMLResponse:
    found = available_models(services_of(request).notebook)
    opened = {model["name"]: datetime.fromisoformat(model["opened"]) for model in found if "opened" in model}
    return respond(request, "models.html", models=found, opened=opened, does=DOES)


@dataclass(frozen=True)
class ShownFirst:
    """What the script of a model's page shows first: the keys that it writes into the page's address."""

    layer: Annotated[int | None, Query(ge=0)] = None
    head: Annotated[int | None, Query(ge=0)] = None
    lens: LensKind | None = None


@router.get("/models/open", include_in_schema=False, dependencies=[Depends(ShownFirst)])
def open_page(
    request: Request,
    model: Annotated[Model, Query()] = "builtin",
    prompt: Annotated[Text, Query()] = "",
    write: Annotated[Text, Query()] = "",
) -> HTMLResponse:
    """A model's page; `prompt` is the text to look inside of, `write` the text to continue, by default the same."""
    nb = services_of(request).notebook
    shown = {"model": model, "short": short_name(model), "local": is_local(nb, model)}
    kind, task = kind_of(nb, model)
    if kind == "pictures":
        return respond(request, "picture_model.html", task=task, **shown)
    default = prompts_for(model)
    return respond(
        request,
        "model.html",
        **shown,
        inside=(prompt or default.inside)[:INSIDE],
        sample=write or prompt or default.sample,
    )


PIXELS = 1024
"""Pixels of the longest side of a picture that is sent."""
Side = Annotated[int, Field(ge=1, le=PIXELS)]


class LookRequest(OfModel):
    """A picture for a model: 3 bytes a pixel, in rows from the top, in base64; and the dictionary to read it with."""

    pixels: Annotated[str, Field(min_length=4, max_length=4 * PIXELS**2)]
    width: Side
    height: Side
    dictionary: Name | None = None
    """run:<id>/<artifact>, as `open` lists them."""


class MakeRequest(OfModel):
    """How many pictures to make, of the noise of which seed."""

    seed: Seed = 0
    count: Annotated[int, Field(ge=1, le=48)] = 12


@router.get("/api/v1/models")
def models_json(request: Request) -> dict[str, Any]:
    """The built-in model, those opened before, and those that runs have saved: name, kind, task, where each is."""
    return {"models": available_models(services_of(request).notebook)}


@router.post("/api/v1/models/open")
async def opened(request: Request, body: OpenRequest) -> dict[str, Any]:
    """Open a model: its size, its context, its blocks, and the sites that can be read and changed.

    It is remembered in the list of models.
    """
    services = services_of(request)
    facts = await services.call_model_server("open", **body.model_dump(exclude_none=True))
    with contextlib.suppress(GlassbookError):  # the disk may refuse; the model is open all the same
        await run_in_threadpool(remember, services.notebook, body.model, facts)
    return facts


@router.post("/api/v1/models/forget")
def forgotten(request: Request, body: OfModel) -> dict[str, Any]:
    """Take a model off the list of those that were opened; its files stay."""
    forget(services_of(request).notebook, body.model)
    return {"models": available_models(services_of(request).notebook)}


@router.post("/api/v1/models/sample", response_model=dict[str, Any], responses=RESPONSES)
async def sample(request: Request, body: SampleRequest) -> Any:
    """Text generated after a prompt; its parts are the `text` so far, and `done` of so many `tokens`."""
    return await model_result(request, "sample", body.model_dump())


@router.post("/api/v1/models/tokens")
async def tokens(request: Request, body: TokensRequest) -> dict[str, Any]:
    """A text as the model's tokens."""
    return await services_of(request).call_model_server("tokens", **body.model_dump())


@router.post("/api/v1/models/look")
async def look(request: Request, body: LookRequest) -> dict[str, Any]:
    """What a model of pictures makes of one: its classes or its reconstruction, and the strongest features."""
    # Not by the services' cache: a picture would be kept with every answer.
    return await services_of(request).model_server.call("look", **body.model_dump())


@router.post("/api/v1/models/make")
async def make(request: Request, body: MakeRequest) -> dict[str, Any]:
    """Pictures that a model makes of noise, each a PNG in base64."""
    return await services_of(request).call_model_server("make", **body.model_dump())


@router.post("/api/v1/models/attention")
async def attention(request: Request, body: AttentionRequest) -> dict[str, Any]:
    """Attention weights of every head, from each token to itself and all earlier ones."""
    return await services_of(request).call_model_server("attention", **body.model_dump())


@router.post("/api/v1/models/lens")
async def lens(request: Request, body: LensRequest) -> dict[str, Any]:
    """Logit, tuned or Jacobian lens, or its permuted control: the likeliest tokens of each layer at each token."""
    return await services_of(request).call_model_server("lens", **body.model_dump())
