"""Jobs in the browser: asked for, watched, stopped, taken up again; one goes all the way with a real supervisor."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from evidence_book import EVIL, assert_harmless, open_app, toy_run

from glassbook.experiments import code_root, find, settings
from glassbook.jobs.queue import JobQueue
from glassbook.jobs.supervisor import Supervisor


def test_a_job_is_asked_for(reader):
    answer = reader.post("/api/v1/jobs", json={"experiment": "superposition", "values": {"hidden": "7"}, "seed": 3})
    assert answer.status_code == 201
    job = answer.json()["job"]
    assert (job["experiment"], job["seed"], job["state"], job["run"]) == ("superposition", 3, "queued", None)
    told = reader.get(f"/api/v1/jobs/{job['id']}").json()
    assert told["place"] == 1
    page = reader.get(f"/jobs/{job['id']}")
    assert page.status_code == 200
    assert "glassbook run superposition --seed=3 --hidden=7" in page.text
    assert [job["place"] for job in reader.get("/api/v1/jobs").json()["jobs"]] == [1]
    assert reader.get("/jobs").status_code == 200
    same = reader.post("/api/v1/jobs", json={"experiment": "superposition", "values": {"hidden": 7}, "seed": 3})
    assert same.json()["job"]["id"] == job["id"]


def finished(nb, seed: int, **changed):
    """A run of superposition as the form asks for it, with a model that it used."""
    kind = find("superposition")
    work = replace(kind(), **changed)
    with nb.start_run(work.name, settings(work), seed, list(kind.claims), code=code_root(kind)) as run:
        run.uses("model", "toy", path=nb.folder / "model.bin")
        run.result(represented_dense=4.0)
    return run


def test_what_was_run_already_is_answered_by_its_run(nb, reader):
    (nb.folder / "model.bin").write_bytes(b"weights")
    run = finished(nb, 3, hidden=7)
    body = {"experiment": "superposition", "values": {"hidden": "7"}, "seed": 3}
    answer = reader.post("/api/v1/jobs", json=body)
    assert answer.status_code == 200
    assert (answer.json()["job"], answer.json()["run"]) == (None, run.id)
    assert "the same today" in answer.json()["why"]
    [used] = reader.get(f"/api/v1/runs/{run.id}").json()["uses"]
    assert (used["kind"], used["name"]) == ("model", "toy")
    assert used["digest"]
    assert JobQueue(nb.folder).jobs() == []
    for other in ({"seed": 4}, {"values": {"hidden": "8"}}, {"again": True}):
        assert reader.post("/api/v1/jobs", json={**body, **other}).json()["job"]["state"] == "queued"
    # asked for again while it waits, it is still one job
    first, second = (reader.post("/api/v1/jobs", json={**body, "again": True}).json()["job"]["id"] for _ in range(2))
    assert first == second


def test_what_was_run_with_another_model_or_code_is_no_answer(nb, reader, monkeypatch):
    (nb.folder / "model.bin").write_bytes(b"weights")
    finished(nb, 0)
    body = {"experiment": "superposition"}
    assert reader.post("/api/v1/jobs", json=body).json()["job"] is None
    (nb.folder / "model.bin").write_bytes(b"other weights")
    job = reader.post("/api/v1/jobs", json=body).json()["job"]
    assert job["state"] == "queued"
    (nb.folder / "model.bin").write_bytes(b"weights")
    assert reader.post("/api/v1/jobs", json=body).json()["job"] is None
    monkeypatch.setattr("glassbook.notebook.runs.freshness.code_digest", lambda module: "changed")
    assert reader.post("/api/v1/jobs", json=body).json()["job"]["id"] != job["id"]


def test_a_run_that_did_not_finish_is_no_answer(nb, reader):
    kind = find("superposition")
    with pytest.raises(KeyboardInterrupt), nb.start_run(kind.name, settings(kind()), 0, code=code_root(kind)):
        raise KeyboardInterrupt
    assert reader.post("/api/v1/jobs", json={"experiment": "superposition"}).json()["job"]["state"] == "queued"


@pytest.mark.parametrize("gpus", [(), ("GPU-a", "GPU-b")])
def test_graphics_processors_are_offered_where_there_are_any(nb, gpus):
    reader = open_app(nb)
    known = reader.app.state.services
    assert "data-gpus" not in reader.get("/x/superposition").text  # nobody works here
    known.supervisor = Supervisor(known.jobs, nb, gpus=gpus)
    assert ('data-gpus="2"' in reader.get("/x/superposition").text) == bool(gpus)
    job = reader.post("/api/v1/jobs", json={"experiment": "superposition", "gpus": 1}).json()["job"]
    assert JobQueue(nb.folder).job(job["id"]).gpus == 1


def test_quick_settings_fill_what_is_left_out(nb, reader):
    body = {"experiment": "superposition", "quick": True, "values": {"toy_steps": 3}}
    job = reader.post("/api/v1/jobs", json=body).json()["job"]
    queued = JobQueue(nb.folder).job(job["id"])
    assert (queued.settings["toy_steps"], queued.settings["instances"]) == (3, 2)
    assert "--toy-steps=3" in queued.command
    assert "--instances=2" in queued.command


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"hidden": "many"}, "hidden"),
        ({"hidden": None}, "hidden"),
        ({"hidden": 1.5}, "hidden"),
        ({"hiden": 1}, "hiden"),
        ({"densities": "a, b"}, "densities"),
        ({"lr": [1]}, "lr"),
    ],
)
def test_a_value_that_does_not_fit_is_named(nb, reader, values, field):
    answer = reader.post("/api/v1/jobs", json={"experiment": "superposition", "values": values})
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert list(answer.json()["fields"]) == [field]
    assert JobQueue(nb.folder).jobs() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"experiment": "nobody"}, 400),
        ({}, 422),
        ({"experiment": "superposition", "seed": -1}, 422),
        ({"experiment": "superposition", "seed": 10**30}, 422),
        ({"experiment": "superposition", "seed": "x"}, 422),
        ({"experiment": "superposition", "argv": ["--notebook=/"]}, 422),
        ({"experiment": "superposition", "values": {"hidden": {"a": 1}}}, 422),
        ({"experiment": "--help"}, 400),
    ],
)
def test_what_cannot_be_run_is_refused(nb, reader, body, status):
    answer = reader.post("/api/v1/jobs", json=body)
    assert answer.status_code == status
    assert "error" in answer.json()
    assert JobQueue(nb.folder).jobs() == []


def test_only_the_notebooks_own_pages_start_work(nb, reader):
    body = {"experiment": "superposition"}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert reader.post("/api/v1/jobs", json=body, headers=headers).status_code == 403
    assert JobQueue(nb.folder).jobs() == []


def test_a_job_is_cancelled_and_taken_up_again(nb, reader):
    job = reader.post("/api/v1/jobs", json={"experiment": "superposition"}).json()["job"]
    assert reader.post(f"/api/v1/jobs/{job['id']}/again").status_code == 400
    assert reader.post(f"/api/v1/jobs/{job['id']}/cancel").json()["job"]["state"] == "cancelled"
    page = reader.get(f"/jobs/{job['id']}").text
    assert 'data-act="again"' in page
    assert reader.post(f"/api/v1/jobs/{job['id']}/again").json()["job"]["state"] == "queued"
    assert reader.get(f"/api/v1/jobs/{job['id']}").json()["attempt"] == 2


@pytest.mark.parametrize("ident", ["0", "99", "-1", "x", "1e3", "99999999999999999999", "..", "%00", "1%2f..%2f2"])
def test_a_job_that_is_not_there(reader, ident):
    for address in (f"/jobs/{ident}", f"/api/v1/jobs/{ident}", f"/api/v1/jobs/{ident}/log"):
        assert reader.get(address).status_code in (404, 422) or ident == ".."
    assert reader.post(f"/api/v1/jobs/{ident}/cancel").status_code in (400, 404, 405, 422)


def test_the_log_is_read_on_from_where_it_was(nb, reader):
    job = reader.post("/api/v1/jobs", json={"experiment": "superposition"}).json()["job"]
    address = f"/api/v1/jobs/{job['id']}/log"
    assert reader.get(address).json() == {"text": "", "next": 0, "size": 0, "over": False}
    log = JobQueue(nb.folder).job(job["id"]).log
    log.parent.mkdir(exist_ok=True)
    log.write_bytes("erste Zeile: äöü\n".encode() + b"\xe2\x82")  # a character cut in two
    first = reader.get(address).json()
    assert first["text"] == "erste Zeile: äöü\n"
    with open(log, "ab") as file:
        file.write(b"\xac\n")
    then = reader.get(address, params={"after": first["next"]}).json()
    assert then["text"] == "€\n"
    assert then["next"] == then["size"] == log.stat().st_size
    log.write_bytes(b"x" * 200_000 + b"end")
    assert reader.get(address, params={"after": -1}).json()["text"].endswith("xend")
    assert len(reader.get(address).json()["text"]) == 64 * 1024
    assert reader.get(address, params={"after": 10**12}).json()["text"] == ""
    assert reader.get(address, params={"after": -2}).status_code == 422


def test_texts_of_jobs_stay_texts(nb, reader):
    queue = JobQueue(nb.folder)
    job = queue.add(EVIL, {EVIL: EVIL}, command=EVIL)
    queue.claim_next("somebody")
    queue.link(job.id, toy_run(nb).id)
    queue.done(job.id, "failed", 1, EVIL)
    for address in ("/jobs", f"/jobs/{job.id}"):
        page = reader.get(address)
        assert page.status_code == 200
        assert_harmless(page.text)


def test_a_job_whose_run_is_gone_is_still_shown(nb, reader):
    queue = JobQueue(nb.folder)
    job = queue.add("toy")
    queue.claim_next("somebody")
    queue.link(job.id, "20200101-000000-000000-aaaa")
    assert reader.get(f"/jobs/{job.id}").status_code == 200
    assert reader.get("/jobs").status_code == 200


def test_from_the_form_to_the_verdict(nb):
    """A job with quick settings, worked off by a real supervisor while its page is watched."""
    tiny = {"experiment": "superposition", "quick": True, "values": {"toy_steps": 20, "steps": 5}}
    with open_app(nb, work=True) as reader:
        job = reader.post("/api/v1/jobs", json=tiny).json()["job"]["id"]
        deadline = time.monotonic() + 120
        while (told := reader.get(f"/api/v1/jobs/{job}").json())["state"] in ("queued", "running"):
            assert reader.get(f"/jobs/{job}").status_code == 200
            assert time.monotonic() < deadline, reader.get(f"/api/v1/jobs/{job}/log").json()["text"]
            time.sleep(0.5)
        log = reader.get(f"/api/v1/jobs/{job}/log").json()
        assert told["state"] == "finished", log["text"]
        assert log["over"]
        run = reader.get(f"/api/v1/runs/{told['run']}").json()
        assert run["config"]["toy_steps"] == 20
        assert "mmcs" in run["results"]
        page = reader.get(f"/jobs/{job}").text
        assert f"/api/v1/runs/{told['run']}/charts/superposition" in page
        assert "Verdicts" in page
        assert f"job {job}" in reader.get(f"/runs/{told['run']}").text
        assert reader.get("/runs?status=finished&experiment=superposition").text.count(told["run"]) == 2
