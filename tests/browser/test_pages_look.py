"""Every kind of page in Chromium: accessible, nothing wider than the screen, in both themes."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

LOADED = 60_000
"""Milliseconds within which a model's page has opened the model."""
PLACES = [
    "/",
    "/p/superposition",
    "/edit/superposition",
    "/rename/superposition",
    "/history/superposition",
    "/new",
    "/import",
    "/pages",
    "/glossary",
    "/graph",
    "/timeline",
    "/experiments",
    "/x/superposition",
    "/jobs",
    "/runs",
    "/runs?fold=false&archived=all",
    "RUN",
    "/compare?run=RUN",
    "/compare?run=RUN&run=RUN",
    "/pareto",
    "/claims",
    "/compute",
    "/compute?parameters=405e9&tokens=15.6e12&base=1e25&cost=2e8",
    "/compute?chips=16000&speed=989+TFLOP/s&hours=1300",
    "/models",
    "/models/open?model=builtin",
    "/features",
    "/features/RUN",
    "/features/RUN/FEATURE",
    "/steer",
    "/latents",
    "/chat",
    "/search?q=features",
    "/p/no-such-page",
]


@pytest.fixture(scope="session")
def address(site, folder):
    """Fills in the tour's run and one of its features."""
    from glassbook.notebook import Notebook
    from glassbook.notebook.runs.feature_dashboard import FeatureDashboard

    record = Notebook(folder).runs("tour")[0]
    rows, _ = FeatureDashboard(record.folder).rows(order="density", descending=True, limit=1)

    def full(place: str) -> str:
        place = f"/runs/{record.id}" if place == "RUN" else place.replace("RUN", record.id)
        return site + place.replace("FEATURE", str(rows[0].index))

    return full


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(page, address, place, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(address(place))
    page.wait_for_load_state("networkidle", timeout=LOADED)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    told = [
        f"{v['id']}: {v['help']}: " + "; ".join(node["html"][:160] for node in v["nodes"][:3])
        for v in found.response["violations"]
    ]
    assert told == []


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_wider_than_a_phone(page, address, place):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address(place))
    page.wait_for_load_state("networkidle", timeout=LOADED)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_pages_do_not_jump_while_they_load(page, address):
    page.goto(address("/p/superposition"))
    page.evaluate(
        """() => { window.moved = 0; new PerformanceObserver((list) => {
        for (const e of list.getEntries()) if (!e.hadRecentInput) window.moved += e.value;
        }).observe({type: "layout-shift", buffered: true}); }"""
    )
    page.wait_for_timeout(1500)
    assert page.evaluate("window.moved") < 0.05
