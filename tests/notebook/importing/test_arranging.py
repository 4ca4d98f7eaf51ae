"""An import in a notebook that has pages already: words join pages, no link changes, nothing is lost."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from glassbook.assets import starter
from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.notebook.importing import Arrangement, Choice, Report, plan

NOTES = """I write down what I learn.
Session 2: Sparse codes: Dead latents again!
Session 1: Convolutions: Slow.
(terms, in decreasing order)
The Softmax Functions: Makes numbers a distribution, as sparse coding does not.
Dropout: Leaves units out while it learns, before the softmax.
Logit: The number before the softmax.
P.S. More to come.
"""


@pytest.fixture
def book(nb: Notebook) -> Notebook:
    """A notebook with some terms, a vault, and links between them."""
    nb.write(Page.new("Softmax function", "A function.\n", kind="term", level=80, aliases=["Softmax"]))
    nb.write(Page.new("Logit", "A number. See [[softmax]] and [[Neuron]].", kind="term", level=20))
    nb.write(Page.new("Sparse coding", "See [[Logit]], [[the drop]].\n", kind="term", level=50))
    nb.write(Page.new("Log", "[[softmax]] [[Softmax function]] [[logit]] [[sparse coding]] [[neuron]] [[dropout]]"))
    vault = nb.folder / "pages" / "brain"
    vault.mkdir()
    (vault / "Neuron.md").write_text("[[Axon]]")
    (vault / "Axon.md").write_text("[[neuron]] [[Logit]]")
    return nb


def text(tmp_path: Path, words: str = NOTES, name: str = "my-notes.txt") -> Path:
    path = tmp_path / name
    path.write_text(words)
    return path


def links(nb: Notebook) -> dict[tuple[str, str], str]:
    """Every link that leads somewhere: (file, what it says) -> id."""
    found = {}
    for page in nb.pages():
        for said, there in nb.index.links(page):
            if there is not None:
                found[str(page.path), said] = there
    return found


def unchanged(nb: Notebook, before: dict[tuple[str, str], str]) -> bool:
    now = links(nb)
    return all(now[link] == there for link, there in before.items())


def joins(fitted: Arrangement) -> dict[str, str]:
    return {item.page.title: item.joined.title for item in fitted.pages if item.joined}


def files(nb: Notebook) -> dict[str, bytes]:
    return {
        path.relative_to(nb.folder).as_posix(): path.read_bytes()
        for path in nb.folder.rglob("*")
        if path.is_file() and ".glassbook" not in path.parts
    }


def plain(markdown: str) -> str:
    """Markdown without the brackets of its links."""
    return re.sub(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]", r"\1", markdown)


def missing_lines(source: str, nb: Notebook, report: Report) -> Counter[str]:
    """Lines of a source that stand on no page and not in the report."""
    lines = Counter(line for line in re.split(r"\r\n|\r|\n", source) if line.strip())
    kept = Counter(item["text"] for item in report.left_out)
    for page in nb.pages():
        kept += Counter(plain(page.body).split("\n"))
    return lines - kept


def test_words_about_a_page_that_is_there_are_added_to_it(book, tmp_path):
    before, was = links(book), book.page("Softmax").source
    source = text(tmp_path)
    fitted = plan(source).arrange(book)
    assert joins(fitted) == {"The Softmax Functions": "Softmax function", "Logit": "Logit"}
    report = fitted.apply()
    assert report.joined == {
        "terms/the-softmax-functions.md": "terms/softmax-function.md",
        "terms/logit.md": "terms/logit.md",
    }
    now = book.page("Softmax").source
    assert now.startswith(was)
    added = now.removeprefix(was)
    assert added.startswith("\n## My notes\n\nFrom `my-notes.txt`, line 5:\n\nThe Softmax Functions: Makes")
    assert unchanged(book, before)
    assert not missing_lines(NOTES, book, report)
    assert [path.name for path in book.folder.rglob("*-2.md")] == []


def test_a_second_import_changes_nothing(book, tmp_path):
    source = text(tmp_path)
    plan(source).arrange(book).apply(links=True)
    before = files(book)
    report = plan(source).arrange(book).apply(links=True)
    assert (report.made, report.joined, report.updated, report.kept) == ([], {}, [], [])
    assert files(book) == before


def test_words_kept_as_a_page_of_their_own_take_no_links(book, tmp_path):
    before = links(book)
    fitted = plan(text(tmp_path)).arrange(book, same="own")
    assert joins(fitted) == {}
    report = fitted.apply()
    assert report.renamed == {"terms/logit.md": "terms/logit-2.md"}
    assert "links by the name 'Logit' go to pages/terms/logit.md as before, not to terms/logit-2.md" in report.notes
    assert unchanged(book, before)
    own = book.page("logit-2")
    assert own.title == "Logit"
    assert book.index.resolve("logit-2") == "logit-2"
    assert book.index.resolve("Logit") == "logit"


@pytest.mark.parametrize("body", ["[[New]]", "[[new]] and [[Softmax]]", "[[Old name]]"])
def test_links_to_names_that_nobody_had_find_the_new_page(book, tmp_path, body):
    book.write(Page.new("Waiting", body))
    words = "Glossary:\nNew (Softmax): One.\nOld name: Two.\n"
    before = links(book)
    plan(text(tmp_path, words)).arrange(book, same="own").apply()
    assert unchanged(book, before)
    assert all(there for _, there in book.index.links(book.page("Waiting")))


def test_what_is_left_out_is_in_the_report_and_stays_out(book, tmp_path):
    source = text(tmp_path)
    prepared = plan(source)
    (dropout,) = (page.path for page in prepared.pages if page.title == "Dropout")
    report = prepared.arrange(book, choices={dropout: Choice("leave")}).apply()
    assert [item["line"] for item in report.left_out] == [6]
    assert "leaves units out" in report.left_out[0]["text"].lower()
    assert not missing_lines(NOTES, book, report)
    assert book.index.resolve("Dropout") is None
    assert "Dropout (left out)" in book.page("My notes").body
    plan(source).apply(book)
    assert book.index.resolve("Dropout") is None
    assert plan(source).arrange(book, choices={dropout: Choice("own")}).apply().made == ["terms/dropout.md"]


def test_any_page_can_be_chosen(book, tmp_path):
    prepared = plan(text(tmp_path))
    (dropout,) = (page.path for page in prepared.pages if page.title == "Dropout")
    for target in ("Sparse coding", "pages/terms/sparse-coding.md"):
        fitted = prepared.arrange(book, choices={dropout: Choice("join", target)})
        assert joins(fitted)["Dropout"] == "Sparse coding"


@pytest.mark.parametrize(
    ("choices", "kind", "said"),
    [
        ({"terms/dropout.md": Choice("join", "nobody")}, "", "no page is called"),
        ({"terms/dropout.md": Choice("join")}, "", "name one"),
        ({"terms/gone.md": Choice("own")}, "", "no page of this import"),
        ({"terms/dropout.md": Choice("join", "../../etc/passwd")}, "", "no page is called"),
        ({"notes/my-notes.md": Choice("join", "Log")}, "", "belongs in its folder"),
        ({}, "theorem", "take one of"),
    ],
)
def test_choices_that_do_not_fit_are_refused(book, tmp_path, choices, kind, said):
    before = files(book)
    with pytest.raises(GlassbookError, match=said):
        plan(text(tmp_path)).arrange(book, kind, choices=choices)
    assert files(book) == before


def test_a_page_that_ends_inside_code_takes_no_words(book, tmp_path):
    file = book.folder / "pages" / "terms" / "softmax-function.md"
    file.write_text(file.read_text() + "\n```\nfor ever\n")
    before = files(book)
    with pytest.raises(GlassbookError, match="ends inside a block of code"):
        plan(text(tmp_path)).apply(book)
    assert files(book) == before


def test_a_changed_source_changes_its_words_only_where_nobody_else_did(book, tmp_path):
    source = text(tmp_path)
    plan(source).apply(book)
    softmax, logit = (book.folder / "pages" / "terms" / name for name in ("softmax-function.md", "logit.md"))
    logit.write_text(logit.read_text().replace("The number before", "My number before"))
    source.write_text(NOTES.replace("Makes numbers", "Turns numbers into").replace("The number", "A number"))
    softmax.write_text("---\nid: softmax-function\n---\nNew top.\n" + softmax.read_text().split("---\n", 2)[2])
    report = plan(source).apply(book)
    assert report.updated == ["terms/softmax-function.md", "notes/my-notes.md"] or report.updated == [
        "terms/softmax-function.md"
    ]
    assert report.kept == ["terms/logit.md"]
    assert softmax.read_text().count("## My notes") == 1
    assert "Turns numbers into" in softmax.read_text()
    assert "New top." in softmax.read_text()
    assert "My number before" in logit.read_text()


def test_the_same_words_by_another_way_are_not_added_twice(book, tmp_path):
    plan(text(tmp_path)).apply(book)
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert plan(text(other)).apply(book).joined == {}
    assert book.page("Softmax").body.count("Makes numbers") == 1


def test_two_sources_about_one_page_stand_below_each_other(book, tmp_path):
    plan(text(tmp_path, "Glossary:\nSoftmax: One.\n", "a.txt")).apply(book)
    plan(text(tmp_path, "Glossary:\nSoftMax: Two.\nThe softmax: Three.\n", "b.txt")).apply(book)
    heads = re.findall(r"^## (.*)$", book.page("Softmax").body, re.MULTILINE)
    assert heads == ["My notes", "My notes 2", "My notes 3"]


# --- levels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "levels"),
    [
        ("Terms (decreasing):\nSoftmax: a.\nDropout: b.\nLogit: c.\n", {"Dropout": 50}),
        ("Terms (increasing):\nLogit: a.\nDropout: b.\nEpoch: c.\nSoftmax: d.\n", {"Dropout": 40, "Epoch": 60}),
        ("Terms (decreasing):\nEpoch: a.\nDropout: b.\nBatch: c.\n", {"Epoch": 80, "Dropout": 50, "Batch": 20}),
        ("Terms (decreasing):\nSoftmax: a.\nDropout: b.\n", {"Dropout": 79}),
        ("Terms:\nEpoch: a.\nDropout: b.\n", {"Epoch": None, "Dropout": None}),
    ],
)
def test_new_terms_get_levels_on_the_scale_of_the_notebook(book, tmp_path, words, levels):
    plan(text(tmp_path, words)).apply(book)
    assert {title: book.page(title).level for title in levels} == levels
    assert book.page("Softmax").level == 80


def test_a_notebook_without_levels_takes_those_of_the_list(nb, tmp_path):
    plan(text(tmp_path, "Terms (decreasing):\nEpoch: a.\nDropout: b.\n")).apply(nb)
    assert (nb.page("Epoch").level, nb.page("Dropout").level) == (2, 1)


# --- contents -----------------------------------------------------------------------------------------------------


def test_contents_keep_the_order_and_the_words_between(book, tmp_path):
    plan(text(tmp_path)).apply(book)
    body = book.page("My notes").body
    assert body.strip().split("\n") == [
        "I write down what I learn.",
        "",
        "## Sessions",
        "",
        "- [[session-2-sparse-codes|Session 2: Sparse codes]]",
        "- [[session-1-convolutions|Session 1: Convolutions]]",
        "",
        "(terms, in decreasing order)",
        "",
        "## Terms",
        "",
        "- [[softmax-function#My notes|The Softmax Functions]]",
        "- [[dropout|Dropout]]",
        "- [[logit#My notes|Logit]]",
        "",
        "P.S. More to come.",
    ]
    assert None not in [there for _, there in book.index.links(book.page("My notes"))]


def test_courses_stand_apart_in_the_contents(nb, tmp_path):
    words = "Week 2: Nets: Good.\nWeek 1: Data: Good.\nWeek 3: Risk: Good.\nWeek 2: Law [draft]: Good.\n"
    plan(text(tmp_path, words, "what_I-heard.txt")).apply(nb)
    body = nb.page("What I heard").body
    assert re.findall(r"^(?:## |- .*\|)(.*?)\]*$", body, re.MULTILINE) == [
        *("Course 1", "Week 2: Nets", "Week 1: Data", "Course 2", "Week 3: Risk", "Week 2: Law (draft)"),
    ]


def test_one_page_alone_needs_no_contents(nb, tmp_path):
    report = plan(text(tmp_path, "Only a thought.\nAnd another one, for all of it.\n")).apply(nb)
    assert report.made == ["notes/my-notes.md"]
    assert nb.page("My notes").body == "\nOnly a thought.\n\nAnd another one, for all of it.\n"


# --- vaults -------------------------------------------------------------------------------------------------------


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    root = tmp_path / "ml"
    notes = {
        "logit.md": "The *number*.\n\n# More\n\n[[softmax]]\n",
        "dropout.md": "Leaves [[units]] out.\n",
        "neuron.md": "Of a network. [[logit]]\n",
        "softmax.md": "With a ![picture](img/a.png).\n",
        "Talk.md": "---\nkind: talk\n---\nHeard.\n",
    }
    for name, words in notes.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(words)
    return root


def test_notes_of_a_vault_get_the_kind_that_is_named(book, vault):
    before = links(book)
    fitted = plan(vault).arrange(book)
    assert fitted.unsaid == 4
    assert joins(fitted) == {}
    fitted = plan(vault).arrange(book, kind="term")
    assert fitted.unsaid == 0
    assert joins(fitted) == {"logit": "Logit"}
    fitted.apply()
    made = [row.title for row in book.index.page_rows("term") if row.path.startswith("pages/ml/")]
    assert made == ["dropout", "neuron", "softmax"]
    assert (book.folder / "pages/ml/dropout.md").read_text() == "---\nkind: term\n---\nLeaves [[units]] out.\n"
    assert (book.folder / "pages/ml/Talk.md").read_bytes() == (vault / "Talk.md").read_bytes()
    added = book.page("Logit").body
    assert added.endswith("## Imported notes\n\nFrom `ml/logit.md`:\n\nThe *number*.\n\n### More\n\n[[softmax]]\n")
    # The other notes of the vault find it, and the pages that were there find what they found.
    assert book.index.resolve("logit", "pages/ml/neuron.md") == "logit"
    assert unchanged(book, before)
    again = plan(vault).arrange(book).apply()
    assert (again.made, again.updated, again.kept, again.joined) == ([], [], [], {})


def test_a_vault_takes_no_links_from_another(book, vault):
    book.write(Page.new("Far", "[[neuron]] [[axon]]"))
    before = links(book)
    for name in ("a", "b"):
        (vault / "Axon.md").write_text("x")
        vault = vault.rename(vault.with_name(name))
        plan(vault).apply(book)
    assert unchanged(book, before)
    assert book.index.resolve("neuron", "pages/a/logit.md") == "a/neuron"


# --- the real notes -----------------------------------------------------------------------------------------------


@pytest.fixture
def real() -> Path:
    root = os.environ.get("GLASSBOOK_DATA")
    if not root:
        pytest.skip("needs the real data: set GLASSBOOK_DATA to its folder")
    return Path(root) / "notes"


def test_a_real_page_joins_the_starter(real, nb):
    starter.write(nb.folder)
    before = links(nb)
    names = {name: nb.index.resolve(name) for name in nb.index.names()}
    source = real / "an-unstructured-notebook-page.txt"
    fitted = plan(source).arrange(nb)
    report = fitted.apply(links=True)
    assert unchanged(nb, before)
    assert {name: nb.index.resolve(name) for name in names} == names
    assert list(nb.folder.rglob("*-2.md")) == []
    terms = [item for item in fitted.pages if item.page.kind == "term"]
    assert len(terms) == 17
    assert all(item.joined for item in terms)
    works = [item for item in fitted.pages if item.page.kind in ("paper", "talk")]
    assert [item.page.title[:20] for item in works if not item.joined] == ["Evaluating the FixMa"]
    named = {item.joined.ident for item in works if item.joined and item.page.derived}
    assert named == {
        "chollet-2019-measure",
        "dosovitskiy-2020-vit",
        "tonolini-2020-variational-sparse-coding",
    }
    contents = nb.page("An unstructured notebook page")
    assert len(nb.index.links(contents)) == 39
    said = {(link.words, link.name) for item in fitted.pages for link in item.links}
    assert said >= {
        ("measuring intelligence", "Measure of intelligence"),
        ("positional embeddings", "Vision transformer"),
        ("latency driven slimming", "EfficientFormer"),
        ("Mistral's 8x7B", "Mixture of experts"),
        ("Large Language Models", "Language model"),
        ("Attention Is All You Need", "Attention"),
        ("Dosovitskiy et al", "An image is worth 16x16 words"),
    }
    assert "debate" not in {words for words, _ in said}  # "thoroughly enjoyed the debate": no method of oversight
    assert sum(len(item.links) for item in fitted.pages) == report.links == 65
    assert not missing_lines(source.read_text("utf-8"), nb, report)
    assert nb.index.problems() == []


def test_a_real_vault_fills_the_glossary(real, nb):
    starter.write(nb.folder)
    before, count = links(nb), nb.index.page_count("term")
    report = plan(real / "google-ml-glossary-vault.tar.gz").arrange(nb, kind="term").apply()
    assert len(report.made) - 1 + len(report.joined) == 594
    assert nb.index.page_count("term") == count + len(report.made) - 1
    assert unchanged(nb, before)


@pytest.mark.parametrize("number", ["arXiv:2401.05566", "https://doi.org/10.48550/arXiv.2401.05566v2", "2401.05566"])
def test_a_paper_cites_the_work_whose_number_it_gives_and_the_plan_says_that_it_is_unknown(nb, tmp_path, number):
    words = f"Sleeper agents\n\nProblem: deceptive models ({number}).\nProposal: backdoors stay.\n"
    arranged = plan(text(tmp_path, words)).arrange(nb)
    assert "glassbook references" in " ".join(guess for item in arranged.pages for guess in item.page.guesses)
    arranged.apply()
    (page,) = (page for page in nb.pages() if page.kind == "paper")
    assert page.refs == ["2401.05566"]


@pytest.mark.parametrize("name", ["library.bib", "refs/My Library.BIB", "a/b.bib"])
def test_a_file_of_works_in_a_vault_is_copied_and_the_report_says_how_to_take_them_in(nb, tmp_path, name):
    (tmp_path / "v" / name).parent.mkdir(parents=True)
    (tmp_path / "v" / name).write_text("@article{a, title={A}}\n")
    (tmp_path / "v" / "n.md").write_text("note\n")
    report = plan(tmp_path / "v").apply(nb)
    assert report.notes == [
        f"pages/v/{name}: `glassbook references` with this file adds the works in it to the notebook's references"
    ]
    assert plan(tmp_path / "v").apply(nb).notes == []
    with pytest.raises(GlassbookError, match="glassbook references"):
        plan(tmp_path / "v" / name)
