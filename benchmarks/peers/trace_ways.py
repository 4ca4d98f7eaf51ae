"""One library's ways of looking into a GPT-2, timed against the plain forward of the same process.

Started by benchmarks/tracing_peers.py with the Python of the library's environment. Prints one JSON object:
{way: [ratio of each round]}.
"""

from __future__ import annotations

import json
import sys
import time

import torch
import transformers


def gpt2(layers: int, width: int, vocab: int) -> torch.nn.Module:
    """A random GPT-2, for every benchmark that wants one; nothing is trained, since only time is measured."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=vocab,
        n_positions=160,
        n_embd=width,
        n_layer=layers,
        n_head=width // 64,
        bos_token_id=0,
        eos_token_id=None,
    )
    return transformers.GPT2LMHeadModel(config).eval()


def glassbook(model, ids, layers):
    from glassbook.steer import Vector, steer
    from glassbook.trace import trace

    middle = f"transformer.h.{layers // 2}"

    def traced(**how):
        def call():
            with trace(model, **how):
                model(ids)

        return call

    v = Vector({f"{middle}.out": torch.randn(model.config.n_embd)})

    def steered():
        with steer(model, v, by=1.0):
            generate(model, ids)

    return {
        "one read": traced(read=f"{middle}.out"),
        "every layer": traced(read="transformer.h.*.out"),
        "stop early": traced(read=f"transformer.h.{layers // 4 - 1}.out", stop=True),
        "steered generation": steered,
    }


def nnsight(model, ids, layers):
    from nnsight import NNsight, save

    wrapped, middle = NNsight(model), layers // 2

    def one():
        with wrapped.trace(ids):
            x = wrapped.transformer.h[middle].output.save()
        return x  # noqa: RET504  what is saved is bound when the block is left

    def every():
        with wrapped.trace(ids):
            found = save([block.output for block in wrapped.transformer.h])
        return found  # noqa: RET504

    def early():
        with wrapped.trace(ids) as tracer:
            x = wrapped.transformer.h[layers // 4 - 1].output.save()
            tracer.stop()
        return x

    return {"one read": one, "every layer": every, "stop early": early}


def transformer_lens(model, ids, layers):
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    c = model.config
    own = HookedTransformer(
        HookedTransformerConfig(
            n_layers=layers,
            d_model=c.n_embd,
            n_ctx=320,  # its generation asks for positions beyond those that it uses
            d_head=64,
            n_heads=c.n_head,
            d_vocab=c.vocab_size,
            act_fn="gelu_new",
            normalization_type="LN",
            device="cpu",
            seed=0,
        )
    ).eval()

    def reads(names):
        def call():
            own.run_with_cache(ids, names_filter=names)

        return call

    every = [f"blocks.{i}.hook_resid_post" for i in range(layers)]
    middle = every[layers // 2]
    v = torch.randn(c.n_embd)

    def early():
        own(ids, stop_at_layer=layers // 4)

    def steered():
        with own.hooks([(middle, lambda x, hook: x + v)]):
            own.generate(ids, max_new_tokens=32, do_sample=False, stop_at_eos=False, verbose=False)

    return {
        "one read": reads([middle]),
        "every layer": reads(every),
        "stop early": early,
        "steered generation": steered,
    }


def repeng(model, ids, layers):
    import numpy
    from repeng import ControlModel, ControlVector

    controlled = ControlModel(gpt2(layers, model.config.n_embd, model.config.vocab_size), [layers // 2])
    v = ControlVector(model_type="gpt2", directions={layers // 2: numpy.random.randn(model.config.n_embd)})

    def steered():
        controlled.set_control(v, 1.0)
        generate(controlled, ids)
        controlled.reset()

    return {"steered generation": steered}


def generate(model, ids):
    """Thirty-two greedy tokens with a cache."""
    model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=32, do_sample=False, pad_token_id=0)


def main() -> None:
    name, layers, width, vocab, batch, length, rounds, repeat, generation = sys.argv[1], *map(int, sys.argv[2:])
    model, ids = gpt2(layers, width, vocab), torch.randint(vocab, (batch, length))
    ways = globals()[name](model, ids, layers)
    if not generation:
        ways.pop("steered generation", None)
    plain = {
        way: (lambda: model(ids)) if way != "steered generation" else (lambda: generate(model, ids)) for way in ways
    }
    ratios: dict[str, list[float]] = {way: [] for way in ways}
    with torch.no_grad():
        for r in range(-1, rounds):
            for way, call in ways.items():
                often = 1 if way == "steered generation" else repeat
                pair = [(0, plain[way]), (1, call)]
                took = [0.0, 0.0]
                for which, fn in pair if r % 2 else pair[::-1]:
                    start = time.perf_counter()
                    for _ in range(often):
                        fn()
                    took[which] = time.perf_counter() - start
                if r >= 0:  # the first warms up
                    ratios[way].append(took[1] / took[0])
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
