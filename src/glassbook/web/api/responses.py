"""JSON responses of the web server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from glassbook.notebook.serialization import to_json


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Data as a JSON answer; NaN and infinities stand in it as text, as in the notebook's files."""
    return Response(to_json(data, what="the answer").encode(), status, headers, media_type="application/json")
