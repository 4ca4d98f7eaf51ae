"""The starter notebook: every page reads, leads somewhere, cites real works and shows what experiments really keep."""

import importlib
import json
import re
import sys
from functools import cache
from pathlib import Path

import pytest

from glassbook.assets import starter
from glassbook.cli.app import COMMANDS
from glassbook.experiments import find, forms, launch, names
from glassbook.experiments.verdicts import judge
from glassbook.model_server import read_latents
from glassbook.notebook import KINDS, InlineValue, Notebook, Page
from glassbook.notebook.pages.links import name_key
from glassbook.notebook.pages.prose import ungrounded
from glassbook.notebook.runs.claims import find_claim
from glassbook.steer.spec import read_settings
from glassbook.web.render.blocks import PROGRAMS
from glassbook.web.render.markdown import render_markdown
from glassbook.web.what_if import WhatIf

REPOSITORY = Path(__file__).parents[2]
SECTIONS = ["What it is", "Why it matters", "What is contested", "In this notebook", "See also"]
MISSION = """mechanistic interpretability; dictionary learning; feature; features; circuit; circuits; universality;
features, circuits and universality; monosemanticity; superposition; activation steering; activation addition;
steering vector; honesty and deceit; deceit and honesty; RLHF; mixture of experts; uncensored models;
the reversal curse; multimodal model; multimodal interface; Pareto frontier; risk awareness moment;
AI plans and strategies; policy levers; compute governance; scalable oversight; the measure of intelligence; ARC;
language model; pre-training; fine-tuning; scaling laws; auto-encoder; autoencoder; VAE; variational auto-encoder;
sparse coding; variational sparse coding; spike and slab; GAN; ViT; vision transformer; EfficientFormer;
latency-driven slimming; FixMatch; semi-supervised camera traps; IoT camera traps; entropy"""


@cache
def pages() -> tuple[Page, ...]:
    found = [starter.SOURCE / name for name in starter.files() if name.suffix == ".md"]
    return tuple(Page.parse(path.read_text(), path, path.stem) for path in found)


@cache
def works() -> dict[str, dict]:
    return {work["id"]: work for work in json.loads((starter.SOURCE / "references.json").read_text())}


@cache
def owners() -> dict[str, set[str]]:
    """Every name that a link may use -> ids of the pages that have it."""
    found: dict[str, set[str]] = {}
    for page in pages():
        for name in (page.id, page.title, *page.aliases, page.path.stem):
            found.setdefault(name_key(name), set()).add(page.id)
    return found


def terms() -> list[Page]:
    return [page for page in pages() if page.kind == "term"]


def each(found):
    return pytest.mark.parametrize("page", found, ids=lambda page: page.id)


@each(pages())
def test_a_page_reads_and_keeps_its_text(page):
    assert page.problem is None
    assert page.render() == page.source
    assert page.kind in KINDS
    assert page.id == page.path.stem
    assert page.tags


def test_every_name_means_one_page():
    assert {name: ids for name, ids in owners().items() if len(ids) > 1} == {}


@each(pages())
def test_links_lead_to_pages(page):
    for link in page.outline().links:
        assert name_key(link.target) in owners(), link.text
        if link.section:
            [target] = owners()[name_key(link.target)]
            sections = next(p for p in pages() if p.id == target).outline().sections
            assert link.section in {s.title for s in sections}


def test_every_page_can_be_reached():
    linked = {id for page in pages() for link in page.outline().links for id in owners()[name_key(link.target)]}
    assert {page.id for page in pages()} == linked


@pytest.mark.parametrize("name", [" ".join(name.split()) for name in MISSION.split(";")])
def test_the_mission_has_a_page(name):
    [id] = owners()[name_key(name)]
    assert next(page for page in pages() if page.id == id).kind in ("term", "paper")


@each(terms())
def test_a_term_says_what_why_contested_and_whence(page):
    titles = [s.title for s in page.outline().sections if s.level]
    assert titles == SECTIONS
    assert page.level is not None
    assert page.refs
    prose = re.sub(r"```.*?```", "", page.body, flags=re.DOTALL)
    assert 150 <= len(prose.split()) <= 480
    assert page.outline().links


@each(terms())
def test_a_term_runs_or_says_that_it_cannot(page):
    [section] = [s for s in page.outline().sections if s.title == "In this notebook"]
    says_so = re.search(r"No experiment|no experiment", section.text)
    assert says_so or "```glassbook" in section.text


@each(pages())
def test_references_are_there(page):
    assert set(page.refs) <= set(works())
    assert len(page.refs) == len(set(page.refs))


