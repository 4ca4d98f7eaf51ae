"""Vectors as values: arithmetic, norms, and what a file keeps."""

import pytest
import torch
from safetensors.torch import save_file

from glassbook.errors import GlassbookError
from glassbook.steer import Vector


def vector(*shape: int, site: str = "blocks.1.in", seed: int = 0) -> Vector:
    rows = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return Vector({site: rows}, positional=shape[0] > 1)


def test_arithmetic_is_a_linear_space():
    v, w = vector(3, 4), vector(3, 4, seed=1)
    torch.testing.assert_close(((v + 2 * w) - 2 * w).rows["blocks.1.in"], v.rows["blocks.1.in"])
    assert v - v == 0 * w
    assert 2 * v == v * 2 == v + v
    assert -v == -1 * v == v * -1
    assert v - w == v + (-w)
    assert v != w
    torch.testing.assert_close((v + 2 * w).rows["blocks.1.in"], v.rows["blocks.1.in"] + 2 * w.rows["blocks.1.in"])


def test_sites_compose_and_a_shorter_positional_vector_is_zero_behind_its_end():
    v, w = vector(3, 4), vector(2, 4, site="blocks.2.in")
    assert (v + w).sites == ["blocks.1.in", "blocks.2.in"]
    longer = v + vector(5, 4, seed=1)
    torch.testing.assert_close(longer.rows["blocks.1.in"][3:], vector(5, 4, seed=1).rows["blocks.1.in"][3:])


def test_norm_and_unit_leave_zero_rows_out():
    v = Vector({"a.in": torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 15.0]])}, positional=True)
    assert v.norm() == {"a.in": 10.0}
    unit = v.unit()
    assert unit.norm()["a.in"] == pytest.approx(1.0)
    torch.testing.assert_close(unit.rows["a.in"] * 10, v.rows["a.in"])
    with pytest.raises(GlassbookError, match=r"zero at a\.in"):
        (v - v).unit()


def test_rows_are_copies_and_halves_become_float32():
    rows = torch.ones(1, 4, dtype=torch.bfloat16, requires_grad=True)
    v = Vector({"a.in": rows})
    assert v.rows["a.in"].dtype == torch.float32
    source = torch.ones(4)
    v = Vector({"a.in": source})
    source.zero_()
    assert v.rows["a.in"].shape == (1, 4)
    assert v.rows["a.in"].sum() == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Vector({}), "needs rows"),
        (lambda: Vector({"a.in": torch.ones(2, 4)}), "one row"),
        (lambda: Vector({"a.in": torch.ones(2, 4, 1)}, positional=True), "shape"),
        (lambda: Vector({"a.in": torch.tensor([float("nan")])}), "not finite"),
        (lambda: vector(1, 4) + vector(2, 4), "cannot be added"),
        (lambda: vector(2, 4) + vector(2, 5), "widths 4 and 5"),
    ],
)
def test_what_is_no_vector_is_refused_in_one_line(make, message):
    with pytest.raises(GlassbookError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_other_operands_are_type_errors():
    with pytest.raises(TypeError):
        vector(1, 4) + 1  # type: ignore[operator]
    with pytest.raises(TypeError):
        vector(1, 4) * vector(1, 4)  # type: ignore[operator]


def test_save_and_load_round_trip(tmp_path):
    v = vector(3, 4) + vector(2, 4, site="blocks.0.in")
    v = Vector(v.rows, positional=True, about={"method": "actadd", "plus": "Löve\n", "minus": ""})
    v.save(tmp_path / "new" / "v.safetensors")
    back = Vector.load(tmp_path / "new" / "v.safetensors")
    assert back == v
    assert back.about == v.about
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["v.safetensors"]


def test_about_follows_only_what_stays_true():
    v = Vector({"a.in": torch.ones(4)}, about={"plus": "x"})
    assert (2 * v).about == v.unit().about == {"plus": "x"}
    assert (-v).about == (-2 * v).about == (v + v).about == {}


def test_wrong_files_are_one_line_errors(tmp_path):
    broken, other, cut = tmp_path / "broken", tmp_path / "other", tmp_path / "cut"
    broken.write_bytes(b"not safetensors at all")
    save_file({"x": torch.ones(2)}, other)
    vector(3, 4).save(cut)
    cut.write_bytes(cut.read_bytes()[:-5])
    for path, message in [
        (broken, "no steering"),
        (other, "no steering"),
        (cut, "no steering"),
        ("no", "no file"),
    ]:
        with pytest.raises(GlassbookError, match=message) as caught:
            Vector.load(path)
        assert "\n" not in str(caught.value)
