from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.notebook.files import write_atomic
from glassbook.notebook.pages.page import KNOWN, flow_text
from glassbook.notebook.serialization import read_yaml

PAGE = """---
# ours
id: superposition
title:   Superposition   # spaces and comment stay
aliases:
- polysemantic
- "a: b"

x-date: 2024-01-01
level: 3
nested: {deep: [1, 2]}
text: |
  kept
   as it is

tags: [a, b]
---
Body\r with [[link]]
"""

line = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1).map(str.strip).filter(bool)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(line, inner, max_size=3),
    max_leaves=6,
)


@given(st.text())
@example(PAGE)
@example("---\r\nid: a\r\n---\r\nb")
@example("\ufeff---\nid: a\n---")
@example("---\nprose between rules\n---\n")
@example("---\nbad: [\n---\nbody")
def test_any_text_is_a_page_and_comes_back_as_it_was(text: str) -> None:
    assert Page.parse(text).render() == text


@given(plain)
@settings(max_examples=200)
def test_flow_text_is_yaml_of_the_same_value(value: object) -> None:
    assert read_yaml(f"key: {flow_text(value)}") == {"key": value}


@given(
    newline=st.sampled_from(["\n", "\r\n"]),
    title=line,
    aliases=st.lists(line, max_size=3),
    level=st.none() | st.integers(-99, 99),
    extra=st.dictionaries(st.text("abcxyz", min_size=1).map("x-".__add__), plain, max_size=2),
)
def test_a_change_rewrites_only_the_lines_of_that_key(newline, title, aliases, level, extra) -> None:
    text = PAGE.replace("\n", newline)
    page = Page.parse(text)
    page.title, page.aliases, page.level = title, aliases, level
    page.extra |= extra
    written = page.render()
    again = Page.parse(written)
    assert (again.title, again.aliases, again.level, again.extra) == (title, aliases, level, page.extra)
    for kept in ("# ours", "id: superposition", "x-date: 2024-01-01", "nested: {deep: [1, 2]}", "tags: [a, b]"):
        assert newline + kept + newline in written
    assert f"text: |{newline}  kept{newline}   as it is{newline}" in written
    assert written.endswith(f"---{newline}Body\r with [[link]]{newline}")
    if title != "Superposition":
        assert "# spaces and comment stay" in written


def test_only_one_line_differs() -> None:
    page = Page.parse(PAGE)
    page.tags.append("c d")
    assert page.render() == PAGE.replace("tags: [a, b]", "tags: [a, b, c d]")
    page.level = None
    assert page.render() == PAGE.replace("tags: [a, b]", "tags: [a, b, c d]").replace("level: 3\n", "")


def test_words_stay_words() -> None:
    page = Page.parse("---\nid: 007\ntitle: 1984\nkind: daily\naliases: yes\ntags: [2024-01-01, 'no', null]\n---\n")
    assert (page.id, page.title, page.kind) == ("007", "1984", "daily")
    assert (page.aliases, page.tags, page.problem) == (["yes"], ["2024-01-01", "no"], None)


def test_a_page_without_front_matter_takes_its_names_from_the_file() -> None:
    page = Page.parse("\r\n# The heading #\r\n", name="imported/Old note")
    assert (page.id, page.title) == ("imported/Old note", "The heading")
    page.tags = ["new"]
    page.body += "more\r\n"
    assert page.render() == "---\ntags: [new]\n---\n\r\n# The heading #\r\nmore\r\n"


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("title: [", "not valid YAML"),
        ("title: *x", "not valid YAML"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("title: a\ntitle: b", "twice"),
        ("x: " + "a" * 70_000, "limit"),
    ],
)
def test_front_matter_that_cannot_be_read_is_kept_and_never_rewritten(head: str, why: str) -> None:
    text = f"---\n{head}\n---\nbody\n"
    page = Page.parse(text)
    assert why in str(page.problem)
    page.body = "new body\n"
    assert page.render() == f"---\n{head}\n---\nnew body\n"
    page.tags = ["x"]
    with pytest.raises(GlassbookError, match="fix"):
        page.render()


