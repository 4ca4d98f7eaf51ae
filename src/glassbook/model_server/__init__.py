"""The desk: models that stay opened in a process of their own, and are asked in JSON.

Whoever shows a notebook needs no torch: `Desk` starts the process when somebody asks the first question, and ends it
when nobody has asked for a while.
"""

from glassbook.model_server.available import known_models
from glassbook.model_server.client import Desk

__all__ = ["Desk", "known_models"]
