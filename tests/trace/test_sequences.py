"""Two sequences in one call: the rows, pads, ids and positions of a site are those of its own sequence."""

from __future__ import annotations

import pytest
import torch
import transformers as T

from glassbook.errors import GlassbookError
from glassbook.steer import Vector, after_prompt, first, last, steer
from glassbook.trace import ActivationStream, collect, trace

VOCAB = 61
G = torch.Generator().manual_seed(0)
IDS = torch.randint(3, VOCAB, (2, 6), generator=G)
MASK = torch.tensor([[1] * 6, [1, 1, 0, 0, 0, 0]])
DECODER, DECODER_MASK = torch.tensor([[0, 5, 6], [0, 5, 9]]), torch.tensor([[1, 1, 1], [1, 1, 0]])
ENCODED = IDS[MASK.bool()].tolist()
INPUTS = {"input_ids": IDS, "attention_mask": MASK}


def t5():
    return T.T5ForConditionalGeneration(
        T.T5Config(vocab_size=VOCAB, d_model=16, d_ff=24, num_layers=2, num_heads=2, d_kv=8, decoder_start_token_id=0)
    )


def bart():
    return T.BartForConditionalGeneration(
        T.BartConfig(
            vocab_size=VOCAB, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=32,
            pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None,
        )
    )  # fmt: skip


