"""Files are the old ones or the new ones, never half of either, and nothing is left beside them."""

from pathlib import Path

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook.files import replacing


def test_a_file_is_replaced_when_the_block_is_done(tmp_path: Path):
    file = tmp_path / "model.bin"
    for text in ("one", "two"):
        with replacing(file) as new:
            assert new.parent == tmp_path
            new.write_text(text)
            assert not file.exists() or file.read_text() == "one"
        assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


def test_an_error_leaves_the_old_file(tmp_path: Path):
    file = tmp_path / "model.bin"
    file.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(file) as new:
        raise ZeroDivisionError(new.write_text("half"))
    with pytest.raises(GlassbookError, match="cannot write"), replacing(file):
        raise OSError("disk full")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]
