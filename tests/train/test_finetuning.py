"""Fine-tuning on conversations: files with faults, rows of whole ones, all weights or adapters, resuming."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_models import TOKENIZER

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.nets.chat import as_chat_model
from glassbook.train.finetuning import fill_rows, finetune, pack_rows, read_conversations

CONTEXT = 64


def chat_model():
    torch.manual_seed(0)
    model = LM(LMConfig(len(TOKENIZER), d_model=32, n_layers=2, n_heads=2, n_kv_heads=2, d_hidden=48, context=CONTEXT))
    return as_chat_model(LanguageModel(model.eval(), TOKENIZER, "tiny"))


def talk(question="who", answer="the cat"):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def written(path, *lines):
    file = path / "talks.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return file


TALKS = [talk("who sat", "the cat sat"), talk("who ran", "the dog ran"), talk("where", "over the hill")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: this is no JSON"),
        ("[]", "line 2: this is no conversation; it looks like"),
        ({"messages": "hello"}, "line 2: this is no conversation"),
        ({"messages": []}, "line 2: there is no message"),
        ({"messages": talk()["messages"] * 2 + talk()["messages"][:1]}, "line 2: the last message is of the user"),
        ({"messages": talk()["messages"][::-1]}, "line 2: message 1 is of 'assistant'"),
        ({"messages": [*talk()["messages"], talk()["messages"][1]]}, "line 2: message 3 is of 'assistant'"),
        (talk(answer=""), "line 2: message 2, of the assistant, is empty"),
        (talk(answer="cat " * 80), rf"line 2: the conversation has \d+ tokens.*sees {CONTEXT} at once"),
        (talk(answer="<|end|>"), "line 2: message 2 holds '<|end|>'"),
    ],
)
def test_faults_name_the_file_and_the_line(tmp_path, line, said):
    file = written(tmp_path, talk(), line)
    with pytest.raises(GlassbookError, match=r"talks\.jsonl, " + said.replace("<|end|>", r"<\|end\|>")):
        read_conversations(chat_model(), file)


def test_files_without_conversations_or_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(GlassbookError, match="holds no conversation"):
        read_conversations(chat_model(), written(tmp_path, "", "  "))
    with pytest.raises(GlassbookError, match="cannot be read"):
        read_conversations(chat_model(), tmp_path / "none.jsonl")
    with pytest.raises(GlassbookError, match="no chat template"):
        read_conversations(replace(chat_model(), tokenizer=TOKENIZER), written(tmp_path, talk()))


def test_rows_hold_whole_conversations_only():
    talks = [([7] * n, [0] + [1] * (n - 1)) for n in (5, 4, 6, 3, 9, 1)]
    batch = fill_rows(iter(talks), rows=2, length=10, pad=0)
    assert batch["input_ids"].tolist() == [[7] * 10, [7] * 9 + [0]]  # the one of 9 is passed over
    assert batch["loss_mask"][0].tolist() == [0, 1, 1, 1, 1, 0, 1, 1, 1, 0]
    whole = pack_rows(iter(talks), length=10, pad=0)
    assert (whole["input_ids"] == 7).sum() == sum(len(ids) for ids, _ in talks)
    assert len(whole["input_ids"]) == 3


@pytest.mark.parametrize("rank", [None, 4])
def test_it_learns_what_it_is_told(tmp_path, rank):
    lm, losses = chat_model(), []
    talks = read_conversations(lm, written(tmp_path, *TALKS))
    tuned = finetune(
        lm, talks, epochs=60, lr=2e-2, rank=rank, new_tokens=True, seen=lambda done, steps, loss: losses.append(loss)
    )
    assert len(losses) == 60
    assert losses[-1] < 0.5 * losses[0]
    assert not tuned.model.training
    assert all(p.requires_grad for p in tuned.model.parameters())


class Stop(Exception):
    """The machine goes down."""


@pytest.mark.parametrize("rank", [None, 4])
def test_a_resumed_training_ends_bit_for_bit_where_an_unbroken_one_does(tmp_path, rank):
    start = chat_model()
    talks = read_conversations(start, written(tmp_path, *TALKS))

    def run(folder, stop=None, resume=False):
        def seen(done, steps, loss):
            if done == stop:
                raise Stop

        lm = replace(start, model=copy.deepcopy(start.model))
        settings: dict[str, Any] = {"epochs": 12, "lr": 1e-2, "rank": rank, "new_tokens": True, "seen": seen}
        settings |= {"checkpoint": tmp_path / folder, "checkpoint_every": 3, "resume": resume}
        return lm, lambda: finetune(lm, talks, **settings).model.state_dict()

    whole = run("whole")[1]()
    lm, broken = run("parts", stop=8)
    with pytest.raises(Stop):
        broken()
    if rank:
        assert all(torch.equal(a, b) for a, b in zip(lm.model.parameters(), start.model.parameters(), strict=True))
    parts = run("parts", resume=True)[1]()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize("bad", [{"epochs": 0}, {"batch_size": 0}, {"rank": 99}])
def test_settings_that_cannot_work_are_refused(tmp_path, bad):
    lm = chat_model()
    talks = read_conversations(lm, written(tmp_path, *TALKS))
    with pytest.raises(GlassbookError, match=r"must be at least 1|rank 99"):
        finetune(lm, talks, **{"epochs": 1, "lr": 1e-3, **bad})
