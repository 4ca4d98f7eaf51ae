"""Write small random dictionaries through a peer's own code, with what it makes of some activations.

Run by the peer's Python, not by ours:

    PEER_VENV/bin/python benchmarks/peers/write_files.py sae_lens|sparsify|dictionary_learning OUT

Each case is a folder as the peer saves it, with expected.safetensors beside: x, the peer's codes and reconstruction.
`tests/features/interchange` compares ours with them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

D, F, K, N = 6, 14, 3, 9


def randomise(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Every weight and threshold anew, so that no bias is zero and no row has norm 1."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in module.named_parameters():
            value = torch.randn(p.shape, generator=g) * 0.7
            p.copy_(value.abs() * 0.5 if "threshold" in name else value)
    return module.float().eval()


def activations(seed: int) -> torch.Tensor:
    return torch.randn(N, D, generator=torch.Generator().manual_seed(1000 + seed)) * 2 + 0.3


def keep(folder: Path, x: torch.Tensor, codes: torch.Tensor, out: torch.Tensor) -> None:
    tensors = {"x": x, "codes": codes, "out": out}
    save_file({name: t.detach().float().contiguous() for name, t in tensors.items()}, folder / "expected.safetensors")


def sae_lens(out: Path) -> None:
    from sae_lens.saes import gated_sae, jumprelu_sae, standard_sae, topk_sae, transcoder
    from sae_lens.saes.sae import SAEMetadata

    base = {"d_in": D, "d_sae": F, "dtype": "float32", "device": "cpu"}
    about = {"metadata": SAEMetadata(model_name="a-model", hook_name="blocks.1.hook_resid_post")}
    plain = {"apply_b_dec_to_input": False}
    cases = {
        "standard": (standard_sae.StandardSAE, standard_sae.StandardSAEConfig, {}),
        "standard-no-subtraction": (standard_sae.StandardSAE, standard_sae.StandardSAEConfig, plain),
        "topk": (topk_sae.TopKSAE, topk_sae.TopKSAEConfig, {"k": K}),
        "topk-rescaled": (topk_sae.TopKSAE, topk_sae.TopKSAEConfig, {"k": K, "rescale_acts_by_decoder_norm": True}),
        "jumprelu": (jumprelu_sae.JumpReLUSAE, jumprelu_sae.JumpReLUSAEConfig, {}),
        "jumprelu-no-subtraction": (jumprelu_sae.JumpReLUSAE, jumprelu_sae.JumpReLUSAEConfig, plain),
        "gated": (gated_sae.GatedSAE, gated_sae.GatedSAEConfig, {}),
        "transcoder": (transcoder.Transcoder, transcoder.TranscoderConfig, {"d_out": 4, **plain}),
        "skip_transcoder": (transcoder.SkipTranscoder, transcoder.SkipTranscoderConfig, {"d_out": 4, **plain}),
        "jumprelu_transcoder": (
            transcoder.JumpReLUTranscoder,
            transcoder.JumpReLUTranscoderConfig,
            {"d_out": 4, **plain},
        ),
    }
    for seed, (name, (kind, config, settings)) in enumerate(cases.items()):
        sae = randomise(kind(config(**base, **about, **settings)), seed)
        folder = out / "sae_lens" / name
        sae.save_model(folder)
        x = activations(seed)
        codes = sae.encode(x)
        codes = codes.to_dense() if codes.is_sparse else codes
        result = sae.decode(codes)
        if getattr(sae, "W_skip", None) is not None:
            result = result + x @ sae.W_skip.T
        keep(folder, x, codes, result)


def sparsify(out: Path) -> None:
    from sparsify import SparseCoder
    from sparsify.config import SparseCoderConfig

    cases = {
        "topk": {},
        "transcoder": {"transcode": True},
        "skip-transcoder": {"transcode": True, "skip_connection": True},
    }
    for seed, (name, settings) in enumerate(cases.items()):
        sae = randomise(SparseCoder(D, SparseCoderConfig(num_latents=F, k=K, **settings)), 20 + seed)
        folder = out / "sparsify" / name
        sae.save_to_disk(folder)
        x = activations(20 + seed)
        got = sae(x)
        codes = torch.zeros(N, F).scatter_(1, got.latent_indices, got.latent_acts)
        keep(folder, x, codes, got.sae_out)


def dictionary_learning(out: Path) -> None:
    from dictionary_learning import dictionary as d
    from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
    from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
    from dictionary_learning.trainers.top_k import AutoEncoderTopK
    from dictionary_learning.utils import load_dictionary

    cases = {
        "AutoEncoder": (d.AutoEncoder(D, F), {}),
        "AutoEncoderNew": (d.AutoEncoderNew(D, F), {}),
        "GatedAutoEncoder": (d.GatedAutoEncoder(D, F), {}),
        "JumpReluAutoEncoder": (d.JumpReluAutoEncoder(D, F), {}),
        "AutoEncoderTopK": (AutoEncoderTopK(D, F, K), {"k": K}),
        "BatchTopKSAE": (BatchTopKSAE(D, F, K), {"k": K}),
        "MatryoshkaBatchTopKSAE": (MatryoshkaBatchTopKSAE(D, F, K, [4, 10]), {"k": K}),
    }
    for seed, (name, (sae, more)) in enumerate(cases.items()):
        sae = randomise(sae, 40 + seed)
        if hasattr(sae, "threshold") and name != "JumpReluAutoEncoder":
            sae.threshold.fill_(0.8)
        folder = out / "dictionary_learning" / name
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(sae.state_dict(), folder / "ae.pt")
        trainer = {"dict_class": name, "lm_name": "a-model", "submodule_name": "resid_post_layer_1", **more}
        (folder / "config.json").write_text(json.dumps({"trainer": trainer}))
        sae, _ = load_dictionary(str(folder), "cpu")  # as its users get it
        x = activations(40 + seed)
        codes = sae.encode(x)
        keep(folder, x, codes, sae.decode(codes))


if __name__ == "__main__":
    {"sae_lens": sae_lens, "sparsify": sparsify, "dictionary_learning": dictionary_learning}[sys.argv[1]](
        Path(sys.argv[2])
    )
