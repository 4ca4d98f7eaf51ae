"""The graph of a model: it adds up, cutting all of it is the corrupted run, and estimates agree with exact cuts."""

import pytest
import torch
import transformers

from glassbook.circuits import Circuit, Graph, Receiver, Sender, edge_scores, faithfulness_curve, patch
from glassbook.errors import GlassbookError
from glassbook.trace.roles import roles


def test_all_senders_together_are_the_stream(opened, task):
    graph = Graph(opened)
    writes = graph.writes(task.clean)
    with torch.no_grad(), opened.trace(read=["resid.1.out"]) as t:
        opened.model(**task.clean)
    left = t["resid.1.out"] - writes.sum(0)  # the biases of the heads' mixers, if there are any
    torch.testing.assert_close(left, left[:1, :1].expand_as(left), rtol=1e-4, atol=1e-4)


def test_edges_go_forward_only(opened):
    graph = Graph(opened)
    for v, u in graph.edges.nonzero().tolist():
        sender, receiver = graph.senders[u], graph.receivers[v]
        assert (sender.layer, sender.kind == "mlp") < (receiver.layer, receiver.kind in ("mlp", "logits"))
    assert graph.edges[-1].all()


def test_the_whole_graph_is_faithful_and_the_empty_one_is_not(opened, task):
    graph = Graph(opened)
    clean, corrupted = task.baseline_metrics(opened.model)
    torch.testing.assert_close(Circuit(graph, graph.edges).run(task), clean)
    torch.testing.assert_close(Circuit(graph, graph.edges & False).run(task), corrupted, rtol=1e-4, atol=1e-4)
    assert Circuit(graph, graph.edges).faithfulness(task) == pytest.approx(1)
    assert Circuit(graph, graph.edges & False).faithfulness(task) == pytest.approx(0, abs=1e-3)


def test_cutting_all_edges_out_of_a_sender_is_patching_it(opened, task):
    """Path patching of every edge of one MLP is activation patching of that MLP."""
    graph = Graph(opened)
    cut = torch.zeros_like(graph.edges)
    u = graph.senders.index(Sender(0, "mlp"))
    cut[:, u] = graph.edges[:, u]
    by_patch = patch(opened.model, task, [opened["mlp.0.out"]], into="clean").values[0]
    # Patching writes the whole corrupted activation, whose other inputs are the corrupted run's.
    torch.testing.assert_close(graph.run(task, cut), by_patch, rtol=1e-4, atol=1e-4)


def test_one_cut_edge_by_hand(models, task):
    """The query of head 1.2 reads a stream in which the input alone is the corrupted one."""
    model = models["ours"]
    graph = Graph(roles(model))
    cut = torch.zeros_like(graph.edges)
    cut[graph.index((Sender(-1, "input"), Receiver(1, "q", 2)))] = True
    block = model.blocks[1]
    with torch.no_grad():
        shift = model.embed(task.corrupted["input_ids"]) - model.embed(task.clean["input_ids"])
        seen = {}
        first = block.register_forward_pre_hook(lambda _, args: seen.update(x=args[0]))

        def query(_, args, out):
            out = out.clone()
            out[..., 16:24] = (
                block.attn.q.weight[16:24] @ block.norm1(seen["x"] + shift).mT
                if False
                else (block.norm1(seen["x"] + shift) @ block.attn.q.weight[16:24].T)
            )
            return out

        second = block.attn.q.register_forward_hook(query)
        expected = task.score(model, task.clean)
        first.remove()
        second.remove()
    torch.testing.assert_close(graph.run(task, cut), expected, rtol=1e-5, atol=1e-5)


