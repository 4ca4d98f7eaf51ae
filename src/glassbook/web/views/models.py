"""Models: what can be opened, and what they answer. Showing a page asks nothing of a model; its buttons do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import HTMLResponse

from glassbook.web.response_cache import ask_desk
from glassbook.web.services import services
from glassbook.web.steering import Model, Seed, Strict, Temperature, Text, Tokens
from glassbook.web.templating import respond

router = APIRouter(tags=["models"])

Short = Annotated[str, Field(min_length=1, max_length=400)]
"""A prompt of which every pair of tokens is shown."""


class OfModel(Strict):
    """A question to a model: `builtin`, the path of one, or its id at Hugging Face."""

    model: Model = "builtin"


class OpenAsked(OfModel):
    """Which model to open, and whose tokenizer to read it with."""

    tokenizer: Model | None = None


class SampleAsked(OfModel):
    """What to go on from, and how."""

    prompt: Text = ""
    tokens: Tokens = 60
    temperature: Temperature = 0.8
    seed: Seed = 0


class TokensAsked(OfModel):
    """Text to be cut into tokens."""

    text: Text


class AttentionAsked(OfModel):
    """The prompt whose attention is wanted."""

    prompt: Short


class LensAsked(OfModel):
    """The prompt that the logit lens reads, and how many tokens of each cell are wanted."""

    prompt: Short
    top: Annotated[int, Field(ge=1, le=10)] = 5


async def known_models(request: Request) -> list[dict[str, Any]]:
    """The models that can be opened without naming a path; this is asked of no model."""
    return (await services(request).desk.call("models"))["models"]


@router.get("/models", include_in_schema=False)
async def models(request: Request) -> HTMLResponse:
    """The models at hand."""
    return respond(request, "models.html", models=await known_models(request))


@router.get("/models/open", include_in_schema=False)
def open_page(
    request: Request,
    model: Annotated[Model, Query()] = "builtin",
    prompt: Annotated[Text, Query()] = "",
) -> HTMLResponse:
    """One model's page, with nothing asked of the model yet."""
    return respond(request, "model.html", model=model, prompt=prompt)


@router.get("/api/v1/models")
async def models_json(request: Request) -> dict[str, Any]:
    """The built-in model and those that runs have kept: name, kind, and where each is."""
    return {"models": await known_models(request)}


@router.post("/api/v1/models/open")
async def opened(request: Request, asked: OpenAsked) -> dict[str, Any]:
    """Open a model: its size, its context, its blocks, and the sites that can be read and changed."""
    params = asked.model_dump(exclude_none=True)
    return await ask_desk(request, "open", **params)


@router.post("/api/v1/models/sample")
async def sample(request: Request, asked: SampleAsked) -> dict[str, Any]:
    """What the model writes after a prompt."""
    return await ask_desk(request, "sample", **asked.model_dump())


@router.post("/api/v1/models/tokens")
async def tokens(request: Request, asked: TokensAsked) -> dict[str, Any]:
    """A text as the model's tokens."""
    return await ask_desk(request, "tokens", **asked.model_dump())


@router.post("/api/v1/models/attention")
async def attention(request: Request, asked: AttentionAsked) -> dict[str, Any]:
    """How much every head attends from each token to each earlier one."""
    return await ask_desk(request, "attention", **asked.model_dump())


@router.post("/api/v1/models/lens")
async def lens(request: Request, asked: LensAsked) -> dict[str, Any]:
    """What each layer would say next at each token, were it the last layer."""
    return await ask_desk(request, "lens", **asked.model_dump())
