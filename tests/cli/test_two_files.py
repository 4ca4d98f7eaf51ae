"""`glassbook two-files`: the files run by themselves, and what is wrong is one line with nothing written."""

import subprocess
import sys

import pytest
import torch

from glassbook.nets import LM, LanguageModel, LMConfig, open_language_model, save_model


def test_the_files_write_what_the_model_writes(glassbook, tmp_path):
    for options in ([], ["--for-c"]):
        said = glassbook("two-files", "builtin", tmp_path / "new", *options)
        assert "model.bin" in said.out
        assert "next: cd" in said.out
        command = [sys.executable, "-I", "run.py", "model.bin", "-i", "One day", "-n", "12"]
        done = subprocess.run(command, cwd=tmp_path / "new", capture_output=True, text=True, check=True)
        assert done.stdout == f"One day{open_language_model('builtin').generate('One day', tokens=12)[0]}\n"


def test_sizes_as_json(glassbook, tmp_path):
    plain, q8 = (glassbook("two-files", "builtin", tmp_path, "--json", *o).data()["bytes"] for o in ([], ["--q8"]))
    assert list(plain) == ["model.bin", "tokenizer.bin", "run.py"]
    assert q8["model.bin"] < 0.27 * plain["model.bin"]
    assert q8 == {path.name: path.stat().st_size for path in tmp_path.iterdir()}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Llama with a rotary base that is no root of llama2.c's, and no tokenizer."""
    folder = tmp_path_factory.mktemp("bare")
    torch.manual_seed(0)
    model = LM(LMConfig(259, 32, 1, 2, 2, 48, 64, rope_theta=1e5)).eval()
    save_model(LanguageModel(model, None, "bare"), folder)
    return folder


@pytest.mark.parametrize(
    ("options", "says"),
    [([], "--tokenizer"), (["--tokenizer", "bytes", "--for-c"], "rope_theta"), (["--dtype", "int8"], "dtype")],
)
def test_what_cannot_be_written_is_one_line(glassbook, bare, tmp_path, options, says):
    done = glassbook("two-files", bare, tmp_path / "new", *options)
    assert done.code == 2
    assert says in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_places_and_models_that_cannot_be(glassbook, tmp_path):
    (tmp_path / "file").write_text("mine")
    for words in (
        ["builtin", tmp_path / "file"],
        ["builtin-vae", tmp_path / "new"],
        [tmp_path / "none", tmp_path / "new"],
    ):
        done = glassbook("two-files", *words)
        assert done.code == 2
        assert done.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"
