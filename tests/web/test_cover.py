"""The home page: three things to try, from evidence that comes with a new notebook."""

from __future__ import annotations

import re

import pytest
from evidence_book import open_app

from glassbook.web.views import cover


@pytest.mark.shipped_evidence
def test_a_new_notebook_offers_a_feature_a_story_and_a_chart(nb):
    reader = open_app(nb)
    page = reader.get("/").text
    for said in ("A feature on your own sentence", "A steered story", "A chart with its verdict"):
        assert said in page
    feature = re.search(r'data-try-feature="(/api/v1/features/[^"]+)/activations"', page)
    chart = re.search(r'data-chart="([^"]+)"', page)
    assert feature is not None
    assert chart is not None
    assert reader.get(feature[1]).json()["label"] == cover.LABEL
    assert reader.get(chart[1]).status_code == 200
    steer = re.search(r'<h2><a href="(/steer[^"]+)"', page)
    assert steer is not None
    assert reader.get(steer[1].replace("&amp;", "&")).status_code == 200


def test_what_the_evidence_does_not_have_is_left_out(nb, monkeypatch):
    monkeypatch.setattr(cover, "reference_runs", lambda *_: [])
    monkeypatch.setattr(cover, "EXPERIMENT", "no-such")
    page = open_app(nb).get("/").text
    assert "offers" in page
    assert "data-try-feature" not in page
    assert "A steered story" not in page
    assert "data-chart" not in page


@pytest.mark.shipped_evidence
@pytest.mark.parametrize("text", ["", "x" * 4001])
def test_texts_that_cannot_be_read_are_refused(nb, text):
    reader = open_app(nb)
    run = cover._builtin()[0].id
    answer = reader.post(f"/api/v1/features/{run}/1134/activations", json={"text": text})
    assert answer.status_code == 422
    assert reader.post(f"/api/v1/features/{run}/999999/activations", json={"text": "a"}).status_code == 400