def test_a_flow_mapping_changes_in_place_and_refuses_what_it_cannot() -> None:
    page = Page.parse("---\n{id: a, title: b}\n---\n")
    page.title = "c"
    assert page.render() == "---\n{id: a, title: c}\n---\n"
    page.level = 1
    assert page.render() == "---\n{id: a, title: c, level: 1}\n---\n"
    page = Page.parse("---\n{id: a, tags: [b]}\n---\n")
    page.tags = []
    with pytest.raises(GlassbookError, match="one key on each line"):
        page.render()


@pytest.mark.parametrize("body", ["---\nid: evil\n---\nx", "\ufeffx", "plain", "---\n"])
def test_a_body_stays_a_body(body: str) -> None:
    page = Page.parse("nothing", name="n")
    page.body = body
    again = Page.parse(page.render(), name="n")
    assert (again.body, again.id) == (body, "n")
    page = Page.parse("---\nid: a\n---")
    page.body = body
    assert Page.parse(page.render()).body == body


@pytest.mark.parametrize(("key", "value"), [("title", ""), ("title", "a\nb"), ("kind", "recipe"), ("level", "x")])
def test_values_that_cannot_stand_are_refused(key: str, value: object) -> None:
    page = Page.new("A page")
    setattr(page, key, value)
    with pytest.raises(GlassbookError, match=key):
        page.render()


def test_a_new_page_states_what_it_knows() -> None:
    page = Page.new("Über: 1", "Body\n", kind="term", level=2, extra={"status": "draft"})
    assert page.id == "über-1"
    text = page.render()
    assert text == "---\nid: über-1\ntitle: 'Über: 1'\nkind: term\nlevel: 2\nstatus: draft\n---\nBody\n"
    assert [key for key in KNOWN if f"{key}: " in text] == ["id", "title", "kind", "level"]


def test_writing_and_reading_by_any_name(nb: Notebook) -> None:
    written = nb.write(Page.new("Toy model", "Body\n", kind="term", aliases=["Toys"]))
    assert written.path == nb.folder / "pages" / "terms" / "toy-model.md"
    for name in ("toy-model", "TOY  model", "toys", "Toy-Model"):
        assert nb.page(name).id == "toy-model"
    with pytest.raises(GlassbookError, match="did you mean 'Toy model'"):
        nb.page("toy modle")
    with pytest.raises(GlassbookError, match="has the id 'toy-model' already"):
        nb.write(Page.new("Toy model", kind="paper"))
    with pytest.raises(GlassbookError, match=r"is no \.md file under"):
        nb.write(Page.new("Elsewhere", path=nb.folder / "pages" / ".." / "x.md"))
    assert [page.id for page in nb.pages()] == ["toy-model"]


def test_a_page_changed_by_another_hand_is_not_overwritten(nb: Notebook) -> None:
    page = nb.write(Page.new("One", "mine\n"))
    assert page.path is not None
    page.path.write_text(page.render() + "theirs\n")
    page.body = "mine again\n"
    with pytest.raises(GlassbookError, match="has changed since it was read"):
        nb.write(page)
    assert "theirs" in nb.page("one").body


def test_bytes_that_are_no_text_survive(nb: Notebook) -> None:
    path = nb.folder / "pages" / "latin.md"
    path.write_bytes(b"---\r\nid: latin\r\n---\r\ncaf\xe9\r\n")
    page = nb.page("latin")
    page.level = 1
    nb.write(page)
    assert path.read_bytes() == b"---\r\nid: latin\r\nlevel: 1\r\n---\r\ncaf\xe9\r\n"
    assert nb.index.search("caf")[0].id == "latin"


