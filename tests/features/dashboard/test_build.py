"""The feature dashboard: what it says of a dictionary whose features are known, read back as the notebook reads it."""

from __future__ import annotations

import math
import sqlite3

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, TopK
from glassbook.features.dashboard import build_dashboard
from glassbook.nets import LM, LanguageModel, LMConfig, open_model, train_bpe
from glassbook.notebook.runs.feature_dashboard import NAME, FeatureDashboard, Name


@pytest.fixture(scope="module")
def lm():
    return open_model("builtin")


@pytest.fixture(scope="module")
def known(lm):
    """A dictionary whose latent i is the axis i, and activations that say which latent is how strong where."""
    d = Dictionary(128, 128, TopK(2))
    with torch.no_grad():
        d.W_dec.copy_(torch.eye(128))
        d.W_enc.copy_(torch.eye(128))
    d.about = {"model": "builtin", "site": "blocks.3.out"}
    x = torch.zeros(40, 128)
    x[:, 0] = torch.linspace(1, 4, 40)  # latent 0 everywhere, strongest in the last row
    x[5, 7], x[25, 7], x[26, 7] = 3.0, 9.0, 6.0  # latent 7 in both texts
    tokens = torch.arange(100, 140)
    tokens[26] = tokens[5]
    sequence = torch.arange(40) // 20
    return d, x, tokens, sequence


@pytest.fixture
def dashboard(tmp_path, lm, known):
    d, x, tokens, sequence = known
    names = {7: [Name("mood: calm", "truth", 0.95)]}
    build_dashboard(
        d, x, lm, tmp_path / "artifacts", tokens=tokens, sequence=sequence, names=names, label_score="AUROC"
    )
    return FeatureDashboard(tmp_path)


def test_density_largest_value_and_tokens(dashboard, lm, known):
    tokens = known[2]
    f = dashboard.feature(7)
    assert f.density == pytest.approx(3 / 40)
    assert f.max == 9
    assert (f.label, f.score) == ("mood: calm", 0.95)
    # 9 on tokens[25]; 3 + 6 on the token that stands in rows 5 and 26: half each.
    assert dict(f.tokens) == {name: pytest.approx(0.5) for name in lm.tokens(tokens[[25, 5]])}


def test_contexts_are_the_strongest_places_one_from_each_text(dashboard, lm, known):
    f = dashboard.feature(7)
    assert len(f.contexts) == 2
    strongest = [max(value for _, value in context) for context in f.contexts]
    assert strongest == [9, 3]
    # Row 25 is the sixth of its text, so five tokens stand before it, then it, then six.
    texts = [text for text, _ in f.contexts[0]]
    assert texts == lm.tokens(known[2][20:32])
    assert [value for _, value in f.contexts[0]] == [0, 0, 0, 0, 0, 9, 6, 0, 0, 0, 0, 0]


def test_the_histogram_counts_every_activation(dashboard):
    f = dashboard.feature(0)
    assert sum(f.histogram["counts"]) == 40
    assert len(f.histogram["edges"]) == len(f.histogram["counts"]) + 1
    assert f.histogram["edges"][-1] == pytest.approx(f.max, rel=1e-3)
    assert f.histogram["counts"][-1] > 0


def test_neighbours_are_by_cosine(tmp_path, lm, known):
    d, x, tokens, sequence = known
    turned = Dictionary(128, 128, TopK(2))
    turned.load_state_dict(d.state_dict())
    with torch.no_grad():
        turned.W_dec[1] = torch.nn.functional.normalize(torch.eye(128)[0] + torch.eye(128)[1], dim=0)
    build_dashboard(turned, x, lm, tmp_path / "artifacts", tokens=tokens, sequence=sequence)
    assert FeatureDashboard(tmp_path).feature(0).similar[0] == (1, pytest.approx(math.sqrt(0.5), rel=1e-3))


def test_logit_effects_are_the_directions_through_the_head(dashboard, lm):
    f = dashboard.feature(7)
    logits = (lm.model.head.weight * lm.model.norm.weight)[:, 7].detach()
    logits = logits - logits.mean()
    best = logits.topk(3)
    assert [name for name, _ in f.promotes[:3]] == lm.tokens(best.indices)
    assert [value for _, value in f.promotes[:3]] == pytest.approx(best.values.tolist(), rel=1e-3)
    assert f.suppresses[0][1] == pytest.approx(float(logits.min()), rel=1e-3)


def test_the_size_of_the_chunks_changes_nothing(tmp_path, lm, known):
    d, x, tokens, sequence = known
    dashboards = []
    for chunk in (1, 7, 4096):
        folder = tmp_path / str(chunk)
        build_dashboard(d, x, lm, folder / "artifacts", tokens=tokens, sequence=sequence, chunk=chunk)
        dashboards.append([FeatureDashboard(folder).feature(i) for i in (0, 7, 9)])
    assert dashboards[0] == dashboards[1] == dashboards[2]


def test_rows_are_filtered_ordered_and_paged(dashboard):
    rows, total = dashboard.rows(order="max", descending=True, limit=2)
    assert total == 128
    assert [row.index for row in rows] == [7, 0]
    assert [row.index for row in dashboard.rows(order="max", descending=True, limit=1, offset=1)[0]] == [0]
    assert [row.index for row in dashboard.rows(text="CALM")[0]] == [7]
    assert [row.index for row in dashboard.rows(labelled=True)[0]] == [7]
    assert [row.index for row in dashboard.rows(density=(0.5, None))[0]] == [0]
    assert dashboard.rows(density=(None, 0.0))[1] == 126
    assert dashboard.rows(order="score")[0][0].index == 7
    assert dashboard.rows(order="score", descending=True)[0][0].index == 7
    assert dashboard.rows(text="' OR 1=1 --")[1] == 0


