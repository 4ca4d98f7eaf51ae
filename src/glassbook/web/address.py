"""Addresses: a key of a query string that a page does not have is refused by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant

from glassbook.errors import GlassbookError
from glassbook.steer.spec import no_such_key

TOKEN = "token"
"""The key of a server's token, which every address may have."""
READ_WHOLE = frozenset({"/compute", "/api/v1/compute", "/chat", "/latents", "/steer"})
"""Routes that read their query strings themselves, by `query_of`, and refuse what they do not know."""


class BadAddress(GlassbookError):
    """An address asks for what cannot be."""

    status = 400
    """What a server answers."""


@contextmanager
def as_bad_address() -> Iterator[None]:
    """Around the reading of an address's settings: what is wrong with them is told as a BadAddress."""
    try:
        yield
    except GlassbookError as error:
        raise BadAddress(str(error)) from error


def query_of(request: Request, lists: Collection[str] = ()) -> list[tuple[str, str]]:
    """The keys and values of an address, without a server's token.

    Raises:
        BadAddress: a key is there twice that is not among `lists`: only one of its values could count.
    """
    pairs = [(key, value) for key, value in request.query_params.multi_items() if key != TOKEN]
    for key, times in Counter(key for key, _ in pairs).items():
        if times > 1 and key not in lists:
            raise BadAddress(f"{key} is in the address {times} times; give it once")
    return pairs


def only_known_keys(request: Request) -> None:
    """A dependency of every route: its address has no other keys than the route's parameters, and each of them once.

    What is named by its path alone, as a page or a run is, has nothing that a key could set, and passes them over.

    Raises:
        BadAddress: there is another one, or one twice that is no list.
    """
    route = request.scope["route"]
    known = dict(_parameters(route.dependant))
    if route.path in READ_WHOLE or (not known and "{" in route.path):
        return
    for key, _ in query_of(request, lists=[key for key in request.query_params if known.get(key, True)]):
        if key not in known:
            raise BadAddress(no_such_key(key, list(known)))


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """All query parameters of a route, those of what it depends on included: (name, whether it is a list)."""
    for parameter in dependant.query_params:
        kinds = parameter.field_info.annotation, *get_args(parameter.field_info.annotation)
        yield parameter.alias, any(get_origin(kind) is list for kind in kinds)
    for other in dependant.dependencies:
        yield from _parameters(other)
