"""Control vectors in GGUF: what others read, and what of theirs is refused."""

import gguf
import numpy as np
import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.steer import Vector, load_gguf, save_gguf

BLOCKS = [f"transformer.h.{i}" for i in range(4)]


def test_a_round_trip(tmp_path):
    v = Vector({f"transformer.h.{i}.out": torch.randn(8) for i in (1, 3)})
    save_gguf(v, tmp_path / "v.gguf", "gpt2")
    assert load_gguf(tmp_path / "v.gguf", BLOCKS) == v
    assert [p.name for p in tmp_path.iterdir()] == ["v.gguf"]


def test_the_file_is_what_llama_cpp_reads(tmp_path):
    save_gguf(Vector({"transformer.h.2.out": torch.arange(4.0)}), tmp_path / "v.gguf", "gpt2")
    reader = gguf.GGUFReader(tmp_path / "v.gguf")
    assert reader.get_field("general.architecture").contents() == "controlvector"
    assert reader.get_field("controlvector.model_hint").contents() == "gpt2"
    assert reader.get_field("controlvector.layer_count").contents() == 1
    [tensor] = reader.tensors
    assert (tensor.name, tensor.tensor_type) == ("direction.2", gguf.GGMLQuantizationType.F32)
    assert tensor.data.tolist() == [0, 1, 2, 3]


def test_a_file_of_repeng(tmp_path):
    """As repeng writes: a direction for each layer it was trained on."""
    writer = gguf.GGUFWriter(tmp_path / "r.gguf", "controlvector")
    writer.add_string("controlvector.model_hint", "llama")
    writer.add_uint32("controlvector.layer_count", 2)
    for layer in (1, 2):
        writer.add_tensor(f"direction.{layer}", np.full(6, layer, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    v = load_gguf(tmp_path / "r.gguf", BLOCKS)
    assert v.sites == ["transformer.h.1.out", "transformer.h.2.out"]
    assert v.rows["transformer.h.2.out"].tolist() == [[2.0] * 6]
    with pytest.raises(GlassbookError, match=r"'direction\.2' is for no layer"):
        load_gguf(tmp_path / "r.gguf", BLOCKS[:2])


def test_other_files_are_refused(tmp_path):
    with pytest.raises(GlassbookError, match="no file"):
        load_gguf(tmp_path / "none.gguf", BLOCKS)
    for content in (b"", b"GGUF", b"not gguf at all" * 20):
        (tmp_path / "bad.gguf").write_bytes(content)
        with pytest.raises(GlassbookError, match="no GGUF file"):
            load_gguf(tmp_path / "bad.gguf", BLOCKS)
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("direction.1", np.zeros(3, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(GlassbookError, match="holds a llama"):
        load_gguf(tmp_path / "m.gguf", BLOCKS)


def test_vectors_without_that_form_are_refused(tmp_path):
    for v, reason in (
        (Vector({"h.1.out": torch.ones(2, 3)}, positional=True), "positional"),
        (Vector({"h.1.in": torch.ones(3)}), "not the output"),
        (Vector({"h.0.out": torch.ones(3)}), "not the output"),
    ):
        with pytest.raises(GlassbookError, match=reason):
            save_gguf(v, tmp_path / "v.gguf")
    assert list(tmp_path.iterdir()) == []