@each(terms())
def test_a_term_names_its_sources_where_it_uses_them(page):
    for key in page.refs:
        work = works()[key]
        if work["type"] in ("legislation", "treaty", "document"):
            continue  # named by what they are called
        first = work.get("author", [{}])[0]
        names = {first.get("family"), first.get("literal"), work.get("number")} - {None}
        assert any(name in page.body for name in names), key


def test_every_work_is_dated_and_cited():
    cited = {key for page in pages() for key in page.refs}
    assert cited == set(works())
    for key, work in works().items():
        assert work["title"]
        assert work["type"]
        assert 1900 <= work["issued"]["date-parts"][0][0] <= 2026
        if re.fullmatch(r"\d{4}\.\d{4,5}", key):
            assert work["URL"] == f"https://arxiv.org/abs/{key}"
            year, month = work["issued"]["date-parts"][0]
            assert f"{year % 100:02}{month:02}" == key[:4]
        if key.startswith("10."):
            assert work["DOI"] == key


@each([page for page in pages() if page.outline().blocks])
def test_live_blocks_name_what_there_is(page):
    for block in page.outline().blocks:
        assert block.problem is None
        if block.kind == "steer":
            assert read_settings(block.data).model == "builtin"
            assert "by" not in block.data  # as earlier versions wrote
            continue
        if block.kind in ("attention", "lens"):
            assert set(block.data) == {"model", "prompt"} | (
                {"kind"} if block.data.get("kind") == "jacobian" else set()
            )
            assert block.data["model"] == "builtin"
            continue
        if block.kind == "latents" and "experiment" not in block.data:
            assert read_latents(block.data).model == "builtin-vae"
            continue
        if block.kind == "whatif":
            assert WhatIf.read(block.data).rulings()
            continue
        if block.kind == "program":
            assert block.data["name"] in PROGRAMS
            continue
        name = block.data["name" if block.kind == "experiment" else "experiment"]
        assert name in names()
        if block.kind in ("chart", "table", "image"):
            shown = block.data.get("names", [block.data.get("name")])
            assert set(shown) <= set(getattr(find(name).outputs, f"{block.kind}s"))
        elif block.kind == "claim":
            assert find_claim(find(name).claims, block.data["id"], name)
        else:
            assert block.kind in ("experiment", "claims", "features", "latents")


@each(pages())
def test_f3_prose_states_no_verdict_and_no_measured_number(page):
    found = [(sentence.line, sentence.kind, sentence.text) for sentence in ungrounded(page, names())]
    assert found == [], "write an inline value, cite the work, or list the phrase under `given` in the front matter"


@each([page for page in pages() if re.search(r"\bno experiment\b[^.]*\byet\b|\bno experiment for this\b", page.body)])
def test_audit_b10_a_page_that_says_there_is_no_experiment_shows_none(page):
    """The page on honesty said so above a table of one, and that on "Zoom In" of two claims that experiments test."""
    assert page.id != "olah-2020-zoom-in"
    shown = {block.data.get("experiment", block.data.get("name")) for block in page.outline().blocks}
    assert shown & set(names()) == set()


def test_audit_b10_the_entropy_of_the_world_is_a_bound_on_every_page():
    told = [page.id for page in pages() if "upper bound" in page.body]
    assert {"the-reserve", "entropy", "pre-training"} <= set(told)
    assert [page.id for page in pages() if "no model can beat" in page.body] == []


README = Path(__file__).parents[2] / "README.md"


def test_f3_the_readme_states_no_verdict_and_no_measured_number():
    page = Page.parse(f"---\ngiven: [1.5 M parameters]\n---\n{README.read_text()}")
    assert [(found.line, found.text) for found in ungrounded(page, names())] == []


@pytest.mark.parametrize("name", names())
def test_f3_settings_and_sabotages_state_no_verdict_and_no_measured_number(name):
    """Claims are left out: they are what is to be shown, with the bound."""
    texts = [sabotage.sentence for sabotage in find(name).sabotages] + [field.doc for field in forms.fields(find(name))]
    texts += [claim.explanation for claim in find(name).claims if claim.explanation]
    assert [found.text for text in texts for found in ungrounded(Page.parse(text), [])] == []


def test_files_that_the_readme_names_exist():
    table = README.read_text().partition("it is in (below `src/glassbook/`)")[2].partition("\n\n")[0]
    named = re.findall(r"`([\w/.-]+\.(?:py|js|md))`", table)
    home = README.parent / "src" / "glassbook"
    assert len(named) > 20
    assert [name for name in named if not (home / name).exists() and not (README.parent / name).exists()] == []


def values_of(page: Page) -> list[InlineValue]:
    return [piece for piece in render_markdown(page.body).pieces if isinstance(piece, InlineValue)]


