"""Model server: models of text and of pictures kept open in a process of their own, reached by JSON messages.

`ModelServer` is the client. It imports no torch, starts the process at the first request, and ends it when no request
has come for a while.
"""

from glassbook.model_server.available import (
    LensKind,
    available_models,
    dictionary_of,
    is_local,
    kind_of,
    same_model,
    short_name,
)
from glassbook.model_server.client import ModelServer
from glassbook.model_server.remembered import forget, remember

__all__ = [
    "LensKind",
    "ModelServer",
    "available_models",
    "dictionary_of",
    "forget",
    "is_local",
    "kind_of",
    "remember",
    "same_model",
    "short_name",
]
