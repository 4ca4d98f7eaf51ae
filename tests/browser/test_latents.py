"""The latents panel and figures to step through, driven as a reader drives them."""

from __future__ import annotations

import io
import re
import statistics

import pytest

expect = pytest.importorskip("playwright.sync_api").expect

LOADED = 60_000
"""Milliseconds within which a model is loaded and has answered."""


def opened(page, site, query=""):
    page.goto(f"{site}/latents{query}")
    page.locator("[data-panel-ask]").click()
    expect(page.locator(".latent-pictures img").first).to_be_visible(timeout=LOADED)


def decoded(page):
    return page.get_by_alt_text("what the moved code decodes to").get_attribute("src")


def test_nothing_is_asked_until_the_button_is_pressed(page, site):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/latents?seed=3&set=1:2")
    page.wait_for_load_state("networkidle")
    assert not any("/api/v1/latents" in url for url in asked)
    expect(page.locator("[data-panel-answer]")).to_be_empty()


def test_a_latent_moves_by_slider_number_and_keyboard(page, site):
    opened(page, site, "?seed=3")
    assert page.get_by_alt_text("what its code decodes to").get_attribute("src") == decoded(page)
    slider = page.locator("table.latents input[type=range]").first
    field = page.locator("table.latents input[type=number]").first
    name = slider.get_attribute("aria-label")
    unit = re.search(r"\d+", name)[0]
    first = decoded(page)
    field.fill("2.5")
    expect(page.locator(".latent-pictures")).to_contain_text("1 latent moved")
    assert decoded(page) != first
    assert slider.input_value() == "2.5"
    expect(page).to_have_url(re.compile(rf"seed=3&set={unit}%3A2.5$"))
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(field).to_have_value("2.45")
    expect(page).to_have_url(re.compile(r"%3A2.45$"))
    page.get_by_role("button", name=f"put latent {unit} back", exact=True).click()
    expect(page.locator(".latent-pictures")).to_contain_text("nothing moved yet")
    assert decoded(page) == first
    page.get_by_role("button", name=f"strip of latent {unit}", exact=True).click()
    expect(page.locator(".latent-row img")).to_have_count(7)
    # A number that cannot be is said by the browser, and asks nothing.
    field.fill("99")
    expect(page.locator(".latent-pictures")).to_contain_text("nothing moved yet")


def test_the_address_shows_what_was_seen(page, site):
    opened(page, site, "?seed=5")
    page.locator("table.latents input[type=number]").nth(1).fill("-2")
    expect(page.locator(".latent-pictures")).to_contain_text("1 latent moved")
    expect(page).to_have_url(re.compile("set="))
    seen = decoded(page)
    page.reload()
    page.locator("[data-panel-ask]").click()
    expect(page.locator(".latent-pictures")).to_contain_text("1 latent moved", timeout=LOADED)
    assert decoded(page) == seen


