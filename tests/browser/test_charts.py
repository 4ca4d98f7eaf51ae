"""Charts as they are read: values at a crosshair, zoom, smoothing, bands over seeds, themes, downloads."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest
from playwright.sync_api import expect

from glassbook import charts
from glassbook.notebook import Notebook


@pytest.fixture(scope="module")
def runs(folder):
    """Three seeds of an experiment, with curves and charts of every form."""
    nb = Notebook(folder)
    made = []
    for seed in range(3):
        with nb.start_run("curves", {"width": 8}, seed) as run:
            for step in range(50):
                run.log(step, loss=2 * math.exp(-step / 10) + seed / 10)
            run.log(0, once=0.25 + seed)
            run.result(loss=seed / 10)
            rows = [
                {"step": s, "loss": s / 10 + n, "model": m} for s in range(11) for n, m in enumerate(("small", "big"))
            ]
            run.chart("lines", charts.lines(rows, "step", charts.Axis("loss", "nats"), "model"))
            run.chart("nothing", charts.lines([], "step", "loss"))
            run.chart("front", charts.scatter([{"x": i, "y": (i * 7) % 10} for i in range(10)], "x", "y", front=True))
            run.chart(
                "back",
                charts.lines(
                    [{"x": x, "y": y, "o": o} for o, (x, y) in enumerate(((0, 0), (2, 1), (1, 2)))], "x", "y", order="o"
                ),
            )
            many = [{"x": i + n, "y": i, "arrow": str(n)} for n in range(60) for i in range(2)]
            run.chart("arrows", charts.lines(many, "x", "y", "arrow"))
        made.append(run.id)
    nb.close()
    return made


def figure(page, name):
    found = page.locator(f"figure.chart[data-name={name}]")
    found.scroll_into_view_if_needed()
    expect(found.locator(".chart-menu")).to_have_count(1)
    return found


def hover(page, picture, x=0.5, y=0.5):
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def test_all_curves_are_read_at_a_crosshair(page, site, runs):
    page.goto(f"{site}/runs/{runs[0]}")
    picture = figure(page, "lines").locator("svg")
    hover(page, picture)
    tip = page.locator(".chart-tip")
    expect(tip.locator("tr")).to_have_count(2)
    expect(tip).to_contain_text("step: ")
    for name in ("small", "big"):
        expect(tip).to_contain_text(name)
    assert picture.locator(".reading line").count() == 1
    assert picture.locator(".reading circle").count() == 2
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_a_curve_that_goes_back_is_read_point_by_point(page, site, runs):
    page.goto(f"{site}/runs/{runs[0]}")
    picture = figure(page, "back").locator("svg")
    for x in range(1, 20):
        hover(page, picture, x / 20, 0.45)
    assert picture.locator(".reading line").count() == 0


def test_zoom_by_a_frame_by_buttons_and_back(page, site, runs):
    page.goto(f"{site}/runs/{runs[0]}")
    shown = figure(page, "lines")
    whole = shown.locator(".role-axis-label").first.text_content()
    box = shown.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.42, steps=4)
    assert shown.locator(".reading rect").count() == 1
    page.mouse.up()
    expect(shown.locator(".role-axis-label").first).not_to_have_text(whole)
    page.mouse.dblclick(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4)
    expect(shown.locator(".role-axis-label").first).to_have_text(whole)
    shown.locator("summary").click()
    shown.get_by_role("button", name="Zoom in").click()
    expect(shown.locator(".role-axis-label").first).not_to_have_text(whole)
    shown.get_by_role("button", name="Zoom out").click()
    expect(shown.locator(".role-axis-label").first).to_have_text(whole)


@pytest.mark.parametrize("kind", ["SVG", "PNG", "CSV", "JSON"])
def test_downloads_are_the_picture_and_its_rows(page, site, runs, kind):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{site}/runs/{runs[0]}")
    shown = figure(page, "lines")
    shown.locator("summary").click()
    with page.expect_download() as waiting:
        shown.get_by_role("button", name=kind, exact=True).click()
    assert waiting.value.suggested_filename == f"lines.{kind.lower()}"
    data = Path(waiting.value.path()).read_bytes()
    if kind == "SVG":
        assert b"#ffffff" in data
        assert b"<path" in data
    elif kind == "PNG":
        assert data.startswith(b"\x89PNG")
    else:
        rows = json.loads(data) if kind == "JSON" else list(csv.DictReader(io.StringIO(data.decode(), newline="")))
        assert len(rows) == 22
        assert {str(row["model"]) for row in rows} == {"small", "big"}
        assert [float(row["loss"]) for row in rows[:3]] == [0.0, 1.0, 0.1]


def test_charts_without_points_and_curves_of_one_say_so_in_words(page, site, runs):
    page.goto(f"{site}/runs/{runs[1]}")
    empty = page.locator("figure.chart[data-name=nothing]")
    empty.scroll_into_view_if_needed()
    expect(empty).to_contain_text("This chart has no points.")
    assert empty.locator("svg").count() == 0
    once = page.locator(".panel[data-metric=once]")
    once.scroll_into_view_if_needed()
    expect(once).to_contain_text("1.25 at step 0")
    assert once.locator("svg").count() == 0


def test_more_lines_than_colours_can_tell_apart_have_one_and_no_legend(page, site, runs):
    page.goto(f"{site}/runs/{runs[0]}")
    arrows = figure(page, "arrows").locator("svg")
    paths = arrows.locator(".mark-line path")
    expect(paths).to_have_count(60)
    assert len({paths.nth(i).get_attribute("stroke") for i in (0, 1, 2, 59)}) == 1
    assert arrows.locator(".role-legend").count() == 0
    two = figure(page, "lines").locator("svg")
    assert len({two.locator(".mark-line path").nth(i).get_attribute("stroke") for i in range(2)}) == 2
    assert two.locator(".role-legend").count() == 1


def test_the_front_is_drawn_in_steps(page, site, runs):
    page.goto(f"{site}/runs/{runs[0]}")
    line = figure(page, "front").locator("svg .mark-line path")
    assert len(line.get_attribute("d").split("L")) > 2


def test_seeds_are_one_line_in_a_band_and_lines_are_smoothed(page, site, runs):
    page.goto(f"{site}/compare?" + "&".join(f"run={run}" for run in runs))
    panel = page.locator(".panel[data-metric=loss]")
    panel.scroll_into_view_if_needed()
    expect(panel.locator("svg .mark-area path")).to_have_count(1)
    expect(panel.locator("svg .mark-line path")).to_have_count(1)
    expect(page.locator(".curves .legend li")).to_have_text(["curves"])
    hover(page, panel.locator("svg"), 0.6)
    for said in ("mean", "lowest", "highest"):
        expect(page.locator(".chart-tip")).to_contain_text(said)
    page.get_by_label("mean over seeds").uncheck()
    expect(panel.locator("svg .mark-line path")).to_have_count(3)
    expect(page.locator(".curves .legend li")).to_have_count(3)
    page.get_by_label("smoothing").fill("0.9")
    expect(panel.locator("svg .mark-line path")).to_have_count(6)  # each with its own values, pale


def test_values_of_bands_and_smoothed_lines(page, site, runs):
    page.goto(f"{site}/runs/{runs[0]}")
    got = page.evaluate(
        """async () => {
        const { bands, smoothed } = await import("/static/js/curve_values.js");
        const points = (...pairs) => pairs.map(([step, value]) => ({ step, value }));
        const row = ({ run, step, value, low, high, curves }) => [run, step, value, low, high, curves];
        return {
            constant: smoothed(points([0, 3], [1, 3], [2, 3]), 0.9).map((p) => p.value),
            two: smoothed(points([0, 1], [1, 4]), 0.5).map((p) => p.value),
            gap: smoothed([{ step: 0, value: null }, { step: 1, value: 2 }], 0.5).map((p) => p.value),
            none: smoothed(points([0, 1]), 0),
            bands: bands([
                { group: "a", points: points([0, 0], [10, 10]) },
                { group: "a", points: points([0, 2], [5, 7], [20, 0]) },
                { group: "b", points: points([3, 3]) },
            ]).map(row),
            empty: bands([{ group: "a", points: [] }]),
        };
        }"""
    )
    assert got["constant"] == pytest.approx([3, 3, 3])
    assert got["two"] == pytest.approx([1, (0.25 * 1 + 0.5 * 4) / 0.75])
    assert got["gap"] == [None, 2]
    assert got["none"] == [{"step": 0, "value": 1}]
    assert got["empty"] == []
    assert got["bands"] == [
        ["a", 0, 1, 0, 2, 2],
        ["a", 5, 6, 5, 7, 2],
        ["a", 10, pytest.approx((10 + 14 / 3) / 2), pytest.approx(14 / 3), 10, 2],
        ["a", 20, 0, 0, 0, 1],
        ["b", 3, 3, 3, 3, 1],
    ]


def test_another_theme_redraws_charts_and_curves(page, site, runs):
    page.emulate_media(color_scheme="light")
    page.goto(f"{site}/runs/{runs[0]}")
    chart, panel = figure(page, "lines"), page.locator(".panel[data-metric=loss]")
    panel.scroll_into_view_if_needed()
    expect(panel.locator("svg")).to_be_visible()
    for shown in (chart, panel):
        label = shown.locator(".role-axis-label text").first
        expect(label).to_have_attribute("fill", "#5b574f")
    page.locator("[data-theme-switch]").click()
    for shown in (chart, panel):
        expect(shown.locator(".role-axis-label text").first).to_have_attribute("fill", "#aaa599")
