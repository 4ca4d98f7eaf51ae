"""Shapes, costs, text and entropy of the IsoFLOP sweep, each against what is known of it."""

import math
from types import SimpleNamespace

import pytest
import torch

from glassbook.data.world import World
from glassbook.errors import GlassbookError
from glassbook.experiments.language._isoflop import (
    ShortTexts,
    fewest_updates,
    flop_per_token,
    nearest,
    parameters,
    shape,
    step_flop,
)
from glassbook.experiments.language.scaling_laws import ScalingLaws
from glassbook.nets import LM
from glassbook.notebook.runs.rng import Rng

RUN = SimpleNamespace(rng=lambda name: Rng(7, (name,)))


@pytest.fixture(scope="module")
def text():
    return ShortTexts(RUN, vocab=300, rows=2, context=64, documents=200)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("width", [4, 6, 30, 48, 72, 130])
def test_parameters_are_those_of_the_matrices_that_every_token_meets(width):
    model = shape(width, 300, 64)
    matrices = [p.numel() for name, p in LM(model).named_parameters() if p.dim() == 2]
    assert parameters(model) == sum(matrices)  # the embedding is the output layer's matrix, and stands here once
    assert model.d_model == width


def test_the_nearest_size_is_within_the_gap_between_two_shapes():
    for size in (5e3, 2e4, 1e5, 7e5, 5e6):
        assert abs(math.log(parameters(nearest(size, 512, 128)) / size)) < 0.35


def test_the_formula_costs_what_is_counted(text):
    for width in (16, 40):
        model = shape(width, 300, 64)
        assert step_flop(model, text) == pytest.approx(flop_per_token(model) * 2 * 64, rel=0.02)


def test_counting_a_step_draws_nothing(text):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    step_flop(shape(8, 300, 64), text)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_no_story_is_in_the_text_and_every_document_fits(text):
    decoded = text.tokenizer.decode(text(0)["input_ids"].flatten().tolist())
    assert decoded
    assert text(0)["input_ids"] is text(0)["input_ids"]
    assert text(1)["input_ids"].shape == (2, 64)
    assert not torch.equal(text(0)["input_ids"], text(1)["input_ids"])
    kinds = [document.genre for _, document in zip(range(300), text._stream(0), strict=False)]
    assert "story" not in kinds
    assert len(set(kinds)) == 5


def test_the_entropy_is_that_of_the_documents_without_the_choice_of_a_story(text):
    # Of a stream of all genres, stories told apart: H = h(p) + p H(story) + (1 - p) H(rest), by document.
    documents = [document for _, document in zip(range(4000), World().stream(-5), strict=False)]
    rest = [document for document in documents if document.genre != "story"]
    p = 1 - len(rest) / len(documents)
    tokens = sum(len(text.tokenizer.encode(document.text)) + 1 for document in rest)
    expected = sum(document.nats + math.log(1 - p) for document in rest) / tokens
    assert text.entropy == pytest.approx(expected, rel=0.05)


def test_a_uniform_model_has_the_loss_that_it_must_have(text):
    class Uniform(torch.nn.Module):
        def forward(self, input_ids, attention_mask=None, position_ids=None):
            return SimpleNamespace(logits=torch.zeros(*input_ids.shape, 300))

    assert text.loss(Uniform()) == pytest.approx(math.log(300))


def test_the_fewest_updates_are_those_of_the_dearest_model(text):
    models = [shape(width, 300, 64) for width in (8, 16, 40)]
    assert fewest_updates(models, text, 1e9) == round(1e9 / step_flop(models[-1], text))
    assert fewest_updates(models, text, 1.0) == 1


@pytest.mark.parametrize(
    "settings", [{"sizes": 1}, {"levels": 1}, {"compute": -1.0}, {"compute": math.nan}, {"lr": math.inf}]
)
def test_settings_that_give_no_law_are_refused_in_one_line(settings):
    with pytest.raises(GlassbookError) as error:
        ScalingLaws(**settings)
    assert "\n" not in str(error.value)
