"""Feature circuits: they add up to the whole site, cuts are exact, and edges are exact where all is linear."""

import pytest
import torch
from torch import nn

from glassbook.circuits import ERROR, Node, SAESite, Task, attribute, feature_effects
from glassbook.errors import GlassbookError
from glassbook.features import Coder, Dictionary, TopK
from glassbook.trace import trace


@pytest.fixture
def sae_sites(opened):
    torch.manual_seed(0)
    return [SAESite(Dictionary(32, 96, TopK(6)), opened[f"resid.{layer}.out"]) for layer in range(2)]


def test_features_and_errors_add_up_to_the_site(opened, task, sae_sites):
    found = feature_effects(opened.model, task, sae_sites, steps=10)
    whole = attribute(opened.model, task, [p.site for p in sae_sites], steps=10)
    ours = torch.stack([x.sum() for x in found.effects])
    torch.testing.assert_close(ours, (whole.values - whole.corrupted).mean(1), rtol=1e-3, atol=1e-4)


def test_the_whole_is_faithful_and_nothing_is_not(opened, task, sae_sites):
    found = feature_effects(opened.model, task, sae_sites, steps=0)
    assert found.faithfulness() == pytest.approx(1, abs=1e-5)
    assert found.top(0, errors=False).faithfulness() == pytest.approx(0, abs=1e-5)
    assert len(found) == 2 * 97
    assert len(found.top(5)) == 12
    assert found.top(1, errors=False).nodes[0].site == sae_sites[0].site


def test_one_cut_by_hand(opened, task, sae_sites):
    (sae_site,) = sae_sites[:1]
    found = feature_effects(opened.model, task, [sae_site], steps=1)
    node = found.top(1, errors=False).nodes[0]
    read = {}
    for name, inputs in (("clean", task.clean), ("corrupted", task.corrupted)):
        with torch.no_grad(), trace(opened.model, read=sae_site.site) as t:
            opened.model(**inputs)
        read[name] = t[sae_site.site]
    codes = {name: sae_site.coder.encode(x)[..., node.feature] for name, x in read.items()}
    new = read["clean"] + (codes["corrupted"] - codes["clean"])[..., None] * sae_site.coder.direction(node.feature)
    with torch.no_grad(), trace(opened.model, edit={sae_site.site: lambda x, at: new}):
        wanted = float(task.score(opened.model, task.clean).mean())
    assert found.without(node).metric() == pytest.approx(wanted, abs=1e-4)
    ends = task.baseline_metrics(opened.model)
    lost = found.top(1).verify()[node]
    assert lost == pytest.approx(found.top(1).faithfulness() - found.top(1).without(node).faithfulness(), abs=1e-5)
    assert float((ends[0] - ends[1]).mean()) != 0


def test_a_transcoder_reads_elsewhere(models, task):
    model = models["ours"]
    torch.manual_seed(0)
    sae_site = SAESite(Dictionary(32, 64, TopK(8)), "blocks.1.mlp.out", reads="blocks.1.mlp.in")
    below = SAESite(Dictionary(32, 64, TopK(8)), "blocks.0.out")
    found = feature_effects(model, task, [below, sae_site], steps=4)
    assert found.faithfulness() == pytest.approx(1, abs=1e-5)
    with torch.no_grad(), trace(model, read=["blocks.1.mlp.out", "blocks.1.mlp.in"]) as t:
        model(**task.clean)
    z, error = sae_site.nodes({site: t[site] for site in t.sites})
    torch.testing.assert_close(sae_site.coder.decode(z) + error, t["blocks.1.mlp.out"])
    edges = found.top(4).edges()
    assert {e.source.site for e in edges} == {"blocks.0.out"}
    assert any(abs(e.effect) > 0 for e in edges)


class Linear(Coder):
    """Codes that are products with fixed directions, so that nothing bends."""

    def __init__(self, d: int, width: int) -> None:
        super().__init__()
        self.d_in = self.d_out = d
        self.width, self.about = width, {}
        self.W_enc = nn.Parameter(torch.randn(d, width))
        self.W_dec, self.b_dec = nn.Parameter(torch.randn(width, d)), nn.Parameter(torch.randn(d))

    def encode(self, x):
        return x @ self.W_enc


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.c(self.b(self.a(x))).sum(1)


def test_edges_are_exact_on_a_linear_net():
    torch.manual_seed(1)
    net, x, y = Net(), torch.randn(4, 3, 5), torch.randn(4, 3, 5)
    task = Task({"x": x}, {"x": y}, lambda out: out[:, 0])
    found = feature_effects(net, task, [SAESite(Linear(6, 4), "a.out"), SAESite(Linear(6, 7), "b.out")], steps=0)
    edges = found.edges()
    for k in range(7):  # what comes in through a feature's edges is the effect of the feature
        into = sum(e.effect for e in edges if e.target == Node("b.out", k))
        assert into == pytest.approx(float(found.effects[1][k]), rel=1e-4, abs=1e-5)
    lost = found.verify()
    whole = (task.score(net, task.clean) - task.score(net, task.corrupted)).mean().item()
    for node in found.nodes:
        if node.site == "b.out":
            at = 7 if node.feature == ERROR else node.feature
            assert lost[node] * whole == pytest.approx(float(found.effects[1][at]), rel=1e-3, abs=1e-5)


def test_what_is_no_feature_circuit_is_refused(opened, task, sae_sites):
    with pytest.raises(GlassbookError, match="at least one SAESite"):
        feature_effects(opened.model, task, [])
    with pytest.raises(GlassbookError, match="no two of one site"):
        feature_effects(opened.model, task, [sae_sites[0], sae_sites[0]])
    with pytest.raises(GlassbookError, match="no more than it has"):
        feature_effects(opened.model, task, sae_sites[:1], steps=0).top(97)