def test_write_atomic_keeps_links_and_permissions(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("```\n# install\n```\n", "Note"),
        ("words\n\n# Later\n", "Note"),
        ("## Second level\n", "Note"),
        ("    # code\n", "Note"),
        ("\n\n# First\n# Second\n", "First"),
        ("---\ntitle: Given\n---\n# Heading\n", "Given"),
    ],
)
def test_where_a_title_is_taken_from(text: str, title: str) -> None:
    assert Page.parse(text, name="v/Note").title == title


@pytest.mark.parametrize(
    ("head", "aliases", "tags"),
    [
        ("alias: One\ntag: a", ["One"], ["a"]),
        ("aliases: One, Two\ntags: a, b", ["One", "Two"], ["a", "b"]),
        ('aliases: "One, Two"\ntags: ["#a", "b"]', ["One, Two"], ["a", "b"]),
        ("aliases:\ntags:", [], []),
        ("aliases: [000, 1.50, yes, 2024-01-05]\ntags: [2024]", ["000", "1.50", "yes", "2024-01-05"], ["2024"]),
        ("aliases:\n  - One\nalias: [One, Two]\ntags: [a/b]", ["One", "Two"], ["a/b"]),
    ],
)
def test_front_matter_of_other_programs(head: str, aliases: list[str], tags: list[str]) -> None:
    for end in ("\n", "\r\n"):
        page = Page.parse(f"---\n{head}\n---\nx\n".replace("\n", end))
        assert (page.aliases, page.tags, page.problem) == (aliases, tags, None)
        assert page.render() == page.source


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_line_ends_of_every_system(mark: str, end: str) -> None:
    page = Page.parse(f"{mark}# Title{end}{end}See [[A]].{end}")
    assert [(link.target, link.line) for link in page.outline().links] == [("A", 3)]
    assert page.render() == page.source


@pytest.mark.parametrize(
    "head",
    [
        "title: {{date}}\n",
        "level: high\ntags: [a]\n",
        "created: {{date:YYYY}}\nlevel: 3\n",
        "id: a/../b\n",
        "x: !!python/object/apply:os.system [echo]\n",
    ],
)
def test_a_value_that_cannot_be_read_leaves_the_other_keys_to_be_changed(head: str) -> None:
    page = Page.parse(f"---\n{head}---\n# Words\n")
    problem = page.problem
    assert problem
    page.extra["yields"] = ["Words"]
    page.aliases = ["other"]
    again = Page.parse(page.render())
    assert page.render() == f"---\n{head}aliases: [other]\nyields: [Words]\n---\n# Words\n"
    assert (again.problem, again.extra["yields"], again.aliases) == (problem, ["Words"], ["other"])


@pytest.mark.parametrize(
    "head", ["title: {{date}}\n", "title: [a\n", "title: a\ntitle: b\n", "? [a]\n: b\ntitle: {}\n"]
)
def test_what_cannot_be_read_is_not_changed(head: str) -> None:
    page = Page.parse(f"---\n{head}---\n# Words\n")
    page.title = "New"
    with pytest.raises(GlassbookError, match="first"):
        page.render()


@pytest.mark.parametrize(
    ("head", "after"),
    [
        ("{title: a}", "{title: a, yields: [b]}"),
        ("{title: a,}", "{title: a, yields: [b]}"),
        ("{ title: a, tags: [x] } # why", "{ title: a, tags: [x] , yields: [b]} # why"),
        ("{}", "{yields: [b]}"),
        ("{\n  title: a, # why\n}", None),
    ],
)
def test_keys_are_added_to_a_flow_mapping(head: str, after: str | None) -> None:
    page = Page.parse(f"---\n{head}\n---\nbody\n")
    page.extra["yields"] = ["b"]
    if after is None:
        with pytest.raises(GlassbookError, match="safely"):
            page.render()
    else:
        assert page.render() == f"---\n{after}\n---\nbody\n"