def joined():
    """A BERT whose states a causal BERT attends to."""
    sizes = {"vocab_size": VOCAB, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    half = T.BertConfig(**sizes, intermediate_size=24)
    config = T.EncoderDecoderConfig.from_encoder_decoder_configs(half, half)
    config.decoder_start_token_id, config.pad_token_id = 4, 0
    return T.EncoderDecoderModel(config)


# encoder's site, decoder's site, its cross-attention's keys
MODELS = {
    "t5": (t5, "encoder.block.1.out", "decoder.block.1.out", "decoder.block.1.layer.1.EncDecAttention.k.out"),
    "bart": (
        bart, "model.encoder.layers.1.out", "model.decoder.layers.1.out",
        "model.decoder.layers.1.encoder_attn.k_proj.out",
    ),
    "joined": (
        joined, "encoder.encoder.layer.1.out", "decoder.bert.encoder.layer.1.out",
        "decoder.bert.encoder.layer.1.crossattention.self.key.out",
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def halves(request):
    torch.manual_seed(0)
    make, *sites = MODELS[request.param]
    return make().eval(), *sites


def test_rows_are_those_of_the_sites_own_sequence(halves):
    model, encoder, decoder, keys = halves
    for ids, mask in (
        (DECODER, DECODER_MASK),
        (IDS + 1, torch.tensor([[1] * 6, [1, 1, 1, 0, 0, 0]])),
    ):  # equally long too
        batch = {**INPUTS, "decoder_input_ids": ids % VOCAB, "decoder_attention_mask": mask}
        with torch.no_grad(), trace(model, read=[encoder, decoder, keys, "out"]) as t:
            model(**batch)
        for site, tokens, real in (
            (encoder, IDS, MASK),
            (keys, IDS, MASK),
            (decoder, ids % VOCAB, mask),
            ("out", ids % VOCAB, mask),
        ):
            acts = collect(model, [batch], site)
            assert acts.tokens().tolist() == tokens[real.bool()].tolist()
            assert torch.equal(acts.read(site), t[site][real.bool()])
            assert acts.index()[1].max() == real.sum(1).max() - 1
    with pytest.raises(GlassbookError, match="two sequences of one call"):
        collect(model, [batch], [encoder, decoder])


def test_labels_are_what_the_decoder_reads_moved_by_one(halves):
    model, encoder, decoder, _ = halves
    labels = torch.tensor([[7, 8, 9, 4, 5, 6], [7, 8, -100, -100, -100, -100]])
    batch = {**INPUTS, "labels": labels}
    start = model.config.decoder_start_token_id
    assert collect(model, [batch], decoder).tokens().tolist() == [start, 7, 8, 9, 4, 5, start, 7, 8]
    assert collect(model, [batch], encoder).tokens().tolist() == ENCODED


def test_a_stream_takes_the_decoders_rows(halves):
    model, _, decoder, _ = halves
    batch = {**INPUTS, "decoder_input_ids": DECODER, "decoder_attention_mask": DECODER_MASK}
    stream = ActivationStream(model, lambda i: batch, decoder, batch=2, pool=8)
    rows = collect(model, [batch], decoder).read(decoder)
    assert all((stream(step)[:, None] == rows).all(-1).any(1).all() for step in range(6))


def test_steering_a_decoder_that_is_given_labels(halves):
    model, _, decoder, _ = halves
    batch = {**INPUTS, "labels": DECODER}
    v = torch.linspace(-2, 2, 16)

    def by_hand(_module, _args, out):
        x = out if torch.is_tensor(out) else out[0]
        x = x.clone()
        x[:, 0] += v
        return x if torch.is_tensor(out) else (x, *out[1:])

    handle = model.get_submodule(decoder.removesuffix(".out")).register_forward_hook(by_hand)
    with torch.no_grad():
        wanted = model(**batch).logits
    handle.remove()
    with torch.no_grad(), steer(model, Vector({decoder: v}), where=first()):
        assert torch.equal(model(**batch).logits, wanted)


@pytest.mark.parametrize("rule", [first(), after_prompt(), last()], ids=str)
def test_each_half_has_positions_of_its_own_in_generation(halves, rule):
    model, encoder, decoder, _ = halves
    v, seen = 3 * torch.linspace(-2, 2, 16), []

    def generate(use_cache=True):
        return model.generate(
            **INPUTS, max_new_tokens=4, do_sample=False, num_beams=1, use_cache=use_cache, pad_token_id=1
        )

    def note(x, at):
        seen.append((at.phase, at.pos.tolist()))
        return x + 0.01

    with trace(model, edit={encoder: note}):
        generate()
    assert seen == [("prefill", [[0, 1, 2, 3, 4, 5], [0, 1, -1, -1, -1, -1]])]
    seen.clear()
    with trace(model, edit={decoder: note}):
        generate()
    assert seen[:3] == [("prefill", [[0]] * 2), ("decode", [[1]] * 2), ("decode", [[2]] * 2)]
    with steer(model, Vector({decoder: v}), where=rule):
        cached = generate()
    with steer(model, Vector({decoder: v}), where=rule):
        assert torch.equal(generate(False), cached)


# --- pictures and sound -----------------------------------------------------------------------------------------------


def test_sound_in_and_text_out():
    torch.manual_seed(0)
    config = T.WhisperConfig(
        vocab_size=VOCAB, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, num_mel_bins=8, max_source_positions=10,
        max_target_positions=20, pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=3,
    )  # fmt: skip
    model = T.WhisperForConditionalGeneration(config).eval()
    batch = {
        "input_features": torch.randn(2, 8, 20),
        "decoder_input_ids": DECODER,
        "decoder_attention_mask": DECODER_MASK,
    }
    frames = collect(model, [batch], "model.encoder.layers.0.out")
    assert (frames.n, set(frames.tokens().tolist())) == (20, {-1})
    assert collect(model, [batch], "model.decoder.layers.0.out").tokens().tolist() == [0, 5, 6, 0, 5]
    assert collect(model, [batch], "model.decoder.layers.0.encoder_attn.k_proj.out").n == 20
    with pytest.raises(GlassbookError, match="has shape"):  # the convolutions before it
        collect(model, [batch], "model.encoder.conv2.out")


def test_padding_that_nothing_tells_is_refused():
    torch.manual_seed(0)
    config = T.Wav2Vec2Config(
        vocab_size=VOCAB, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        conv_dim=(8, 8), conv_stride=(2, 2), conv_kernel=(4, 4), num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    model = T.Wav2Vec2Model(config).eval()
    sound, site = torch.randn(2, 64), "encoder.layers.0.out"
    assert collect(model, [{"input_values": sound}], site).n == 28
    whole = {"input_values": sound, "attention_mask": torch.ones(2, 64, dtype=torch.long)}
    assert collect(model, [whole], site).n == 28
    whole["attention_mask"][1, 32:] = 0
    with pytest.raises(GlassbookError, match="padding cannot be told"):
        collect(model, [whole], site)


def test_pictures_beside_text():
    """As many patches as tokens: only the part that runs tells which is which."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    text, picture = {**sizes, "vocab_size": VOCAB, "eos_token_id": 5}, {**sizes, "image_size": 8, "patch_size": 4}
    model = T.CLIPModel(T.CLIPConfig(text_config=text, vision_config=picture)).eval()
    ids = torch.cat([IDS[:, :4], torch.full((2, 1), 5)], 1)
    mask = torch.tensor([[1] * 5, [1, 1, 1, 0, 0]])
    batch = {"input_ids": ids, "attention_mask": mask, "pixel_values": torch.randn(2, 3, 8, 8)}
    patches = collect(model, [batch], "vision_model.encoder.layers.0.out")
    assert (patches.n, set(patches.tokens().tolist())) == (10, {-1})
    assert collect(model, [batch], "text_model.encoder.layers.0.out").tokens().tolist() == ids[mask.bool()].tolist()
    at_picture = Vector({"vision_model.encoder.layers.0.out": torch.ones(16)})
    with pytest.raises(GlassbookError, match="no token positions"), steer(model, at_picture, where=first()):
        model(**batch)
