"""Origin of a dictionary: which model, site and texts it was learnt from, and whether it is applied to those.

What makes its latents wrong is refused; what may change them is said, in one line each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.features.coder import Coder
from glassbook.nets import LanguageModel
from glassbook.nets.devices import input_device
from glassbook.trace import fingerprint, read_sites
from glassbook.trace.roles import Roles, residual_site, roles
from glassbook.trace.rows import of_other_weights
from glassbook.trace.sites import places

_HOOK = re.compile(r"blocks\.(\d+)\.(.+)")
"""A hook point of TransformerLens inside a block."""
_ROLES = {
    "hook_resid_mid": "resid.{}.mid",
    "hook_attn_out": "attn.{}.out",
    "attn.hook_q": "attn.{}.q",
    "attn.hook_k": "attn.{}.k",
    "attn.hook_v": "attn.{}.v",
    "attn.hook_z": "attn.{}.heads",
    "hook_mlp_in": "resid.{}.mid",
    "mlp.hook_post": "mlp.{}.neurons",
    "hook_mlp_out": "mlp.{}.out",
}
"""Hook point -> role of the same activation; `hook_mlp_in` is the stream before the MLP's norm."""
_CHANGED = {
    "center_writing_weights": (
        "hook_resid_pre hook_resid_mid hook_resid_post hook_attn_out hook_mlp_out hook_mlp_in",
        "without the mean of what each layer writes, if the model has layer norms",
    ),
    "fold_value_biases": ("attn.hook_v attn.hook_z", "without the biases of the values"),
    "refactor_factored_attn_matrices": (
        "attn.hook_q attn.hook_k attn.hook_v attn.hook_z",
        "with attention's matrices in another basis",
    ),
}
"""What TransformerLens does to weights -> the hook points whose activations that changes, and how."""
_HARMLESS = {
    *("fold_ln", "center_unembed", "default_prepend_bos", "default_padding_side", "n_devices", "device", "device_map"),
    *("dtype", "torch_dtype", "hf_model", "tokenizer", "trust_remote_code", "move_to_device", "local_files_only"),
}
"""Other settings of opening a model that change no activation here; a folded norm's is refused by `site_of`."""


def site_of(coder: Coder, model: nn.Module, writes: bool = False) -> str:
    """The site of a model that a dictionary was learnt at, by the name that the site has here.

    Its file may give a site of ours, a module ("model.layers.3", also from the model's core on, "layers.3"), or a hook
    point of TransformerLens ("blocks.3.hook_resid_post").

    Args:
        coder: the dictionary.
        model: the model that it is applied to.
        writes: the site that its directions belong to, which of a transcoder is another than the one that it reads.

    Raises:
        GlassbookError: the file names no site, one that this model does not have, or one head of it.
    """
    other = writes and coder.transcodes
    about = coder.about
    name, head = about.get("site_out" if other else "site"), about.get("head_out" if other else "head")
    if not isinstance(name, str) or not name:
        what = "its predictions belong" if other else "it was trained"
        raise GlassbookError(f"the dictionary does not say at which site {what}; name the site to use")
    if head is not None:
        raise GlassbookError(
            f"the dictionary is of head {head} at {name} alone, and sites here hold all heads side by side; use another"
        )
    try:
        return places(model, name)[0].name
    except GlassbookError:
        pass
    modules = [full for full, _ in model.named_modules() if full.endswith(f".{name}")]
    if len(modules) == 1:
        return f"{modules[0]}.out"
    if found := _HOOK.fullmatch(name):
        return _of_hook(model, about, int(found[1]), found[2], name)
    raise GlassbookError(
        f"the dictionary was trained at {name!r}, which is no site of {type(model).__name__}; name the site to use"
    )


def check_model(trained_on: Mapping[str, Any], model: nn.Module) -> None:
    """Refuse a model that is not the one a dictionary was learnt from; `trained_on` is `about` of the dictionary.

    Raises:
        GlassbookError: it is another one. A dictionary that does not say which is accepted, and so are weights in half
            precision, which cannot be compared.
    """
    if of_other_weights(model, trained_on.get("weights")):
        raise GlassbookError(
            "the dictionary was learnt from another model than this one; open the model it is of, as precise as it was"
        )


def check_use(
    coder: Coder, lm: LanguageModel, site: str, context: int | None = None, writes: bool = False
) -> list[str]:
    """What differs between the use of a dictionary and its training, a line each; [] if nothing is known to.

    Args:
        coder: the dictionary.
        lm: the model.
        site: where it is used.
        context: the longest text that it is used on, in tokens.
        writes: its directions are added at the site; nothing is read there.

    Raises:
        GlassbookError: it was learnt from other weights, or does not fit the site's width.
    """
    check_model(coder.about, lm.model)
    ids = torch.arange(2, device=input_device(lm.model))[None] % lm.vocab
    width, d = read_sites(lm.model, {"input_ids": ids}, [site])[site].shape[-1], coder.d_out if writes else coder.d_in
    if width != d:
        raise GlassbookError(
            f"the dictionary has {d} dimensions and {site} of {lm.name} has {width}; open its model, or name its site"
        )
    said = [_another_model(coder.about, lm), *_other_texts(coder.about, lm), *_other_activations(coder.about)]
    return [line for line in [*said, other_length(coder.about, context or 0)] if line]


