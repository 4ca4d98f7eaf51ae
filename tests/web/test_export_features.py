"""The features of a run in one file: its policy, and what strangers wrote in it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import sqlite3

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import NAME, SCHEMA
from glassbook.web.export import export_features

EVIL = "</script><!--<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def record(tmp_path):
    nb = Notebook.create(tmp_path / "book")
    with nb.start_run("learn <b>", {}, 0) as run:
        folder = run.folder / "artifacts"
        folder.mkdir(exist_ok=True)
        with contextlib.closing(sqlite3.connect(folder / NAME)) as db, db:
            db.executescript(SCHEMA)
            header = {"model": EVIL, "site": "blocks.2.out", "width": 3, "d_in": 8, "tokens": 1000, "label_score": EVIL}
            db.executemany("INSERT INTO header VALUES (?, ?)", [(k, json.dumps(v)) for k, v in header.items()])
            for i, (label, density) in enumerate([(EVIL, 0.1), ("", 0.2), ("dead", 0.0)]):
                context = [[["The", 0.0], [EVIL, 3.0]]]
                lists = [[[EVIL, 0.5]], [[EVIL, 2.0]], [], [[0, 0.9]], {"edges": [0, 1, 3], "counts": [2, 1]}, context]
                values = [i, label, 0.9 if label else None, density, 3.0, label.casefold(), *map(json.dumps, lists)]
                db.execute(f"INSERT INTO feature VALUES ({', '.join('?' * 12)})", values)
                db.execute("INSERT INTO detail VALUES (?, ?, ?)", [i, "[[1, 0.4]]", json.dumps(context)])
                name = [i, 0, label, EVIL, 0.9, json.dumps({"detection": 0.9}), 0.8, 0.7, 1.0]
                db.execute("INSERT INTO name VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", name)
    return nb.run(run.id)


def test_what_strangers_wrote_is_data(record, tmp_path):
    html = export_features(record, tmp_path / "f.html").path.read_text()
    assert EVIL not in html
    assert html.count("<script") == 2
    assert "<img" not in html
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])
    assert [f["i"] for f in data["features"]] == [0, 1]  # the dead have no page
    assert data["features"][0]["label"] == EVIL
    [name] = data["features"][0]["names"]
    assert (name["source"], name["precision"], name["recall"], name["scores"]) == (EVIL, 0.8, 0.7, {"detection": 0.9})
    assert data["words"].count(EVIL) == 1
    assert data["features"][0]["top"] == [[[data["words"].index("The"), data["words"].index(EVIL)], [1, 3.0]]]


def test_its_policy_allows_its_own_script_and_style_and_nothing_else(record, tmp_path):
    html = export_features(record, tmp_path / "f.html").path.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    assert "default-src 'none'" in policy
    for name, text in (
        ("script", re.search(r"<script>(.*?)</script>", html, re.S)[1]),
        ("style", re.search(r"<style>(.*?)</style>", html, re.S)[1]),
    ):
        known = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{known}'" in policy
    assert not re.search(r'(?:src|href)="', html)
    assert "url(" not in html
    assert "unsafe" not in policy


def test_only_the_best_are_written_if_so_asked(record, tmp_path):
    html = export_features(record, tmp_path / "f.html", top=1).path.read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S)[1])
    assert [f["i"] for f in data["features"]] == [0]
    for top in (0, 100_000):
        with pytest.raises(GlassbookError, match="number from 1 to"):
            export_features(record, tmp_path / "g.html", top=top)


def test_too_many_for_a_page_are_refused(record, tmp_path, monkeypatch):
    monkeypatch.setattr("glassbook.web.export.features_file.MAX_FEATURES", 1)
    with pytest.raises(GlassbookError, match="2 features are too many"):
        export_features(record, tmp_path / "g.html")
    assert not (tmp_path / "g.html").exists()
