"""The page of a picture model, driven as a reader drives it: a file is chosen by the keyboard, dropped, or is none."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from serving import serving

expect = pytest.importorskip("playwright.sync_api").expect

LOADED = 60_000
"""Milliseconds within which a model is loaded and has answered."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A notebook with a run that has kept a classifier and a dictionary of it, an autoencoder and a GAN."""
    import torch

    from glassbook.features import Dictionary, TopK
    from glassbook.nets import PictureModel, save_model
    from glassbook.nets.autoencoder import Autoencoder, PictureConfig
    from glassbook.nets.conv import resnet_cifar
    from glassbook.nets.gan import pictures_gan
    from glassbook.notebook import Notebook
    from glassbook.trace import fingerprint

    torch.manual_seed(0)
    net, code = resnet_cifar(8, 3).eval(), Autoencoder(PictureConfig(size=16, channels=3, code=4, width=4))
    nb = Notebook.create(tmp_path_factory.mktemp("pictures") / "notebook")
    with nb.start_run("toy", {}) as run:
        save_model(PictureModel(net, "r", "classify", 32, 3, ("heron", "hare", "vole")), run.artifact("net"))
        save_model(PictureModel(code, "a", "autoencode", 16, 3), run.artifact("code"))
        save_model(PictureModel(pictures_gan(8, 1, 4, 4), "g", "generate", 8, 1), run.artifact("gan"))
        about = {"weights": fingerprint(net), "site": "blocks.1.out"}
        Dictionary(32, 64, TopK(4)).save(run.artifact("d.safetensors"), **about)
    return nb


@pytest.fixture(scope="module")
def site(book):
    """Address of a server on that notebook."""
    with serving(book.folder) as address:
        yield address


@pytest.fixture(scope="module")
def run(book) -> str:
    """How the names of its models begin."""
    return f"run:{book.runs()[0].id}"


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    """A PNG of 60 x 40 pixels."""
    import numpy as np

    from glassbook.notebook.pictures import png

    file = tmp_path_factory.mktemp("photographs") / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file.write_bytes(png(pixels.tobytes(), 60, 40))
    return file


def opened(page, site, name):
    page.goto(f"{site}/models/open?model={name}")
    expect(page.locator("[data-opened] .results")).to_contain_text("parameters", timeout=LOADED)


def accessible(page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:160]}" for v in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_is_looked_at(page, site, run, photograph, theme):
    page.emulate_media(color_scheme=theme)
    opened(page, site, f"{run}/net")
    page.locator("#picture").set_input_files(photograph)
    expect(page.locator(".classes tbody tr")).to_have_count(3, timeout=LOADED)
    expect(page.get_by_role("img", name="the picture as the model sees it")).to_be_visible()
    expect(page.locator(".feature-maps canvas")).to_have_count(8)
    assert "most at the" in page.locator(".feature-maps canvas").first.get_attribute("aria-label")
    page.locator("summary", has_text="The numbers").click()
    expect(page.locator("[data-features] tbody tr")).to_have_count(8)
    assert accessible(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_file_is_chosen_by_the_keyboard_alone(page, site, run, photograph):
    # Asked for from the start: the tab takes a moment to hand over its choosers.
    page.on("filechooser", lambda chooser: chooser.set_files(photograph))
    opened(page, site, f"{run}/code")
    expect(page.locator("#picture")).to_be_enabled(timeout=LOADED)
    page.locator("#picture").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name="its reconstruction")).to_be_visible(timeout=LOADED)
    expect(page.locator(".pair-of-pictures")).to_contain_text("dB")
    expect(page.locator("[data-features]")).to_be_hidden()
    assert accessible(page) == []


DROP = """(data) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(data)], "dropped.png", { type: "image/png" }));
  const target = document.querySelector("[data-drop]");
  target.dispatchEvent(new DragEvent("dragover", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  const over = target.classList.contains("over");
  target.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  return [over, target.classList.contains("over")];
}"""


def test_a_picture_is_dropped(page, site, run, photograph):
    opened(page, site, f"{run}/net")
    assert page.evaluate(DROP, list(photograph.read_bytes())) == [True, False]
    expect(page.locator(".classes tbody tr")).to_have_count(3, timeout=LOADED)


def test_what_is_no_picture_is_told_and_the_next_one_is_looked_at(page, site, run, photograph, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    opened(page, site, f"{run}/net")
    page.locator("#picture").set_input_files(tmp_path / "notes.txt")
    expect(page.locator(".error-line")).to_contain_text("notes.txt is no picture that this browser can read")
    page.locator("#picture").set_input_files(photograph)
    expect(page.locator(".classes tbody tr")).to_have_count(3, timeout=LOADED)
    expect(page.locator(".error-line")).to_have_count(0)


def test_without_a_dictionary_no_features_are_shown(page, site, run, photograph):
    opened(page, site, f"{run}/net")
    page.locator("#picture").set_input_files(photograph)
    expect(page.locator("[data-features]")).to_be_visible(timeout=LOADED)
    page.get_by_label("Features of").select_option("none")
    expect(page.locator("[data-features]")).to_be_hidden(timeout=LOADED)


def test_pictures_are_made_of_noise(page, site, run):
    opened(page, site, f"{run}/gan")
    page.get_by_label("Pictures").fill("5")
    page.get_by_role("button", name="Make").click()
    expect(page.locator(".made img")).to_have_count(5, timeout=LOADED)
    assert accessible(page) == []


def test_the_list_and_the_steering_panel_offer_what_fits(page, site, run):
    page.goto(f"{site}/models")
    row = page.get_by_role("row").filter(has_text=f"{run}/net")
    expect(row).to_contain_text("classifies pictures")
    page.goto(f"{site}/steer")
    assert page.locator(f'#steer-models option[value="{run}/net"]').count() == 0
