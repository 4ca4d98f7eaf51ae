"""The pages, one file for each kind, with the JSON that they show beside them."""

from glassbook.web.views import home

ROUTERS = [home.router]
"""Everything that can be asked for."""
