"""Routes of the web notebook: one router per kind of page, each with its HTML pages and their JSON API (`/api/v1`)."""

from glassbook.web.views import (
    chat,
    claims,
    compare,
    compute,
    editing,
    experiments,
    features,
    glimpse,
    glossary,
    graph,
    history,
    home,
    importing,
    jobs,
    keeping,
    latents,
    learning_paths,
    mentions,
    models,
    pages,
    renaming,
    run_files,
    runs,
    search,
    steering_panel,
    timeline,
)

ROUTERS = [home.router, models.router, features.router, steering_panel.router, latents.router, chat.router]
ROUTERS += [experiments.router, runs.router, run_files.router, compare.router, claims.router, jobs.router]
ROUTERS += [
    compute.router,
    glossary.router,
    graph.router,
    timeline.router,
    search.router,
    importing.router,
    keeping.router,
]
# These before the last: an id may hold slashes, and /p/a/edit is no page.
ROUTERS += [editing.router, history.router, renaming.router, learning_paths.router]
ROUTERS += [glimpse.router, mentions.router, pages.router]
