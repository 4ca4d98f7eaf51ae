import pytest
import torch
from torch import nn
from toy_training import Net, batch, learn, squared_error

from glassbook.errors import GlassbookError
from glassbook.train import Phase, adamw, by_name, constant, muon, rmsprop, sgd


def by_hand(net, optimiser, steps=12):
    for step in range(steps):
        optimiser.zero_grad()
        squared_error(net, batch(step))[0].backward()
        optimiser.step()
    return net


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (sgd(), lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True)),
        (sgd(momentum=0.0, nesterov=False), lambda p: torch.optim.SGD(p, lr=0.01)),
        (rmsprop(), lambda p: torch.optim.RMSprop(p, lr=0.01)),
        (rmsprop(alpha=0.9, momentum=0.5), lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, momentum=0.5)),
        (adamw(weight_decay=0.0), lambda p: torch.optim.AdamW(p, 0.01, (0.9, 0.95), weight_decay=0.0, fused=True)),
    ],
)
def test_optimisers_equal_torch_bit_for_bit(ours, theirs):
    net, twin = Net(), Net()
    learn(net, steps=12, optimiser=ours, schedule=constant(), clip=None)
    by_hand(twin, theirs(twin.parameters()))
    for name, p in net.named_parameters():
        assert torch.equal(p, twin.get_parameter(name)), name


def test_rates_by_name_equal_groups_made_by_hand():
    net, twin = Net(), Net()
    factors = {"first.*": {"lr": 10.0}, "norm.bias": {"lr": 0.5}, "*.bias": {"lr": 0.0}}
    learn(net, steps=12, lr=1e-3, optimiser=by_name(sgd(), factors), schedule=constant(), clip=None)
    rates = {"first.weight": 1e-2, "first.bias": 1e-2, "norm.bias": 5e-4, "second.bias": 0.0, "norm.weight": 1e-3}
    groups = [{"params": [twin.get_parameter(name)], "lr": lr} for name, lr in rates.items()]
    by_hand(twin, torch.optim.SGD(groups, momentum=0.9, nesterov=True))
    for name, p in net.named_parameters():
        assert torch.equal(p, twin.get_parameter(name)), name
    assert torch.equal(net.second.bias, Net().second.bias)


def test_weight_decay_falls_on_matrices_only():
    for optimiser in (adamw(), sgd(weight_decay=0.1), rmsprop(weight_decay=0.1)):
        decayed, free = optimiser(dict(Net().named_parameters())).param_groups
        assert (decayed["weight_decay"], [tuple(p.shape) for p in decayed["params"]]) == (0.1, [(6, 6)])
        assert (free["weight_decay"], [tuple(p.shape) for p in free["params"]]) == (0.0, [(6,)] * 4)


def test_without_a_gradient_matrices_shrink_and_vectors_stay():
    net = nn.Linear(3, 3)
    before = net.weight.clone(), net.bias.clone()

    def flat(model, batch):
        return model(batch["x"]).sum() * 0.0, {}

    learn(net, flat, lambda step: {"x": torch.ones(2, 3)}, steps=1, lr=0.5, schedule=constant())
    torch.testing.assert_close(net.weight, before[0] * 0.95)
    assert torch.equal(net.bias, before[1])


def test_two_optimisers_of_the_same_settings_are_equal():
    assert adamw() == adamw()
    assert adamw() != adamw(weight_decay=0.0)
    assert repr(by_name(sgd(), {"a": {"lr": 2.0}})) == repr(by_name(sgd(), {"a": {"lr": 2.0}}))


@pytest.mark.parametrize(
    ("factors", "message"),
    [({"third.*": {"lr": 2.0}}, r"'third.\*' matches none"), ({"first.*": {"decay": 2.0}}, "must map to")],
)
def test_bad_names_are_one_line(factors, message):
    with pytest.raises(GlassbookError, match=message):
        learn(Net(), [Phase("a", squared_error, optimiser=by_name(sgd(), factors))])


def test_state_that_is_no_tensor_cannot_be_saved(tmp_path):
    class Counting(torch.optim.SGD):
        def step(self, closure=None):
            for p in self.param_groups[0]["params"]:
                self.state[p]["count"] = 1

    with pytest.raises(GlassbookError, match="'count' that is no tensor"):
        learn(Net(), steps=2, optimiser=lambda named: Counting(named.values(), lr=0.1), checkpoint=tmp_path)


def test_muon_is_torchs_but_for_its_precision():
    net, twin = Net(), Net()
    learn(net, steps=12, lr=0.01, optimiser=muon(weight_decay=0.1), schedule=constant(), clip=None)
    matrices = [p for p in twin.parameters() if p.dim() == 2]
    others = [p for p in twin.parameters() if p.dim() != 2]
    theirs = [
        torch.optim.Muon(matrices, 0.01, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, 0.01, (0.9, 0.95), weight_decay=0.0, fused=True),
    ]
    for step in range(12):
        for optimiser in theirs:
            optimiser.zero_grad()
        squared_error(twin, batch(step))[0].backward()
        for optimiser in theirs:
            optimiser.step()
    for name, p in net.named_parameters():
        torch.testing.assert_close(p, twin.get_parameter(name), rtol=0.02, atol=2e-3, msg=name)


def test_muon_makes_singular_values_alike():
    from glassbook.train.optimisers import orthogonalised

    generator = torch.Generator().manual_seed(0)
    for shape in ((8, 20), (20, 8), (6, 6)):
        g = torch.randn(shape, generator=generator)
        u, _, v = torch.linalg.svd(g, full_matrices=False)
        found = torch.linalg.svdvals(orthogonalised(g))
        assert found.min() > 0.6
        assert found.max() < 1.3
        assert torch.nn.functional.cosine_similarity(orthogonalised(g).flatten(), (u @ v).flatten(), 0) > 0.95


def test_muon_takes_rates_by_name_and_leaves_embeddings_to_adam():
    net = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6))
    made = by_name(muon(adam=("0.*",)), {"1.weight": {"lr": 0.5}})(dict(net.named_parameters()))
    rates = {id(p): group.get("lr_factor", 1.0) for group in made.param_groups for p in group["params"]}
    assert rates[id(net[1].weight)] == 0.5
    assert rates[id(net[0].weight)] == 1.0
    assert [p is net[1].weight for group in made.optimisers[0].param_groups for p in group["params"]] == [True]
    with pytest.raises(GlassbookError, match="none of the parameters"):
        muon(adam=("*",))(dict(net.named_parameters()))


def test_muon_resumes_bit_for_bit(tmp_path):
    class Stop(Exception):
        pass

    def stopping(step):
        if step == 7:
            raise Stop
        return batch(step)

    options = {"steps": 12, "optimiser": muon(), "checkpoint_every": 5}
    whole, broken, resumed = Net(), Net(), Net()
    learn(whole, **options)
    with pytest.raises(Stop):
        learn(broken, squared_error, stopping, checkpoint=tmp_path, **options)
    learn(resumed, checkpoint=tmp_path, resume=True, **options)
    for name, p in whole.named_parameters():
        assert torch.equal(p, resumed.get_parameter(name)), name
