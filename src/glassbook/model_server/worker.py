"""Model server worker: the process that holds the models; requests are lines of JSON on stdin, responses on stdout.

It ends when its stdin does, so it never outlives the process that started it.
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.model_server.client import MAX_MESSAGE


def main(folder: str) -> None:
    """Handle requests until the input ends."""
    # What a library prints must not get between the responses.
    responses = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from glassbook.model_server.methods import OpenModels
    from glassbook.notebook import Notebook

    models = OpenModels(Notebook(folder))
    for line in sys.stdin:
        message = json.dumps(_respond(models, line), allow_nan=False)
        if len(message) >= MAX_MESSAGE:
            message = json.dumps({"error": f"the response has {len(message) >> 20} MiB; use a shorter prompt"})
        responses.write(message + "\n")
        responses.flush()


def _respond(models: Any, line: str) -> dict[str, Any]:
    from glassbook.model_server.methods import handle

    try:
        request = json.loads(line)
        return {"result": _finite(handle(models, request["method"], request["params"]))}
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
