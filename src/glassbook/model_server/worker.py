"""The process that holds the models: questions come as lines of JSON on stdin, answers go to stdout.

It ends when stdin does, so it never outlives who asked.
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.model_server.client import LINE


def main(folder: str) -> None:
    """Answer until nobody can ask any more."""
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from glassbook.model_server.methods import Models, answer
    from glassbook.notebook import Notebook

    models = Models(Notebook(folder))
    for line in sys.stdin:
        written = json.dumps(_reply(models, answer, line), allow_nan=False)
        if len(written) >= LINE:
            written = json.dumps({"error": f"the answer has {len(written) >> 20} MiB; ask about a shorter prompt"})
        answers.write(written + "\n")
        answers.flush()


def _reply(models: Any, answer: Any, line: str) -> dict[str, Any]:
    try:
        question = json.loads(line)
        return {"result": _finite(answer(models, question["method"], question["params"]))}
    except GlassbookError as error:
        return {"error": " ".join(str(error).split())}
    except Exception as error:
        # Whatever it was, it concerns this question only: the models stay opened for the next one.
        traceback.print_exc()
        sys.stderr.flush()
        said = " ".join(str(error).split())[:300]
        return {"error": f"the question does not fit ({type(error).__name__}: {said}); .glassbook/desk.log says more"}


def _finite(value: Any) -> Any:
    """JSON has no infinity: what is not finite becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


if __name__ == "__main__":
    main(sys.argv[1])