def test_words_are_of_the_features_that_fire(dashboard):
    assert {index for index, _, _ in dashboard.words()} == {0, 7}


def test_the_header_says_what_it_is(dashboard):
    header = dashboard.header
    assert header["model"] == "builtin"
    assert header["width"] == 128
    assert header["tokens"] == 40
    assert header["label_score"] == "AUROC"


def test_what_is_no_book_is_one_line(tmp_path, dashboard):
    with pytest.raises(GlassbookError, match="no feature 128"):
        dashboard.feature(128)
    (tmp_path / "x" / "artifacts").mkdir(parents=True)
    assert not FeatureDashboard.exists(tmp_path / "x")
    with pytest.raises(GlassbookError, match="no feature dashboard"):
        FeatureDashboard(tmp_path / "x")
    for wrong in (b"not a database at all, but long enough to look at", b""):
        (tmp_path / "x" / "artifacts" / NAME).write_bytes(wrong)
        with pytest.raises(GlassbookError, match="cannot be read as a feature dashboard"):
            FeatureDashboard(tmp_path / "x").rows()
    db = sqlite3.connect(dashboard.path)
    with db:
        db.execute("UPDATE feature SET tokens = '[[', contexts = '7'")
    db.close()
    for question in (dashboard.rows, lambda: dashboard.feature(0), lambda: list(dashboard.words())):
        with pytest.raises(GlassbookError, match="cannot be read as a feature dashboard"):
            question()


def test_an_old_book_stays_until_the_new_one_is_whole(tmp_path, lm, known, monkeypatch):
    d, x, tokens, sequence = known
    path = build_dashboard(d, x, lm, tmp_path / "artifacts", tokens=tokens, sequence=sequence)
    before = path.read_bytes()
    monkeypatch.setattr("glassbook.notebook.files.os.replace", lambda a, b: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(GlassbookError, match="cannot write"):
        build_dashboard(d, x, lm, tmp_path / "artifacts", tokens=tokens, sequence=sequence)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [NAME]


def test_sampled_places_partners_and_random_stretches(tmp_path, lm, known):
    d, x, tokens, sequence = known
    build_dashboard(d, x, lm, tmp_path / "artifacts", tokens=tokens, sequence=sequence, sampled=4)
    dashboard = FeatureDashboard(tmp_path)
    always, rare = dashboard.feature(0), dashboard.feature(7)
    strongest = [max(value for _, value in context) for context in always.sampled]
    assert len(strongest) == 4
    assert len(rare.sampled) == 3  # all its places
    assert rare.together == [(0, pytest.approx(3 / 40))]
    assert always.together == [(7, pytest.approx(3 / 40))]
    stretches = dashboard.non_activating_examples()
    assert len(stretches) == 40
    assert all(0 in stretch.active for stretch in stretches)
    # Each is of one text, and has feature 7 if any of the rows 5, 25 and 26 is among its own.
    assert stretches[0].tokens == lm.tokens(tokens[0:7])
    assert 7 in stretches[0].active
    assert stretches[20].tokens == lm.tokens(tokens[20:27])
    assert 7 not in stretches[39].active


def test_any_coder_has_a_dashboard(tmp_path, lm, known):
    """What only encodes and has directions, without weights of a dictionary."""
    d, x, tokens, sequence = known

    class Axes:
        width, d_in, d_out = 128, 128, 128
        about = {"model": "builtin", "site": "blocks.3.out"}  # noqa: RUF012

        def encode_sparse(self, x):
            return x.topk(2)

        def direction(self, i):
            return torch.eye(128)[i]

    for name, coder in (("axes", Axes()), ("dictionary", d)):
        build_dashboard(coder, x, lm, tmp_path / name / "artifacts", tokens=tokens, sequence=sequence)
    ours, theirs = (FeatureDashboard(tmp_path / name).feature(7) for name in ("axes", "dictionary"))
    assert ours == theirs


@pytest.mark.parametrize("surplus", [1, 40])
def test_a_vocabulary_larger_than_the_tokenizer_is_shown_whole(tmp_path, surplus):
    """Ids without a token, which pad a vocabulary to a round number, are shown as such."""
    tokenizer = train_bpe(["the cat sat on the mat"] * 4, 270)
    torch.manual_seed(0)
    model = LM(LMConfig(len(tokenizer) + surplus, 32, 1, 4, 2, 48, 64, tied=False)).eval()
    small, last = LanguageModel(model, tokenizer, "padded"), len(tokenizer) + surplus - 1
    d = Dictionary(32, 32, TopK(1))
    with torch.no_grad():
        d.W_dec.copy_(torch.eye(32))
        model.head.weight[last] = torch.eye(32)[3]  # latent 3 speaks for the last id
    d.about = {"model": "padded", "site": "blocks.0.out"}
    x, tokens = torch.eye(32), torch.arange(last - 31, last + 1)
    build_dashboard(d, x, small, tmp_path / "artifacts", tokens=tokens, sequence=torch.zeros(32, dtype=torch.long))
    f = FeatureDashboard(tmp_path).feature(3)
    assert f.promotes[0][0] == f"<{last}>"
    shown = [
        text for feature in range(32) for c in FeatureDashboard(tmp_path).feature(feature).contexts for text, _ in c
    ]
    assert set(shown) <= set(small.tokens(tokens))
    assert f"<{last}>" in shown
