"""JSON responses of the web server."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from glassbook.notebook.serialization import to_json


def json_response(data: Any, status: int = 200) -> Response:
    """Data as a JSON answer; NaN and infinities stand in it as text, as in the notebook's files."""
    return Response(to_json(data, what="the answer").encode("utf-8", "replace"), status, media_type="application/json")