def test_a_dropped_picture_is_decoded_and_kept_by_its_code(page, site, folder, clean, tmp_path):
    image = pytest.importorskip("PIL.Image")
    data = io.BytesIO()
    image.new("RGB", (120, 90), (60, 120, 60)).save(data, "PNG")
    opened(page, site)
    before = page.get_by_alt_text("the picture", exact=True).get_attribute("src")
    files = page.locator("input[type=file]")
    files.set_input_files({"name": "note.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator(".error-line")).to_contain_text("note.png is no picture that this browser can read")
    files.set_input_files({"name": "green.png", "mimeType": "image/png", "buffer": data.getvalue()})
    expect(page.locator(".error-line")).to_have_count(0)
    expect(page).to_have_url(re.compile("code="))
    assert page.get_by_alt_text("the picture", exact=True).get_attribute("src") != before
    page.get_by_role("button", name="Keep on a page").click()
    page.get_by_role("combobox", name="Page").fill("Green")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("link", name="Green").click()
    page.wait_for_url("**/p/green*")
    page.locator("[data-panel=latents] [data-panel-ask]").click()
    expect(page.locator(".latent-pictures img")).to_have_count(2, timeout=LOADED)


def test_a_picture_of_the_notebook_is_found_by_its_name(page, site, folder, clean):
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (40, 40), (200, 30, 30)).save(folder / "pages" / "red-door.png")
    opened(page, site)
    field = page.get_by_label("or one of the notebook")
    field.press_sequentially("door")
    expect(page.locator("datalist option[value='red-door.png']")).to_be_attached()
    field.fill("nowhere.png")
    field.press("Tab")
    expect(page.locator(".error-line")).to_contain_text("no picture nowhere.png below pages/")
    field.fill("red-door.png")
    field.press("Tab")
    expect(page).to_have_url(re.compile("picture=red-door.png$"))
    expect(page.locator(".error-line")).to_have_count(0)


def test_noise_is_set_by_slider_and_number(page, site):
    opened(page, site, "?mode=denoise&seed=2")
    expect(page.locator(".latent-pictures img")).to_have_count(3)
    noisy = page.get_by_alt_text("the picture with noise")
    first = noisy.get_attribute("src")
    page.get_by_label("noise, as a number").fill("0.5")
    expect(page.get_by_label("noise", exact=True)).to_have_value("0.5")
    expect(page).to_have_url(re.compile(r"noise=0\.5"))
    assert noisy.get_attribute("src") != first
    expect(page.locator("caption", has_text="signal-to-noise")).to_be_visible()


def test_a_move_is_seen_soon(page, site, record_property):
    """Milliseconds from a move to the picture: the median of 20. On an idle machine at most 150."""
    opened(page, site, "?seed=1")
    page.evaluate(
        """() => { window.took = []; window.move = (value) => new Promise((done) => {
          const picture = document.querySelector('.latent-pictures'), begun = performance.now();
          const seen = () => { window.took.push(performance.now() - begun); done(); };
          new MutationObserver((_, watcher) => { watcher.disconnect(); requestAnimationFrame(seen); })
            .observe(picture, {childList: true});
          const field = document.querySelector('table.latents input[type=number]');
          field.value = value; field.dispatchEvent(new Event('input'));
        }); }"""
    )
    for i in range(20):
        page.evaluate("(value) => window.move(value)", str(i / 7 - 1.4))
        page.wait_for_timeout(150)  # a move within 100 ms of the last waits for its turn
    took = page.evaluate("window.took")
    record_property("milliseconds", took)
    print(f"median {statistics.median(took):.0f} ms, best {min(took):.0f} ms, worst {max(took):.0f} ms")
    assert min(took) <= 150


def test_late_answers_are_dropped_and_questions_are_paced(page, site):
    opened(page, site, "?seed=1")
    asked = []
    page.on("request", lambda request: asked.append(request) if "/api/v1/latents" in request.url else None)
    page.evaluate(
        """async () => {
          const field = document.querySelector('table.latents input[type=number]');
          for (let i = 0; i < 30; i++) {
            field.value = i / 10;
            field.dispatchEvent(new Event('input'));
            await new Promise((done) => setTimeout(done, 10));
          }
        }"""
    )
    expect(page).to_have_url(re.compile("%3A2.9$"))
    assert len(asked) <= 12  # 300 ms of moves, and the last
    page.route("**/api/v1/latents", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.locator("table.latents input[type=number]").first.fill("1")
    page.get_by_label("Picture number").fill("6")
    page.get_by_label("Picture number").press("Tab")
    expect(page).to_have_url(re.compile("seed=6$"))
    expect(page.locator(".latent-pictures")).to_contain_text("nothing moved yet")


@pytest.fixture
def stepped(folder, clean):
    """A page with a block that steps through three pictures and three charts of a run."""
    from glassbook import charts
    from glassbook.notebook import Notebook, Page
    from glassbook.notebook.pictures import png

    nb = Notebook(folder)
    with nb.start_run("stepped", {}) as run:
        for i in range(3):
            run.image(f"sheet-{i}", png(bytes([80 * i, 100, 100]) * 3600, 60, 60))
            run.chart(f"curve-{i}", charts.lines([{"x": x, "y": x * i} for x in range(5)], "x", "y"))
    names = [f"[{kind}-0, {kind}-1, {kind}-2]" for kind in ("sheet", "curve")]
    blocks = [
        f"image: {{run: {run.id}, names: {names[0]}, labels: [beta 0.5, beta 1, beta 2]}}",
        f"chart: {{run: {run.id}, names: {names[1]}}}",
    ]
    nb.write(Page.new("Stepped", "\n\n".join(f"```glassbook\n{block}\n```" for block in blocks) + "\n"))
    nb.close()


def test_figures_are_stepped_through(page, site, stepped):
    page.goto(f"{site}/p/stepped")
    group = page.get_by_role("group", name="beta 0.5 to beta 2")
    expect(group.locator("img:visible")).to_have_count(1)
    expect(group.locator("output")).to_have_text("beta 0.5")
    slider = group.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(group.locator("output")).to_have_text("beta 1")
    expect(group.get_by_alt_text("sheet-1: beta 1")).to_be_visible()
    expect(group.get_by_role("spinbutton")).to_have_value("2")
    group.get_by_role("spinbutton").fill("3")
    expect(group.get_by_alt_text("sheet-2: beta 2")).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", "beta 2")
    group.get_by_role("spinbutton").fill("9")
    expect(group.get_by_alt_text("sheet-2: beta 2")).to_be_visible()
    curves = page.get_by_role("group", name="curve-0 to curve-2")
    curves.get_by_role("slider").fill("3")
    expect(curves.locator("figure:visible svg, figure:visible canvas").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("query", ["?seed=4&strip=3", "?seed=4&mode=denoise"])
def test_axe_finds_nothing_in_the_open_panel(page, site, theme, query):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=theme)
    opened(page, site, query)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    assert [(v["id"], [node["html"][:160] for node in v["nodes"][:3]]) for v in found.response["violations"]] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
