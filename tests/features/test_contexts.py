import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, TopK, top_contexts


def test_the_strongest_places_of_every_feature_in_one_pass(learnt):
    d, _, _, x = learnt
    tokens, sequence = torch.arange(len(x)) + 100, torch.arange(len(x)) // 10
    found = top_contexts(d, x, tokens, sequence, n=5, chunk=333)
    z = d.encode(x).detach()
    want = z.topk(5, dim=0).values.T
    assert torch.allclose(found.values, want, atol=1e-6)
    assert torch.allclose(z[found.rows, torch.arange(d.width)[:, None]][want > 0], want[want > 0], atol=1e-6)
    feature = int(want[:, 0].argmax())
    for context in found.of(feature, before=3, after=2):
        assert context.tokens[context.at] == context.row + 100
        assert context.values[context.at] == pytest.approx(context.value, abs=1e-6)
        assert len({(int(t) - 100) // 10 for t in context.tokens}) == 1  # never across sequences
        assert torch.allclose(context.values, z[context.tokens - 100, feature], atol=1e-6)


def test_a_feature_that_never_fires_has_no_contexts(learnt):
    d, _, _, x = learnt
    found = top_contexts(d, x[:3], torch.arange(3), n=2)
    silent = int((found.values[:, 0] == 0).nonzero()[0])
    assert found.of(silent) == []
    with pytest.raises(GlassbookError, match="no feature"):
        found.of(d.width)
    with pytest.raises(ValueError, match="as many tokens"):
        top_contexts(d, x[:3], torch.arange(2))


def test_many_features_at_once_have_the_values_that_encoding_every_row_gives():
    torch.manual_seed(0)
    d, x = Dictionary(8, 24, TopK(3)), torch.randn(60, 8)
    tokens, sequence = torch.arange(60), torch.arange(60) // 20
    found = top_contexts(d, x, tokens, sequence, n=6)
    dense = d.encode(x).detach()
    asked = [5, 0, 5, 23]
    several = found.many(asked, 4, 2, texts=2, chunk=7)
    for feature, contexts in zip(asked, several, strict=True):
        one = found.of(feature, 4, 2, texts=2)
        assert [c.row for c in contexts] == [c.row for c in one]
        assert len({int(sequence[c.row]) for c in contexts}) == len(contexts) > 0
        for c in contexts:  # a token's id is its row here
            torch.testing.assert_close(c.values, dense[c.tokens, feature])
            assert c.tokens[c.at] == c.row
            assert sequence[c.tokens].unique().tolist() == [int(sequence[c.row])]
