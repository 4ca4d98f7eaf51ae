"""A real server on a real notebook, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

sys.path.append(str(Path(__file__).parent))
from serving import serving

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items):
    if CHROMIUM is None:
        for item in items:
            if "browser" in Path(item.fspath).parts:
                item.add_marker(
                    pytest.mark.skip(reason="no chromium on this machine; install it or name it in $CHROMIUM")
                )


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A notebook as the tour leaves it: the starter's pages, one run with a feature dashboard, one page about it."""
    place = tmp_path_factory.mktemp("browser") / "notebook"
    subprocess.run(
        [sys.executable, "-m", "glassbook", "tour", "--quick", "--notebook", str(place)],
        check=True,
        capture_output=True,
        timeout=240,
    )
    return place


@pytest.fixture(scope="session")
def site(folder) -> Iterator[str]:
    """Address of a server on it."""
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    # For a module, not the session: while it is open an event loop runs, and other tests need their own.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, request) -> Iterator[Page]:
    """A fresh tab; a script error or a refused script anywhere in it fails the test.

    Where $GLASSBOOK_RECORD names a folder, what the tab did is kept there as a trace with a picture of each step, to be
    looked at with `playwright show-trace FILE`.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    kept = os.environ.get("GLASSBOOK_RECORD")
    if kept:
        context.tracing.start(screenshots=True, snapshots=True, title=request.node.name)
    tab = context.new_page()
    tab.set_default_timeout(20_000)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
    yield tab
    if kept:
        context.tracing.stop(path=Path(kept) / f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())}.zip")
    context.close()
    assert errors == []


@pytest.fixture
def clean(folder):
    """The notebook's pages are left as they were, for other tests look at them."""
    pages = folder / "pages"
    before = {path: path.read_bytes() for path in pages.rglob("*") if path.is_file()}
    yield
    for path in [path for path in pages.rglob("*") if path.is_file()]:
        if path not in before:
            path.unlink()
    for path, data in before.items():
        path.write_bytes(data)