def test_estimates_agree_with_exact_cuts(opened, task):
    """A small change makes every function linear, so each edge's estimate is its exact effect."""
    graph = Graph(opened)
    inputs = (
        opened.model.get_input_embeddings() if hasattr(opened.model, "get_input_embeddings") else opened.model.embed
    )
    near, far = task.corrupted["input_ids"][:, 2], task.clean["input_ids"][:, 2]
    kept = inputs.weight.detach().clone()
    with torch.no_grad():
        inputs.weight[near] = inputs.weight[far] + 1e-3 * torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    try:
        scores = edge_scores(graph, task, steps=1)
        clean, _ = task.baseline_metrics(opened.model)
        writes = graph.writes(task.corrupted)
        big = scores.abs().flatten().topk(12).indices.tolist()
        for i in big:
            cut = torch.zeros_like(graph.edges)
            cut.view(-1)[i] = True
            exact = float((graph.run(task, cut, writes) - clean).mean())
            assert exact == pytest.approx(float(scores.flatten()[i]), rel=0.1, abs=3e-6)
    finally:
        with torch.no_grad():
            inputs.weight.copy_(kept)


def test_there_is_no_score_without_an_edge(opened, task):
    graph = Graph(opened)
    scores = edge_scores(graph, task, steps=3)
    assert scores.shape == graph.edges.shape
    assert float(scores[~graph.edges].abs().max()) == 0
    # The inputs differ before the last position, whose logits the metric is of: what is read there only stays the same.
    silent = [(graph.senders[u].kind, *graph.receivers[v]) for v, u in ((scores == 0) & graph.edges).nonzero().tolist()]
    assert silent == [*[("input", 1, "q", h) for h in range(4)], ("input", 1, "mlp", 0), ("input", 2, "logits", 0)]


def test_circuits_grow_towards_the_whole(opened, task):
    graph = Graph(opened)
    scores = edge_scores(graph, task, steps=4)
    curve = faithfulness_curve(graph, scores, task, [0, len(graph)])
    assert curve[0] == pytest.approx(0, abs=1e-3)
    assert curve[len(graph)] == pytest.approx(1, abs=1e-3)


def test_edges_that_lead_nowhere_go(opened):
    graph = Graph(opened)
    kept = torch.zeros_like(graph.edges)
    kept[graph.index((Sender(0, "head", 1), Receiver(1, "mlp")))] = (
        True  # nothing reads that MLP, and the head reads nothing
    )
    assert len(Circuit(graph, kept).connected()) == 0
    path = [
        (Sender(-1, "input"), Receiver(0, "mlp")),
        (Sender(0, "mlp"), Receiver(2, "logits")),
    ]
    for edge in path:
        kept[graph.index(edge)] = True
    assert Circuit(graph, kept).connected().edges == path


def test_verifying_and_pruning(opened, task):
    graph = Graph(opened)
    circuit = Circuit.top(graph, edge_scores(graph, task), 30)
    lost = circuit.verify(task)
    assert set(lost) == set(circuit.edges)
    clean, corrupted = task.baseline_metrics(opened.model)
    (edge, value), *_ = lost.items()
    without = circuit.mask.clone()
    without[graph.index(edge)] = False
    expected = (circuit.run(task) - Circuit(graph, without).run(task)).mean() / (clean - corrupted).mean()
    assert value == pytest.approx(float(expected), abs=1e-5)
    small = circuit.pruned(task, least=0.05)
    assert len(small) <= len(circuit)


def test_what_has_no_graph_is_refused(opened, task):
    graph = Graph(opened)
    cut = torch.ones_like(graph.edges)
    with pytest.raises(GlassbookError, match="that comes after its receiver"):
        graph.run(task, cut)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    neox = transformers.GPTNeoXForCausalLM(transformers.GPTNeoXConfig(vocab_size=61, **sizes)).eval()
    with pytest.raises(GlassbookError, match="GPT-NeoX"):
        Graph(roles(neox))
    config = transformers.Gemma2Config(vocab_size=61, num_key_value_heads=2, head_dim=8, **sizes)
    with pytest.raises(GlassbookError, match="a norm comes after"):
        Graph(roles(transformers.Gemma2ForCausalLM(config).eval()))
