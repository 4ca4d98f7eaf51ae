"""The pages, one file for each kind, with the JSON that they show beside them."""

from glassbook.web.views import features, home, models, steering

ROUTERS = [home.router, models.router, features.router, steering.router]
"""Everything that can be asked for."""
