"""The extension points: the manual describes every one, and its examples, installed as a package, work."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import glassbook
from glassbook import experiments, extensions
from glassbook.data import registry
from glassbook.errors import GlassbookError
from glassbook.notebook import LiveBlock, Notebook
from glassbook.notebook.importing import plan

HOME = Path(glassbook.__file__).parent
MANUAL = (HOME / "assets/starter/pages/manual/extending-glassbook.md").read_text()


def examples() -> dict[str, tuple[str, dict[str, str]]]:
    """Group -> (Python of the manual, its entries); the Python stands before the entries that name it."""
    found = {}
    for python, toml in re.findall(r"```python\n(.*?)```.*?```toml\n(.*?)```", MANUAL, re.DOTALL):
        for group, entries in tomllib.loads(toml)["project"]["entry-points"].items():
            found[group] = (python, entries)
    return found


@pytest.mark.parametrize("group", extensions.GROUPS)
def test_the_manual_has_an_example_of_every_group(group):
    python, entries = examples()[group]
    [object_] = entries.values()
    defined = {node.name for node in ast.parse(python).body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    targets = {t.id for node in ast.parse(python).body if isinstance(node, ast.Assign) for t in node.targets}
    assert object_.partition(":")[2] in defined | targets


def test_nothing_else_looks_into_entry_points():
    said = [path for path in HOME.rglob("*.py") if re.search(r"\bentry_points\b", path.read_text())]
    assert said == [HOME / "extensions.py"]
    assert set(re.findall(r"glassbook\.[a-z]+(?=\")", MANUAL)) == set(extensions.GROUPS)


def install(site: Path, package: str, groups: dict[str, dict[str, str]], modules: dict[str, str]) -> None:
    """A distribution as pip leaves it: modules and a dist-info folder."""
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{n} = {o}\n" for n, o in entries.items()) for group, entries in groups.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    for name, text in modules.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages that this process and its children see; what they import is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    yield tmp_path / "site"
    for name in set(sys.modules) - before:
        if name.startswith(("my_package", "broken")):
            del sys.modules[name]
    extensions._installed.cache_clear()


@pytest.fixture
def mine(site):
    """The manual's examples, installed."""
    modules = {"my_package/__init__.py": ""}
    for python, entries in examples().values():
        for place in entries.values():
            modules[place.partition(":")[0].replace(".", "/") + ".py"] = python
    install(site, "my-package", {group: entries for group, (_, entries) in examples().items()}, modules)
    return site


@pytest.fixture
def broken(mine):
    """A package beside it whose entries are all broken, each in its way."""
    gone = {group: {"zz-gone": "broken_gone:thing", ".zzz": "broken_gone:thing"} for group in extensions.GROUPS}
    gone["glassbook.experiments"] |= {"zz-none": "broken_kinds:nothing", "zz-alias": "my_package.coin:CoinEntropy"}
    gone["glassbook.blocks"] |= {"zz-raises": "broken_kinds:raises", "zz-none": "broken_kinds:nothing"}
    gone["glassbook.models"] |= {"aa-raises": "broken_kinds:raises"}
    text = "nothing = 7\n\n\ndef raises(*args):\n    raise KeyError('x')\n"
    install(mine, "broken", gone, {"broken_gone.py": "import not_there\n", "broken_kinds.py": text})
    return mine


@pytest.fixture
def nb(tmp_path):
    notebook = Notebook.create(tmp_path / "nb")
    yield notebook
    notebook.close()


