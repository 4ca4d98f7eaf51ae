"""SmolLM2-135M-Instruct through everything: opened, asked, traced, read by lenses, patched, steered, and toured."""

import subprocess
import sys

import pytest
import torch

from glassbook.circuits import attribute, fit_jacobian_lens, load_jacobian_lens, logit_difference, logit_lens, patch
from glassbook.circuits.task import Task
from glassbook.nets import model_path
from glassbook.nets.chat import chat_prompt
from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.steer import in_norms, mean_difference, random_like, steer
from glassbook.trace import trace
from glassbook.trace.roles import blocks

pytestmark = pytest.mark.real
QUESTION = "What is the capital of France?"
TEXT = "The old lighthouse stood at the end of the pier, and its keeper had not slept for days."


def test_logits_are_those_of_transformers(smollm2):
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(model_path("smollm2"), dtype=torch.float32).eval()
    ids = torch.tensor([smollm2.encode(TEXT)])
    with torch.no_grad():
        ours, other = smollm2.model(input_ids=ids).logits, theirs(input_ids=ids).logits
    assert float((ours - other).abs().max()) < 2e-3
    assert torch.equal(ours.argmax(-1), other.argmax(-1))


def test_it_answers_by_its_template(smollm2):
    said = smollm2.generate(chat_prompt(smollm2, QUESTION), tokens=12)[0]
    assert "Paris" in said


def test_reading_changes_no_bit(smollm2):
    ids = torch.tensor([smollm2.encode(TEXT)])
    with torch.no_grad():
        plain = smollm2.model(input_ids=ids).logits
        with trace(smollm2.model, read="blocks.*.out") as t:
            read = smollm2.model(input_ids=ids).logits
    assert torch.equal(plain, read)
    assert t["blocks.29.out"].shape == (1, ids.shape[1], 576)


def test_the_last_lens_is_the_model_and_a_saved_jacobian_reads_the_same(smollm2, tmp_path):
    batch = smollm2.batch([TEXT])
    names = blocks(smollm2.model)
    with torch.no_grad():
        logits = smollm2.model(**batch).logits
    torch.testing.assert_close(logit_lens(smollm2, batch)[names[-1]], logits, atol=1e-3, rtol=1e-3)
    lens = fit_jacobian_lens(smollm2, [batch, batch], skip=8, projections=4)
    lens.save(tmp_path / "lens.pt")
    again = load_jacobian_lens(smollm2, tmp_path / "lens.pt")
    x = torch.randn(1, 576)
    torch.testing.assert_close(again(names[15], x), lens(names[15], x), atol=0.05, rtol=0.05)


def test_attribution_agrees_with_patching(smollm2):
    clean, corrupt = (smollm2.batch([f"The capital of {c} is the city of"]) for c in ("France", "Italy"))
    right, wrong = (torch.tensor(smollm2.encode(word, bos=False)[:1]) for word in (" Paris", " Rome"))
    task = Task(clean, corrupt, logit_difference(right, wrong))
    sites = [f"{name}.mlp.out" for name in blocks(smollm2.model)]
    exact, fast = patch(smollm2.model, task, sites), attribute(smollm2.model, task, sites)
    assert float(exact.clean) > 0 > float(exact.corrupted)
    assert float(torch.corrcoef(torch.stack([exact.recovered(), fast.recovered()]))[0, 1]) > 0.5


def test_a_direction_changes_the_answer_more_than_a_random_one_of_its_norm(smollm2):
    happy = ["I love this so much!", "What a wonderful, happy day.", "This is the best news ever."]
    sad = ["I hate this so much.", "What a terrible, sad day.", "This is the worst news ever."]
    v = in_norms(smollm2, mean_difference(smollm2, happy, sad, "blocks.14.out"))
    texts = smollm2.batch(["I feel so happy and glad about this lovely day."])

    def likelihood(vector):
        with torch.no_grad(), steer(smollm2, vector, coeff=0.4):
            log_p = smollm2.model(**texts).logits[:, :-1].log_softmax(-1)
        return float(log_p.gather(-1, texts["input_ids"][:, 1:, None]).mean())

    random = random_like(v, torch.Generator().manual_seed(0))
    assert likelihood(v) > max(likelihood(v * -1.0), likelihood(random))


def test_a_tour_of_it_goes_on_after_kill_and_has_feature_pages(tmp_path):
    notes = Notebook.create(tmp_path / "notes")
    command = [sys.executable, "-m", "glassbook", "run", "tour", "--model", "smollm2", "--small", "--seed", "0"]
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=notes.folder, timeout=60, capture_output=True)  # it is killed
    (run,) = notes.runs("tour")
    subprocess.run([*command[:4], "--resume", run.id], cwd=notes.folder, check=True, capture_output=True, timeout=3600)
    run = notes.run(run.id)
    assert run.status == "finished"
    dashboard = FeatureDashboard(run.folder)
    assert dashboard.header["model"] == "smollm2"
    assert any(dashboard.feature(i).density for i in range(8))


def test_it_is_two_files(smollm2, tmp_path):
    import numpy as np

    from glassbook.nets.io import run
    from glassbook.nets.io.two_files import write_two_files

    write_two_files(smollm2, tmp_path)
    model = run.Model(str(tmp_path / "model.bin"))
    tokenizer = run.Tokenizer(str(tmp_path / "tokenizer.bin"), model.vocab)
    prompt = chat_prompt(smollm2, QUESTION)
    awkward = "It's 12,345  tabs\tand\n\n  naïve café 👋 你好 ½ don't<|im_end|><reponame>x \x1c\x00 end  "
    for text in (prompt, TEXT, awkward):
        assert tokenizer.encode(text) == smollm2.encode(text)
    for text in (prompt, TEXT):
        ids = smollm2.encode(text)[:64]
        with torch.no_grad():
            true = smollm2.model(torch.tensor([ids])).logits[0].numpy()
        assert abs(np.stack([model.forward(id, i) for i, id in enumerate(ids)]) - true).max() <= 1e-4
    command = [sys.executable, "-I", "run.py", "model.bin", "-i", prompt, "-n", "12"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{prompt}{smollm2.generate([prompt], tokens=12)[0]}\n"
