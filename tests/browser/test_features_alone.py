"""The features of a run in one file, opened from disk: searched, sorted, read, in both themes."""

from __future__ import annotations

import pytest

from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.web.export import export_features


@pytest.fixture(scope="module")
def file(folder, tmp_path_factory):
    nb = Notebook(folder)
    run = next(run for run in (folder / "runs").iterdir() if FeatureDashboard.exists(run))
    return export_features(nb.run(run.name), tmp_path_factory.mktemp("alone") / "features.html").path


def test_it_is_searched_sorted_and_read(page, file):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    rows = page.locator("#rows tr")
    all_of_them = rows.count()
    assert all_of_them > 20
    assert page.locator("#feature .contexts li").count() > 1
    assert page.locator("#feature .bars rect").count() > 1
    page.fill("#q", "zeppelin-that-is-not-there")
    assert rows.count() == 0
    page.fill("#q", "")
    page.click("button[data-order=density]")
    assert page.locator("th[aria-sort=descending]").inner_text() == "density"
    link = rows.nth(3).locator("a")
    index = link.inner_text()
    link.click()
    assert page.url.endswith(f"#{index}")
    assert index in page.locator("#feature h1").inner_text()
    assert page.locator("tr[aria-current]").count() == 1
    assert page.locator("#feature h2", has_text="Co-active features").count() == 1
    assert asked == [asked[0]]  # nothing but the file itself was loaded


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_used_by_everyone(page, file, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    page.goto(file.as_uri())
    # Axe is put in by the test's own channel, which the file's policy does not govern.
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
