"""Works: keys from DOIs and arXiv numbers, CSL JSON on the disk, BibTeX in and out."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassbook.assets.starter
from glassbook.errors import GlassbookError
from glassbook.notebook.pages import bibtex
from glassbook.notebook.pages.references import References, _names, key_of


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2309.12288", "2309.12288"),
        ("arXiv:2309.12288v2", "2309.12288"),
        ("https://arxiv.org/abs/2309.12288", "2309.12288"),
        ("https://arxiv.org/pdf/2309.12288v1.pdf", "2309.12288"),
        ("https://doi.org/10.48550/arXiv.2309.12288", "2309.12288"),
        ("hep-th/9901001", "hep-th/9901001"),
        ("https://doi.org/10.1038/381607A0", "10.1038/381607a0"),
        ("doi: 10.1016/0893-6080(89)90014-2", "10.1016/0893-6080(89)90014-2"),
        ("berglund-2023", None),
        ("https://example.org/", None),
        ("", None),
    ],
)
def test_keys(text, key):
    assert key_of(text) == key


BIB = r"""
A comment between entries.
@string{nips = "Advances in Neural Information Processing Systems"}
@comment{not {this} one}
@InProceedings{vaswani2017,
  author = {Vaswani, Ashish and Noam Shazeer and {Google Brain} and Laurens van der Maaten and others},
  title = "{A}ttention Is {All} You Need",
  booktitle = nips # " 30",
  year = 2017, month = dec, pages = {5998--6008},
  doi = {10.5555/3295222}
}
@article(olshausen1996, author = {Bruno A. Olshausen and Erd{\H o}s, P{\'a}l}, title = {S\"{o}me \& m{\o}re},
  journal = {Nature}, volume = 381, number = {6583}, year = {1996}, doi = {10.1038/381607A0}, mendeley-tags = {a, b})
@misc{rev, title={The Reversal Curse}, eprint={2309.12288}, archivePrefix={arXiv}, primaryClass={cs.CL}, year={2023}}
@book{kingdon, author={Kingdon, Jr, John W.}, title={Agendas}, publisher={Little, Brown}, year={1984},}
"""


def test_bibtex_is_read():
    vaswani, olshausen, reversal, kingdon = bibtex.read(BIB)
    assert vaswani == {
        "id": "vaswani2017",
        "type": "paper-conference",
        "author": [
            {"family": "Vaswani", "given": "Ashish"},
            {"family": "Shazeer", "given": "Noam"},
            {"literal": "Google Brain"},
            {"family": "van der Maaten", "given": "Laurens"},
            {"literal": "others"},
        ],
        "issued": {"date-parts": [[2017, 12]]},
        "container-title": "Advances in Neural Information Processing Systems 30",
        "title": "Attention Is All You Need",
        "page": "5998-6008",
        "DOI": "10.5555/3295222",
    }
    assert olshausen["title"] == "Söme & møre"
    assert olshausen["author"][1] == {"family": "Erdős", "given": "Pál"}
    assert olshausen["custom"] == {"bibtex": {"mendeley-tags": "a, b"}}
    assert (reversal["type"], reversal["number"], reversal["publisher"]) == ("article", "arXiv:2309.12288", "arXiv")
    assert kingdon["author"] == [{"family": "Kingdon", "suffix": "Jr", "given": "John W."}]


def test_round_trips():
    works = bibtex.read(BIB)
    assert bibtex.read(bibtex.write(works)) == works


def test_the_starters_works_survive_bibtex():
    file = Path(glassbook.assets.starter.__file__).parent / "references.json"
    works = json.loads(file.read_text("utf-8"))
    assert works
    assert bibtex.read(bibtex.write(works)) == works


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
VALUES = st.one_of(
    TEXT, st.integers(), st.booleans(), st.lists(TEXT, max_size=2), st.dictionaries(TEXT, TEXT, max_size=2)
)
WORKS = st.fixed_dictionaries(
    {"id": TEXT.filter(bool), "type": st.sampled_from(["article", "book", "speech", "article-journal", "x{"])},
    optional={
        "title": TEXT,
        "author": st.lists(st.fixed_dictionaries({"family": TEXT, "given": TEXT}), max_size=3),
        "issued": st.fixed_dictionaries(
            {"date-parts": st.lists(st.lists(st.integers(0, 3000), max_size=3), max_size=2)}
        ),
        "container-title": TEXT,
        "number": TEXT.map("arXiv:".__add__),
        "page": TEXT,
        "custom": VALUES,
        "odd": VALUES,
    },
)


@given(st.lists(WORKS, max_size=3))
def test_any_work_survives_bibtex(works):
    assert bibtex.read(bibtex.write(works)) == works


@given(st.text('@{}()",=# \nab1\\article', max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(GlassbookError):
        bibtex.read(text)


def test_works_are_kept_found_and_replaced(tmp_path):
    works = References(tmp_path)
    assert (works.get("x"), len(works)) == (None, 0)
    assert not works.path.exists()
    (key,) = works.add({"type": "article", "title": "The Reversal Curse", "number": "arXiv:2309.12288"})
    assert key == "2309.12288"
    assert works.add({"title": "Nature", "DOI": "10.1038/381607A0"}) == ["10.1038/381607a0"]
    assert works.add({"title": "Agendas and Policies", "author": [{"family": "Kingdon"}]}) == ["kingdon-agendas-and"]
    assert works.add({"id": "2309.12288", "title": "Again"}) == ["2309.12288"]
    again = References(tmp_path)
    assert len(again) == 3
    for name in ("2309.12288", "arXiv:2309.12288v3", "https://arxiv.org/abs/2309.12288"):
        work = again.get(name)
        assert work is not None
        assert work["title"] == "Again"


def test_bibtex_goes_in_and_out(tmp_path):
    works = References(tmp_path)
    keys = works.from_bibtex(BIB)
    assert keys == ["10.5555/3295222", "10.1038/381607a0", "2309.12288", "kingdon"]
    data = works.path.read_bytes()
    works.from_bibtex(BIB)
    assert works.path.read_bytes() == data
    (tmp_path / "other").mkdir()
    other = References(tmp_path / "other")
    other.from_bibtex(works.to_bibtex())
    assert json.loads(other.path.read_text()) == json.loads(data)


def test_a_bad_file_is_one_line(tmp_path):
    (tmp_path / "references.json").write_text("{}x")
    with pytest.raises(GlassbookError, match="fix it"):
        References(tmp_path).get("x")
    (tmp_path / "references.json").write_text("[]")
    with pytest.raises(GlassbookError, match="never closed"):
        References(tmp_path).from_bibtex("@article{a, title = {b")
    assert (tmp_path / "references.json").read_text() == "[]"
    with pytest.raises(GlassbookError, match="needs a title"):
        References(tmp_path).add({})


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (r"On $R_{1\rho}$ and $O(n^{2k})$", r"On $R_{1\rho}$ and $O(n^{2k})$"),
        (r"{\em Word} \textbf{bold} CO\textsubscript{2} \url{http://a.b/c}", "Word bold CO2 http://a.b/c"),
        (r"\foo bar \$5 {K}ept", r"\foo bar $5 Kept"),
    ],
)
def test_latex_of_titles(field, text):
    (work,) = bibtex.read(f"@article{{a, title = {{{field}}}}}")
    assert work["title"] == text
    assert bibtex.read(bibtex.write([work])) == [work]


@pytest.mark.parametrize("key", ["", "Xin Reynold S._Hassanzadeh", "HODGKIN1952(1)", "a:b/c"])
def test_odd_keys_are_keys(key):
    assert [work["id"] for work in bibtex.read(f"@article{{{key}, title={{x}}}}")] == [key]


def test_odd_entries_are_told_one_by_one():
    text = "@book{a, title={A}}\n@article{key\nauthor={J}\n}\n@book{b, title={B}}\n@misc{c, title={never closed\n"
    problems: list[str] = []
    assert [work["id"] for work in bibtex.read(text, problems)] == ["a", "b"]
    assert [line.split(":")[0] for line in problems] == ["line 2", "line 6"]
    with pytest.raises(GlassbookError, match="line 2"):
        bibtex.read(text)


def test_crossref_dates_names_and_fields_given_twice():
    text = """@inproceedings{a, crossref={P}, title={T}, author={X, Y AND Z, W}, keywords={k},
        keywords={l}, note={1}, note={2}}
    @proceedings{p, title={Proc}, year={1999}, publisher={ACM}, doi={10.1/x}}
    @misc{b, title={x}, date={2019-05-01/2019-06-02}}
    @article{v, title={Attention}, journal={arXiv preprint arXiv:1706.03762}, year={2017}}"""
    a, _, b, v = bibtex.read(text)
    assert (a["container-title"], a["publisher"], a["issued"]) == ("Proc", "ACM", {"date-parts": [[1999]]})
    assert "DOI" not in a
    assert [person["family"] for person in a["author"]] == ["X", "Z"]
    assert (a["keyword"], a["note"], a["custom"]["bibtex"]["note-2"]) == ("k, l", "1", "2")
    assert b["issued"] == {"date-parts": [[2019, 5, 1]]}
    assert b["custom"]["bibtex"]["date"] == "2019-05-01/2019-06-02"
    assert _names(v) == ["1706.03762"]
    assert bibtex.read(bibtex.write([a, b, v])) == [a, b, v]


def test_twenty_thousand_entries_are_read_in_time():
    one = "@article{{k{n},\n author = {{Smith, J and Doe, J}},\n title = {{T {n}}},\n abstract = {{{a}}}\n}}\n"
    text = "".join(one.format(n=n, a="lorem ipsum " * 40) for n in range(20_000))
    begin = time.process_time()
    assert len(bibtex.read(text)) == 20_000
    assert time.process_time() - begin < 10


def family(text: str) -> list[str]:
    (work,) = bibtex.read(f"@book{{a, title={{T}}, author={{{text}}}}}")
    return [person.get("family") or person["literal"] for person in work["author"]]


@pytest.mark.parametrize(
    ("authors", "families"),
    [
        ("{Google Brain} and Doe, J", ["Google Brain", "Doe"]),
        ("A. One AND B. Two And C. Three", ["One", "Two", "Three"]),
        ("van der Maaten, Laurens and de la Cruz, J.", ["van der Maaten", "de la Cruz"]),
        ("{Barnes and Noble, Inc.}", ["Barnes and Noble, Inc."]),
        ("Andrews, Sandy\n  and Brand, A.", ["Andrews", "Brand"]),
        (r"Du\v{s}ek, O and G{\"o}del, K and \L{}ukasz, \.I and Stra{\ss}e, G", ["Dušek", "Gödel", "Łukasz", "Straße"]),
    ],
)
def test_names_and_their_letters(authors, families):
    assert family(authors) == families


@pytest.mark.parametrize(
    ("entry", "field", "value"),
    [
        ('@string{j = "J. of " # {X}} @article{a, title={T}, journal = j # " Y"}', "container-title", "J. of X Y"),
        ('@STRING(p = {P}) @article{a, title = p # { } # "q"}', "title", "P q"),
        ("@article{a, title={T}, journal = nips}", "container-title", "nips"),
        ("@comment{jabref-meta: grouping: 0;} @Comment{x {y}} @article{a, title={T}}", "title", "T"),
        ('@preamble{"x"} % @ and, {\n@article{a, title={T}}', "title", "T"),
        ("@Comment jabref: none\n@article{a, title={T}}", "title", "T"),
        ("@article{a, title={T}, date={2020-03-04T10:00:00Z}}", "issued", {"date-parts": [[2020, 3, 4]]}),
        ("@article{a, title={T}, date={2019~}}", "issued", {"date-parts": [[2019]]}),
        ("@article{a, title={T}, date={2018-11/}}", "issued", {"date-parts": [[2018, 11]]}),
        ("@inbook{a, title={T}, crossref={B}} @book{b, title={Whole}, year={1999}}", "container-title", "Whole"),
        ("@inbook{a, title={T}, year={2000}, crossref={b}} @book{b, title={W}, year={1999}}", "issued",
         {"date-parts": [[2000]]}),
        ("@inbook{a, title={T}, crossref={nobody}}", "title", "T"),
        ("@article{a, title={T}, keywords={k}, keywords={l}, keywords={m}}", "keyword", "k, l, m"),
    ],
)  # fmt: skip
def test_what_other_programs_write(entry, field, value):
    assert bibtex.read(entry)[0][field] == value


@pytest.mark.parametrize(
    "fields",
    [
        "journal={arXiv preprint arXiv:1706.03762}",
        "journal={CoRR}, volume={abs/1706.03762}, url={http://arxiv.org/abs/1706.03762}",
        "note={arXiv: 1706.03762v5}",
        "eprint={1706.03762}, archivePrefix={arXiv}",
        "doi={10.48550/arXiv.1706.03762}",
    ],
)
def test_the_arxiv_number_wherever_it_stands(tmp_path, fields):
    assert References(tmp_path).from_bibtex(f"@article{{v, title={{Attention}}, {fields}}}") == ["1706.03762"]


@pytest.mark.parametrize(
    ("first", "second", "keys"),
    [
        ("@article{s, title={Owls}, year=2020}", "@article{s, title={Weirs}, year=2020}", ["s", "s-2"]),
        ("@article{s, title={Owls}, year=2020}", "@article{s, title={Owls}, year=1999}", ["s", "s-2"]),
        ("@misc{s, title={Notes}, author={A, B}}", "@misc{s, title={Notes}, author={C, D}}", ["s", "s-2"]),
        ("@misc{s, url={http://a.b}}", "@misc{s, url={http://c.d}}", ["s", "s-2"]),
        ("@misc{s, title={A}, eprint={1706.03762}, archivePrefix={arXiv}}",
         "@misc{t, title={Reply}, note={A comment on arXiv:1706.03762}}", ["1706.03762", "t"]),
        ("@article{s, title={Owls}, year=2020}", "@article{s, title={{OWLS}}, year=2020, note={x}}", ["s"]),
        ("@article{s, title={Owls}}", "@article{s, title={Owls}, year=2020}", ["s"]),
        ("@article{s, title={Owls}, doi={10.1000/x}}", "@article{t, title={On owls}, doi={10.1000/X}}", ["10.1000/x"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at_once", [True, False])
def test_another_work_under_one_key_gets_a_key_of_its_own(tmp_path, first, second, keys, at_once):
    texts = [f"{first}\n{second}"] if at_once else [first, second]
    told: list[str] = []
    given = [key for text in texts for key in References(tmp_path).from_bibtex(text, told=told)]
    works = References(tmp_path)
    assert list(dict.fromkeys(given)) == [work["id"] for work in works] == keys
    assert len(told) == len(keys) - 1
    assert all(repr(keys[-1]) in line for line in told)
    titles = [work.get("title") for work in bibtex.read(f"{first}\n{second}")]
    assert [work.get("title") for work in works] == titles[-len(keys) :]
    data = works.path.read_bytes()
    (tmp_path / "other").mkdir()
    other = References(tmp_path / "other")
    other.from_bibtex(works.to_bibtex())
    assert json.loads(other.path.read_text()) == json.loads(data)
    References(tmp_path).from_bibtex(second)
    assert json.loads(works.path.read_text()) == json.loads(data)
