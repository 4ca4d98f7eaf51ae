"""`glassbook generate` on a terminal: text as it comes, and Ctrl-C."""

import os
import pty
import signal
import subprocess
import sys

import pytest
from tiny_models import save_slow

PROMPT = "the cat"


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return save_slow(tmp_path_factory.mktemp("slow") / "model")


def read(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode().replace("\r\n", "\n")
    except OSError:  # the other side has gone
        return ""


def test_text_comes_before_the_end_and_ctrl_c_leaves_it_there(slow):
    terminal, end = pty.openpty()
    words = [sys.executable, "-m", "glassbook", "generate", str(slow), PROMPT, "--tokens", "400"]
    process = subprocess.Popen(
        words, stdin=end, stdout=end, stderr=subprocess.PIPE, text=True,
        # In a job of the background Ctrl-C is ignored, and so it would be here.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    os.close(end)
    text = ""
    try:
        while " cat cat" not in text.removeprefix(PROMPT):
            text += (piece := read(terminal))
            assert piece, text
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    while piece := read(terminal):
        text += piece
    os.close(terminal)
    assert process.returncode == 130
    assert err == "interrupted; the text ends here\n"
    assert text.startswith(PROMPT)
    assert text.endswith(" cat\n")
    assert text.count("cat") < 300


@pytest.mark.parametrize("sampling", [[], ["--temperature", "3", "--seed", "4"]])
def test_a_terminal_gets_the_same_text_in_the_end(glassbook, slow, monkeypatch, sampling):
    words = ["generate", slow, PROMPT, "--tokens", "30", *sampling]
    piped = glassbook(*words)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert glassbook(*words).out == piped.out
    assert glassbook(*words, "--json").data()["text"] == piped.out.removesuffix("\n").removeprefix(PROMPT)


def test_a_terminal_gets_an_error_alone(glassbook, slow, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "context" in glassbook("generate", slow, PROMPT, "--tokens", "999").complaint()


def test_a_text_that_is_decoded_anew_is_printed_again(capsys):
    from glassbook.cli.output import GrowingText

    shown = GrowingText()
    shown.grow("one two ")
    shown.grow("one, too")
    shown.end("one, too many")
    assert capsys.readouterr().out == "one two\none, too many\n"
