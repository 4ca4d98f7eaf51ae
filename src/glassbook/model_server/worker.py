"""Model server worker: the process that holds the models; requests are lines of JSON on stdin, responses on stdout.

A request is `{"method": ..., "params": ..., "partial": whether parts of the result are wanted}`. It is answered by any
number of lines `{"partial": ...}` and then one `{"result": ...}` or `{"error": ...}`. SIGUSR1 gives up the request that
is being handled. The worker ends when its stdin does, so it never outlives the process that started it.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import traceback
from typing import Any, TextIO

from glassbook.errors import GlassbookError
from glassbook.model_server.client import MAX_MESSAGE


class Responses:
    """Where responses are written, and whether they are still wanted.

    A request is given up only where it has a part of its result to tell, between two steps of the work. At any other
    moment a model could be left with hooks half removed, and answer the next request wrongly.
    """

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines
        self._wants_parts = False
        self._handling = self._given_up = False

    def begin(self) -> None:
        """A request is handled from here on."""
        self._given_up, self._handling, self._wants_parts = False, True, False

    def want_parts(self) -> None:
        self._wants_parts = True

    def give_up(self, *_: object) -> None:
        """Handler of SIGUSR1; between two requests there is nothing to give up."""
        self._given_up = self._handling

    def partial(self, part: dict[str, Any]) -> None:
        """Tell a part of the result, if parts are wanted.

        Raises:
            GlassbookError: nobody waits for the result any more.
        """
        if self._given_up:
            raise GlassbookError("the request was given up")
        if self._wants_parts:
            self._write(json.dumps({"partial": part}))

    def end(self, response: dict[str, Any]) -> None:
        """Answer the request."""
        self._handling = False
        message = json.dumps(response, allow_nan=False)
        if len(message) >= MAX_MESSAGE:
            message = json.dumps({"error": f"the response has {len(message) >> 20} MiB; use a shorter prompt"})
        self._write(message)

    def _write(self, message: str) -> None:
        self._lines.write(message + "\n")
        self._lines.flush()


def main(folder: str) -> None:
    """Handle requests until the input ends."""
    # What a library prints must not get between the responses.
    responses = Responses(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    signal.signal(signal.SIGUSR1, responses.give_up)
    from glassbook.model_server.methods import OpenModels
    from glassbook.notebook import Notebook

    models = OpenModels(Notebook(folder))
    for line in sys.stdin:
        responses.begin()
        responses.end(_respond(models, line, responses))


def _respond(models: Any, line: str, responses: Responses) -> dict[str, Any]:
    from glassbook.model_server.methods import handle

    try:
        request = json.loads(line)
        if request.get("partial"):
            responses.want_parts()
        return {"result": _finite(handle(models, request["method"], request["params"], responses.partial))}
    except GlassbookError as error:
        return {"error": " ".join(str(error).split())}
    except Exception as error:
        # An error concerns this request only: the models stay open for the next one.
        traceback.print_exc()
        sys.stderr.flush()
        reason = " ".join(str(error).split())[:300]
        return {
            "error": f"the request is not valid ({type(error).__name__}: {reason}); "
            ".glassbook/model-server.log says more"
        }


def _finite(value: Any) -> Any:
    """JSON has no infinity: values that are not finite become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


if __name__ == "__main__":
    main(sys.argv[1])