@each([page for page in pages() if "{{" in page.body])
def test_inline_values_name_what_there_is(page):
    for value in values_of(page):
        if value.kind == "claim":
            name, _, id = value.text.partition("/")
            assert find_claim(find(name).claims, id, name)
        else:
            name, metric, *_ = value.text.split()
            recipe = Path(str(sys.modules[find(name).__module__].__file__))
            helpers = recipe.parent.glob("_*.py")
            sources = [recipe.read_text(), *(path.read_text() for path in helpers)]
            assert any(re.search(rf"\b{metric}\b", source) for source in sources), f"{name} gives no result {metric}"


def test_there_are_inline_values():
    assert len([value for page in pages() for value in values_of(page)]) > 5


@each(terms())
def test_a_page_with_the_name_of_an_experiment_stands_beside_its_recipe(page):
    assert not page.path.is_symlink()  # a notebook passes over links that lead out of its pages
    if page.id in names():
        recipe = Path(str(sys.modules[find(page.id).__module__].__file__))
        beside = recipe.with_name(f"{page.id}.md")
        assert beside.is_symlink()
        assert not beside.readlink().is_absolute()
        assert beside.resolve() == page.path.resolve()


@pytest.mark.parametrize("name", names())
def test_the_terms_of_experiments_have_pages(name):
    for term in find(name).terms:
        assert name_key(term) in owners(), f"the starter has no page for {term!r}"


def test_commands_in_the_manual_exist():
    text = "\n".join(page.body for page in pages())
    said = set(re.findall(r"(?:^|`)glassbook ([a-z-]+)", text, re.MULTILINE))
    assert said >= {"new", "run", "claims", "serve"}
    assert said <= set(COMMANDS)


def python_of(id: str) -> list[str]:
    """The Python of a page."""
    [page] = [page for page in pages() if page.id == id]
    return re.findall(r"```python\n(.*?)```", page.body, re.DOTALL)


def test_the_example_of_an_experiment_works(tmp_path, monkeypatch):
    source, *_ = python_of("extending-glassbook")
    place = tmp_path / "coin_of_the_manual.py"
    place.write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    work = importlib.import_module("coin_of_the_manual").CoinEntropy
    notebook = Notebook.create(tmp_path / "n")
    for seed in range(3):
        launch(work(), notebook, seed=seed)
    assert [judge(claim, notebook.runs(work.name)).state for claim in work.claims] == ["holds"]
    assert work.name == "coin-entropy"
    assert work.quick().tosses < work().tosses


def test_what_the_pages_and_the_readme_import_exists():
    said = "\n".join([README.read_text(), *(page.body for page in pages())])
    imports = re.findall(r"^from glassbook[\w.]* import [\w, ]+$", said, re.MULTILINE)
    assert len(imports) > 10
    exec("\n".join(imports), {})


@pytest.mark.parametrize("id", ["features-in-practice", "opening-models", "steering-models", "the-reserve"])
def test_python_in_the_manual_runs(id, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for source in python_of(id):
        exec(source, names)
    assert capsys.readouterr().out


def test_write_fills_a_new_notebook_and_never_overwrites(tmp_path):
    notebook = Notebook.create(tmp_path / "n")
    mine = notebook.folder / "pages" / "terms" / "superposition.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("my own")
    assert starter.write(notebook.folder) == len(pages()) - 1
    assert mine.read_text() == "my own"
    assert starter.write(notebook.folder) == 0
    assert notebook.page("VAE").id == "variational-auto-encoder"
    assert json.loads((notebook.folder / "references.json").read_text())
    assert [problem for problem in notebook.index.problems() if "superposition" not in problem] == []


def test_what_was_written_is_taken_away_when_the_disk_refuses(tmp_path, monkeypatch):
    calls = []

    def refuse(path, data):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    monkeypatch.setattr(starter, "write_atomic", refuse)
    with pytest.raises(OSError, match="No space"):
        starter.write(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_docs_is_a_notebook(tmp_path):
    docs = REPOSITORY / "docs"
    assert (docs / "pages").resolve() == starter.SOURCE / "pages"
    assert (docs / "references.json").resolve() == starter.SOURCE / "references.json"
    assert not (docs / "pages").readlink().is_absolute()
    # Opened through links as docs/ has them, but elsewhere: a test leaves no index in the repository.
    (tmp_path / "glassbook.toml").write_bytes((docs / "glassbook.toml").read_bytes())
    (tmp_path / "pages").symlink_to(docs / "pages")
    notebook = Notebook(tmp_path)
    assert notebook.title == "Glassbook"
    assert len(notebook.pages()) == len(pages())
    assert notebook.page("First steps").id == "first-steps"
    assert notebook.index.problems() == []
