"""The desk: models that stay opened in a process of their own, and are asked in JSON.

Whoever shows a notebook needs no torch: `Desk` starts the process when somebody asks the first question, and ends it
when nobody has asked for a while.
"""

from glassbook.desk.client import Desk
from glassbook.desk.known import known_models

__all__ = ["Desk", "known_models"]