def other_length(about: Mapping[str, Any], context: int) -> str:
    """A line if texts of so many tokens are longer than those a dictionary was learnt from, else ""."""
    learnt = (about.get("settings") or {}).get("context_size")
    if not isinstance(learnt, int) or context <= learnt:
        return ""
    return f"it was learnt from texts of {learnt} tokens, and here they have up to {context}"


def _of_hook(model: nn.Module, about: Mapping[str, Any], layer: int, hook: str, name: str) -> str:
    """The site of a hook point inside a block."""
    if hook in ("hook_resid_pre", "hook_resid_post"):
        return residual_site(model, layer, "in" if hook == "hook_resid_pre" else "out")
    residual_site(model, layer)  # raises if there is no such layer
    if hook not in _ROLES and hook not in ("ln1.hook_normalized", "ln2.hook_normalized", "mlp.hook_in"):
        raise GlassbookError(
            f"the dictionary was trained at {name}, and no site here has these activations; use another dictionary"
        )
    found = roles(model)
    if hook in _ROLES:
        role = _ROLES[hook].format(layer)
        if hook == "hook_mlp_in" and role not in found:  # attention and MLP read the same stream
            return found[f"resid.{layer}.in"]
        return found[role]
    return _after_norm(found, layer, hook, name, bool(_told(about).get("fold_ln")))


def _after_norm(found: Roles, layer: int, hook: str, name: str, folded: bool) -> str:
    """What attention or the MLP reads. "hook_normalized" has the gain of a layer norm, but not that of an RMS norm.

    Where TransformerLens folded the gain into the weights that read it, it is nowhere.
    """
    norm = f"{found.names[layer]}.{found.family.norm1 if hook.startswith('ln1') else found.family.norm2}"
    gained = hook == "mlp.hook_in" or isinstance(found.model.get_submodule(norm), nn.LayerNorm)
    if folded or not gained:
        raise GlassbookError(
            f"the dictionary was trained at {name}, without the gain of {norm}, where there is no site; use another"
        )
    return f"{norm}.out"


def _another_model(about: Mapping[str, Any], lm: LanguageModel) -> str:
    """Why the model may not be the dictionary's, by its weights or else by its name."""
    here = f"{lm.name} ({type(lm.model).__name__})"
    if about.get("weights") not in (None, fingerprint(lm.model)):
        return f"{here} is in half precision, so its weights cannot be compared with those that it was learnt from"
    model = about.get("model")
    name = model.get("name") if isinstance(model, Mapping) else model
    if about.get("weights") is not None or not isinstance(name, str) or not name:
        return ""
    known = (lm.name, str(getattr(getattr(lm.model, "config", None), "_name_or_path", "") or ""))
    if _bare(name) in map(_bare, known):
        return ""
    return f"it was learnt from {name}, and this is {here}; if they are not the same, its features mean nothing here"


def _bare(name: str) -> str:
    """A model's name without owner, case and kind of dash; TransformerLens calls gpt2 "gpt2-small"."""
    bare = re.sub(r"[-_.\s]+", "-", name.rstrip("/").rpartition("/")[2].lower())
    return "gpt2" if bare == "gpt2-small" else bare


def _other_texts(about: Mapping[str, Any], lm: LanguageModel) -> list[str]:
    """Where its texts began otherwise, or only some of their tokens counted."""
    settings = about.get("settings") or {}
    said = []
    if lm.tokenizer is not None and isinstance(settings.get("prepend_bos"), bool):
        begins = bool(lm.encode(""))
        if begins and not settings["prepend_bos"]:
            said.append("it was learnt from texts that no BOS token begins, and here one begins every text")
        if settings["prepend_bos"] and not begins:
            said.append(f"it was learnt from texts that a BOS token begins, and {lm.name} has none")
    places_read = settings.get("seqpos_slice")
    if isinstance(places_read, list) and any(place is not None for place in places_read):
        said.append(f"it was learnt from the positions {places_read} of each text alone")
    return said


def _other_activations(about: Mapping[str, Any]) -> list[str]:
    """What TransformerLens, or the loader of the model, was told to do to the weights."""
    found = _HOOK.fullmatch(str(about.get("site")))
    hook = found[2] if found else ""
    said = []
    for key, value in _told(about).items():
        if value in (None, False) or key in _HARMLESS:
            continue
        if key not in _CHANGED:
            said.append(f"the model that it was learnt from was opened with {key} = {value!r}")
        elif hook in _CHANGED[key][0].split():
            said.append(f"it was learnt from activations {_CHANGED[key][1]} ({key}), and here they are as they are")
    return said


def _told(about: Mapping[str, Any]) -> Mapping[str, Any]:
    told = (about.get("settings") or {}).get("model_from_pretrained_kwargs")
    return told if isinstance(told, Mapping) else {}
