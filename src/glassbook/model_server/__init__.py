"""Model server: models of text and of pictures kept open in a process of their own, reached by JSON messages.

`ModelServer` is the client. It imports no torch, starts the process at the first request, and ends it when no request
has come for a while.
"""

from glassbook.model_server.available import (
    PREFIX,
    LensKind,
    available_models,
    dictionary_of,
    is_local,
    kind_of,
    models_with_latents,
    same_model,
    short_name,
)
from glassbook.model_server.chat_settings import ChatSettings, chat_from_query, chat_query, read_chat
from glassbook.model_server.client import ModelServer
from glassbook.model_server.latent_settings import (
    LatentSettings,
    check_latents,
    latents_from_query,
    latents_query,
    read_latents,
)
from glassbook.model_server.remembered import forget, remember

__all__ = [
    "PREFIX",
    "ChatSettings",
    "LatentSettings",
    "LensKind",
    "ModelServer",
    "available_models",
    "chat_from_query",
    "chat_query",
    "check_latents",
    "dictionary_of",
    "forget",
    "is_local",
    "kind_of",
    "latents_from_query",
    "latents_query",
    "models_with_latents",
    "read_chat",
    "read_latents",
    "remember",
    "same_model",
    "short_name",
]
