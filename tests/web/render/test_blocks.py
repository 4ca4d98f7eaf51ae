"""Live blocks that cite claims: by id, whatever stands before the claim."""

from pathlib import Path
from typing import Any, cast

import pytest

from glassbook.notebook import Claim, LiveBlock, Notebook
from glassbook.web.render.blocks import show_block
from tests.web.evidence_book import open_app

SMALL = Claim("small", "The loss is small", "loss", "<=", 0.5)
LARGE = Claim("large", "The accuracy is large", "accuracy", ">=", 0.5)
NEW = Claim("new", "The gap is small", "gap", "<=", 0.5)


@pytest.fixture
def nb(tmp_path: Path) -> Notebook:
    return Notebook.create(tmp_path / "notes")


def shown(notebook: Notebook, **data: object) -> str:
    services = cast("Any", open_app(notebook).app).state.services
    return str(show_block(services, LiveBlock("claim", {"experiment": "toy"} | data, 1)))


def finish(notebook: Notebook, *claims: Claim) -> None:
    with notebook.start_run("toy", {}, 0, claims) as run:
        run.result(loss=0.1, accuracy=0.9, gap=0.2)


def test_a_claim_inserted_in_front_relabels_nothing(nb: Notebook) -> None:
    finish(nb, SMALL, LARGE)
    assert LARGE.sentence in shown(nb, id="large")
    finish(nb, NEW, SMALL, LARGE)
    html = shown(nb, id="large")
    assert LARGE.sentence in html
    assert SMALL.sentence not in html
    assert NEW.sentence not in html


@pytest.mark.parametrize(
    ("cited", "expected"),
    [
        ({"id": "lage"}, "toy has no claim &#39;lage&#39;; did you mean large?"),
        ({"n": 1}, "claim: {experiment: toy, id: ...}; there are: small, large"),
        ({}, "this block needs &#39;id: ...&#39;"),
    ],
)
def test_what_cites_no_claim_says_what_to_write(nb: Notebook, cited: dict[str, object], expected: str) -> None:
    finish(nb, SMALL, LARGE)
    assert expected in shown(nb, **cited)