def test_an_experiment_of_another_package_runs(mine, nb):
    done = subprocess.run(
        [sys.executable, "-m", "glassbook", "run", "coin-entropy", "--tosses", "1000", "--notebook", str(nb.folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    [run] = nb.runs("coin-entropy")
    assert run.results["error"] < 0.5
    assert "coin-entropy" in experiments.names()


def show(nb: Notebook, kind: str, **data: object) -> str:
    from glassbook.web.render.blocks import show_block
    from glassbook.web.services import Services

    return str(show_block(Services.of(nb), LiveBlock(kind, data, 1)))


def test_a_block_of_another_package_shows_in_a_page(mine, nb):
    assert show(nb, "run-count", experiment="<b>") == "<p>&lt;b&gt; has 0 runs.</p>"
    assert "this block needs" in show(nb, "run-count")


def test_an_importer_of_another_package_reads_its_files(mine, nb, tmp_path):
    file = tmp_path / "water.xyz"
    file.write_text("3\nWater\nO 0 0 0.12\nH 0 0.76 -0.48\nH 0 -0.76 -0.48\n")
    made = plan(file)
    assert made.apply(nb).made == ["notes/water.md"]
    assert nb.index.resolve("Water") == "water"
    assert sorted([*made.pages[0].lines, *(item.line for item in made.left_out)]) == [1, 2, 3, 4, 5]
    assert made.apply(nb).same == ["notes/water.md"]
    file.write_text("water\n")
    with pytest.raises(GlassbookError, match="number of atoms"):
        plan(file)


def test_a_loader_of_another_package_opens_its_models(mine, tmp_path):
    from glassbook.nets import open_model

    file = tmp_path / "small.toy"
    file.write_text(
        '{"vocab": 300, "d_model": 8, "n_layers": 1, "n_heads": 1, "n_kv_heads": 1, "d_hidden": 8, "context": 16}'
    )
    lm = open_model(file)
    assert (lm.vocab, lm.context, lm.tokenizer, lm.name) == (300, 16, None, str(file))
    assert len(open_model(file, tokenizer="bytes").encode("ab")) >= 2
    other = tmp_path / "small.other"
    other.write_text("{}")
    with pytest.raises(GlassbookError, match=r"no llama2.c \.bin"):
        open_model(other)


def test_a_dataset_of_another_package_resolves(mine, tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSBOOK_DATA", str(tmp_path / "data"))
    assert "greeting" in registry.names()
    file = tmp_path / "data/greeting/hello.txt"
    file.parent.mkdir(parents=True)
    file.write_text("hello")
    assert registry.find("greeting").paths() == {"hello.txt": file}


def test_a_broken_entry_names_its_package_and_hides_nothing(broken, nb, tmp_path):
    kinds, problems = experiments.working()
    assert "coin-entropy" in kinds
    assert "superposition" in kinds
    assert sorted(problems) == [".zzz", "zz-alias", "zz-gone", "zz-none"]
    for problem in problems.values():
        assert "the package broken" in problem
        assert "\n" not in problem
    assert "calls itself 'coin-entropy'" in problems["zz-alias"]
    with pytest.raises(GlassbookError, match="package broken cannot be loaded"):
        experiments.find("zz-gone")
    assert "package broken cannot be loaded (ModuleNotFoundError" in show(nb, "zz-gone")
    assert "package broken failed (KeyError" in show(nb, "zz-raises")
    assert "cannot be called" in show(nb, "zz-none")
    assert "has 0 runs" in show(nb, "run-count", experiment="x")
    (tmp_path / "a.zzz").write_text("x\n")
    with pytest.raises(GlassbookError, match="package broken cannot be loaded"):
        plan(tmp_path / "a.zzz")
    with pytest.raises(GlassbookError, match="package broken"):
        registry.find("zz-gone")


def test_a_broken_loader_hides_no_other(broken, tmp_path):
    from glassbook.nets import open_model

    (tmp_path / "x.other").write_text("{}")
    with pytest.raises(GlassbookError) as told:
        open_model(tmp_path / "x.other")
    assert "no llama2.c .bin" in str(told.value)
    assert "package broken failed (KeyError: 'x')" in str(told.value)
    assert "\n" not in str(told.value)
    (tmp_path / "x.toy").write_text(
        '{"vocab": 9, "d_model": 2, "n_layers": 1, "n_heads": 1, "n_kv_heads": 1, "d_hidden": 8, "context": 16}'
    )
    assert open_model(tmp_path / "x.toy").vocab == 9


def test_the_web_and_the_command_line_live_with_a_broken_package(broken, nb):
    from starlette.testclient import TestClient

    from glassbook.web.app import create_app

    reader = TestClient(create_app(nb, work=False), base_url="http://127.0.0.1", follow_redirects=False)
    for address in (
        "/",
        "/experiments",
        "/claims",
        "/glossary",
        "/runs",
        "/runs?experiment=zz-gone",
        "/x/superposition",
    ):
        assert reader.get(address).status_code == 200, address
    assert "package broken cannot be loaded" in reader.get("/experiments").text
    assert set(reader.get("/api/v1/experiments").json()["broken"]) == {".zzz", "zz-alias", "zz-gone", "zz-none"}
    told = reader.get("/x/zz-gone")
    assert told.status_code == 404
    assert "package broken" in told.text
    done = subprocess.run(
        [sys.executable, "-m", "glassbook", "claims", "--notebook", str(nb.folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("package broken") == 4


def test_a_name_in_two_packages_is_refused_and_our_own_is_never_taken(mine):
    install(mine, "other", {"glassbook.experiments": {"coin-entropy": "x:y", "superposition": "x:y"}}, {})
    extensions._installed.cache_clear()
    with pytest.raises(GlassbookError, match="two packages, my-package and other"):
        experiments.find("coin-entropy")
    assert experiments.find("superposition").__module__ == "glassbook.experiments.features.superposition"


def test_listing_imports_nothing_heavy():
    code = (
        "import sys\nfrom glassbook import extensions\nfrom glassbook.data import registry\n"
        "[extensions.entries(group) for group in extensions.GROUPS]\nregistry.names()\n"
        "print([m for m in ('torch', 'numpy', 'glassbook.experiments.features.superposition') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
