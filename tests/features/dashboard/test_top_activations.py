"""What one pass gathers, held against the plain definition on dense codes."""

from __future__ import annotations

import pytest
import torch

from glassbook.features import Dictionary, TopK
from glassbook.features.dashboard.accumulators import Coactivation, Histograms, TokenAttribution
from glassbook.features.dashboard.collect import collect_stats, open_stream
from glassbook.features.dashboard.top_activations import FeatureActivations, hash_uniform

WIDTH, N, BEFORE, AFTER = 12, 300, 4, 2


@pytest.fixture(scope="module")
def world():
    torch.manual_seed(3)
    d = Dictionary(6, WIDTH, TopK(3))
    x, tokens = torch.randn(N, 6), torch.randint(0, 20, (N,))
    sequence = torch.arange(N) // 17
    return d, x, tokens, sequence, d.encode(x).detach()


def seen(world, chunk):
    d, x, tokens, sequence, _ = world
    stream = open_stream(x, tokens, sequence)
    return collect_stats(d, stream, 20, contexts=5, sampled=8, before=BEFORE, after=AFTER, chunk=chunk)


@pytest.mark.parametrize("chunk", [1, 5, 17, 300])
def test_the_strongest_places_are_those_of_the_definition(world, chunk):
    _, _, _, sequence, z = world
    top = seen(world, chunk).top
    for feature in range(WIDTH):
        best = torch.stack([z[sequence == s, feature].max() for s in sequence.unique()]).sort(descending=True).values
        best = torch.where(best > 0, best, 0)
        assert torch.allclose(top.keys[feature], best[:5])
        assert torch.allclose(z[top.rows[feature], feature][top.keys[feature] > 0], best[:5][best[:5] > 0])


@pytest.mark.parametrize("chunk", [1, 5, 300])
def test_the_values_round_a_place_stay_within_its_text_and_cross_chunks(world, chunk):
    _, _, _, sequence, z = world
    found = seen(world, chunk)
    for places in (found.top, found.sampled):
        for feature in range(WIDTH):
            for key, row, shown in zip(
                places.keys[feature], places.rows[feature].tolist(), places.shown[feature], strict=True
            ):
                if key == 0:
                    continue
                for i, value in zip(range(row - BEFORE, row + AFTER + 1), shown.tolist(), strict=True):
                    inside = 0 <= i < N and sequence[i] == sequence[row]
                    assert value == pytest.approx(float(z[i, feature]) if inside else 0.0, abs=1e-5)


def test_the_sample_is_the_same_however_the_stream_is_cut_and_is_drawn_evenly(world):
    one, other = seen(world, 7).sampled, seen(world, 300).sampled
    assert torch.equal(one.rows, other.rows)
    z = world[4]
    assert all(float(z[row, 0]) > 0 for row, key in zip(one.rows[0].tolist(), one.keys[0], strict=True) if key)
    draws = hash_uniform(torch.arange(200_000))
    assert float(draws.min()) > 0
    assert float(draws.max()) <= 1
    assert float(draws.mean()) == pytest.approx(0.5, abs=0.005)
    assert float(torch.corrcoef(torch.stack([draws[:-1], draws[1:]]))[0, 1]) == pytest.approx(0, abs=0.01)


def test_counts_and_token_sums_are_those_of_the_definition(world):
    tokens, z = world[2], world[4]
    found = seen(world, 13)
    assert found.active.tolist() == (z > 0).sum(0).tolist()
    ids, shares = found.token_attribution.top()
    for feature in range(WIDTH):
        sums = torch.zeros(20).index_add_(0, tokens, z[:, feature].clamp_min(0))
        best = sums.topk(min(10, int((sums > 0).sum())))
        assert sums[ids[feature]].tolist() == pytest.approx(best.values.tolist(), rel=1e-5)
        assert shares[feature] == pytest.approx((best.values / sums.sum()).tolist(), rel=1e-5)


def test_random_stretches_name_all_features_that_are_active_on_them(world):
    z = world[4]
    excerpts = seen(world, 30).excerpts
    assert len(excerpts) > 100  # 200 of 300 on average
    for excerpt in excerpts:
        assert excerpt.active == (z[excerpt.rows] > 0).any(0).nonzero()[:, 0].tolist()


def entries(pairs, values=None):
    rows, latents = torch.tensor(pairs).T
    values = torch.ones(len(pairs)) if values is None else torch.tensor(values)
    return FeatureActivations(values, latents, rows, torch.zeros_like(rows))


def test_partners_by_jaccard_index():
    coactivation = Coactivation(4, 6)
    # 0 on rows 0-3, 1 on rows 2-4, 2 on row 5 alone, 3 on rows 0 and 1.
    coactivation.add(entries([(0, 0), (1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (4, 1), (5, 2)]))
    coactivation.add(entries([(0, 3), (1, 3)]))
    partners = coactivation.partners(block=3)
    assert partners[0] == [(3, pytest.approx(2 / 4)), (1, pytest.approx(2 / 5))]
    assert partners[1] == [(0, pytest.approx(2 / 5))]
    assert partners[2] == []


def test_partners_of_nothing_are_none():
    coactivation = Coactivation(3, 6)
    coactivation.add(FeatureActivations(*(torch.empty(0, dtype=t) for t in (torch.float, *[torch.int64] * 3))))
    assert coactivation.partners() == [[], [], []]


def test_token_sums_keep_the_largest_when_there_are_too_many():
    attribution = TokenAttribution(2, 1000, held=10, limit=80)
    for start in range(0, 1000, 100):
        ids = torch.arange(start, start + 100)
        values = torch.where(ids % 100 == 7, 50.0, 1.0)
        latents = torch.zeros_like(ids)
        attribution.add(FeatureActivations(values, latents, ids, latents), ids)
    attribution.settle()
    assert len(attribution.keys) <= attribution.limit
    found, shares = attribution.top()
    assert sorted(found[0]) == [100 * i + 7 for i in range(10)]
    assert shares[0] == pytest.approx([50 / (10 * 149)] * 10)  # of the whole, though most of it is forgotten
    assert (found[1], shares[1]) == ([], [])


def test_a_histogram_counts_half_octaves_up_to_the_largest():
    histograms = Histograms(2)
    histograms.add(entries([(0, 0)] * 4, [8.0, 5.0, 4.1, 1e-9]))
    edges, counts = histograms.of(0, 8.0)
    assert edges[-1] == 8
    assert edges == sorted(edges)
    assert sum(counts) == 4
    assert counts[0] == 1
    assert histograms.of(1, 0.0)[1] == [0] * len(counts)
