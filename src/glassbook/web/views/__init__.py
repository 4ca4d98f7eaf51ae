"""The pages, one file for each kind, with the JSON that they show beside them."""

from glassbook.web.views import claims, compare, experiments, features, home, jobs, models, run_files, runs, steering

ROUTERS = [home.router, models.router, features.router, steering.router]
ROUTERS += [experiments.router, runs.router, run_files.router, compare.router, claims.router, jobs.router]
"""Everything that can be asked for."""
