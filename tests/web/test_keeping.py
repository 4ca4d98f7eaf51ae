"""What is kept on a page: a live block that shows it, or a link that leads to it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from evidence_book import EVIL, PNG, assert_harmless, toy_run

from glassbook.notebook import Page
from glassbook.notebook.runs.feature_dashboard import NAME, SCHEMA

PROMPT = "The fox | ran: \"to\" [the] {river}\nand 'back'"


@pytest.fixture
def run(nb):
    run = toy_run(nb)
    with contextlib.closing(sqlite3.connect(run.folder / "artifacts" / NAME)) as db, db:
        db.executescript(SCHEMA)
        header = {"model": "builtin", "site": "blocks.2.out", "dictionary": "d", "width": 4, "tokens": 10}
        db.executemany("INSERT INTO header VALUES (?, ?)", [(key, json.dumps(value)) for key, value in header.items()])
        histogram = json.dumps({"edges": [0, 1, 2], "counts": [1, 1]})
        feature = [3, "", None, 0.1, 1.0, "", "[]", "[]", "[]", "[]", histogram, "[]"]
        db.execute(f"INSERT INTO feature VALUES ({', '.join('?' * len(feature))})", feature)
    return run


def kept(reader, page, form="block", **what):
    return reader.post("/api/v1/keep", json={"what": what, "page": page, "form": form})


def kinds(run):
    return [
        {"kind": "attention", "prompt": PROMPT, "layer": 2, "head": 1},
        {"kind": "attention", "model": "some/model", "prompt": "a"},
        {"kind": "lens", "prompt": PROMPT, "lens": "tuned"},
        {"kind": "feature", "run": run.id, "index": 3},
        {"kind": "chart", "run": run.id, "name": "curve"},
        {"kind": "latents", "model": "builtin-vae", "seed": 3, "set": {"4": 1.5, "0": -2.0}, "strip": 4},
        {"kind": "latents", "model": "builtin-vae", "mode": "denoise", "picture": "terms/a (b).png", "noise": 0.3},
        {"kind": "latents", "model": "builtin-vae", "code": [0.5, -1.25]},
    ]


def test_a_block_shows_what_was_seen(reader, nb, run):
    nb.write(Page.new("Finds", "What I found.\n"))
    (nb.folder / "pages" / "terms").mkdir(exist_ok=True)
    (nb.folder / "pages" / "terms" / "a (b).png").write_bytes(PNG)
    for n, what in enumerate(kinds(run), 1):
        answer = kept(reader, "finds", **what).json()
        assert (answer["id"], answer["new"]) == ("finds", False)
        blocks = nb.page("finds").outline().blocks
        assert len(blocks) == n
        given = {"kind": what["lens"], "model": "builtin", "prompt": PROMPT} if what["kind"] == "lens" else what
        for key, value in given.items():
            assert (key == "kind" and what["kind"] != "lens") or blocks[-1].data[key] == value
        assert blocks[-1].kind == what["kind"]
    page = reader.get("/p/finds").text
    assert "cannot be shown" not in page
    assert page.count('<aside class="block') == len(kinds(run))
    assert "What I found." in page


def test_a_link_leads_to_what_was_seen(reader, nb, run):
    (nb.folder / "pages" / "terms").mkdir(exist_ok=True)
    (nb.folder / "pages" / "terms" / "a (b).png").write_bytes(b"")
    for what in kinds(run):
        answer = kept(reader, "Links", "link", **what)
        assert answer.status_code == 200
    page = reader.get("/p/links").text
    for address in (f"/features/{run.id}/3", f"/runs/{run.id}#chart-curve"):
        assert f'href="{address}"' in page
    said = [line.partition("](<")[2].rstrip(">)") for line in nb.page("links").body.splitlines() if "](<" in line]
    query = parse_qs(urlsplit(said[0]).query)
    assert query == {"model": ["builtin"], "prompt": [PROMPT], "layer": ["2"], "head": ["1"]}
    assert parse_qs(urlsplit(said[2]).query)["lens"] == ["tuned"]
    for address in said:
        assert reader.get(address).status_code == 200, address


def test_a_new_page_is_made_and_said_to_be_new(reader, nb, run):
    answer = kept(reader, "Fresh finds", **kinds(run)[4]).json()
    assert (answer["id"], answer["new"], answer["url"]) == ("fresh-finds", True, "/p/fresh-finds#curve-of-toy-seed-0")
    assert kept(reader, "Fresh finds", **kinds(run)[4]).json()["url"].endswith("-1")


@pytest.mark.parametrize(
    "what",
    [
        {"kind": "feature", "run": "nobody", "index": 3},
        {"kind": "feature", "run": "RUN", "index": 4},
        {"kind": "feature", "run": "RUN", "index": -1},
        {"kind": "chart", "run": "RUN", "name": "none"},
        {"kind": "chart", "run": "RUN"},
        {"kind": "attention", "prompt": "x" * 401},
        {"kind": "attention", "prompt": "a", "layer": "first"},
        {"kind": "lens", "prompt": "a", "lens": "zoom"},
        {"kind": "steer", "prompt": "a"},
        {"kind": "latents", "pixels": "AAAA"},
        {"kind": "latents", "seed": 1, "code": [0.0]},
        {"kind": "latents", "set": {"0": 99}},
        {"kind": "attention", "prompt": "a", "extra": 1},
    ],
)
@pytest.mark.parametrize("form", ["block", "link"])
def test_what_is_not_there_is_not_kept(reader, nb, run, what, form):
    answer = kept(reader, "Finds", form, **{**what, **({"run": run.id} if what.get("run") == "RUN" else {})})
    assert answer.status_code in (400, 422)
    assert "\n" not in answer.json()["error"]
    assert nb.pages() == []


@pytest.mark.parametrize("form", ["block", "link"])
def test_a_prompt_stays_a_text(reader, nb, form):
    assert kept(reader, "Evil", form, kind="attention", prompt=EVIL).status_code == 200
    assert_harmless(reader.get("/p/evil").text)


def test_pages_offer_to_keep_what_they_show(reader, run):
    feature = reader.get(f"/features/{run.id}/3").text
    assert "data-keep-on" in feature
    assert "data-copy-link" in feature
    page = reader.get(f"/runs/{run.id}").text
    assert 'id="chart-curve"' in page
    assert f'data-link="/runs/{run.id}#chart-curve"' in page


def test_an_attention_block_says_which_head(reader, nb):
    body = "```glassbook\nattention: {prompt: a b, layer: 2, head: 0}\n```\n"
    nb.write(Page.new("Heads", body))
    assert "/models/open?model=builtin&amp;prompt=a%20b&amp;layer=2&amp;head=0" in reader.get("/p/heads").text


@pytest.mark.parametrize("there", [True, False], ids=["page", "new page"])
def test_what_many_keep_at_the_same_moment_is_all_there(reader, nb, there):
    if there:
        nb.write(Page.new("Finds", "What I found.\n"))
    begin, answers = threading.Barrier(12), []

    def keep(who):
        begin.wait()
        for n in range(3):
            answers.append(kept(reader, "Finds", form="link", kind="lens", prompt=f"p{who}-{n}.").status_code)

    threads = [threading.Thread(target=keep, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 36
    body = nb.page("finds").body
    assert all(f"p{who}-{n}." in body for who in range(12) for n in range(3))


@pytest.mark.parametrize("title", ["学" * 90, "Über notes " * 18, "𠀀" * 100], ids=["chinese", "english", "four bytes"])
def test_a_page_with_a_long_title_is_kept_on(reader, nb, title):
    for new in (True, False):
        answer = kept(reader, title, kind="lens", prompt="The owl")
        assert (answer.status_code, answer.json()["new"]) == (200, new)
    assert len(nb.page(title.strip()).outline().blocks) == 2
