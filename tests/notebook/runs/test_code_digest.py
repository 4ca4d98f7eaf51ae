"""A digest of code changes with what the code does, and with nothing else."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

import pytest

from glassbook.experiments import code_root, find, names
from glassbook.notebook.runs import code_digest as module
from glassbook.notebook.runs.code_digest import code_digest

ROOT = "acme_lab.work:Work"
FILES = {
    "__init__.py": "",
    "work.py": '''
        """An experiment."""
        from __future__ import annotations

        import math
        from typing import TYPE_CHECKING

        from glassbook.experiments import experiment
        from acme_lab import tools
        from acme_lab.nets import Net, scale as rescale

        if TYPE_CHECKING:
            from acme_lab.typed import Typed

        WIDTH = 3
        UNUSED = 4

        @experiment(terms=["Entropy"], source="Shannon 1948")
        class Work:
            """Asks something."""

            steps: int = 10
            """How long."""
            claims = ("a claim",)

            @classmethod
            def quick(cls):
                return cls(steps=1)

            def run(self, run: Typed) -> None:
                """Run."""
                from acme_lab.deep.far import Child
                import acme_lab.attributes

                total = WIDTH
                for step in range(self.steps):
                    total += math.sqrt(step)  # grow
                children = [Child(part) for part in range(total)]
                if total < 0:
                    raise ValueError(f"{total} is too small")
                return rescale(Net(), tools.mean(children), acme_lab.attributes.used())
    ''',
    "nets/__init__.py": "from .net import Net\nfrom .net import scale, other\n",
    "nets/net.py": '''
        import numpy as np

        LIMIT = 7

        class Base:
            def forward(self, x):
                return x + 1

        class Net(Base):
            """A network."""

            def width(self):
                return LIMIT

        def scale(net, x, by=2.0):
            """Scale."""
            return np.add(net.forward(x) * by, 1)

        def other():
            return 1
    ''',
    "tools.py": """
        METHODS = {}

        def mean(parts):
            return METHODS["mean"](parts)

        def _mean(parts):
            return sum(parts) / len(parts)

        METHODS["mean"] = _mean

        def unused():
            return 2
    """,
    "deep/__init__.py": "",
    "deep/far.py": """
        from ..base import Parent

        class Child(Parent):
            pass
    """,
    "base.py": """
        class Parent:
            def __init__(self, part):
                self.part = part
    """,
    "lazy/__init__.py": """
        from importlib import import_module
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from acme_lab.lazy.late import late

        def __getattr__(name):
            return getattr(import_module("acme_lab.lazy.late"), name)
    """,
    "lazy/late.py": "def late():\n    return 5\n",
    "attributes.py": "from acme_lab.lazy import late\n\ndef used():\n    return late()\n",
    "typed.py": "class Typed:\n    x = 1\n",
    "apart.py": "y = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch) -> Path:
    folder = tmp_path / "site" / "acme_lab"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


def touch(path: Path, text: str) -> None:
    """Write a file so that its time of change moves, however coarse the clock is."""
    path.write_text(text)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    touch(path, text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("work.py", "  # grow", "  # grow, as said"),
        ("work.py", '"""Run."""', '"""Run the experiment."""'),
        ("work.py", '"""Asks something."""', ""),
        ("work.py", '"""How long."""', '"""For how long."""'),
        ("work.py", "range(total)]", "range(\n            total\n        )]"),
        ("work.py", "total", "amount"),
        ("work.py", "Child(part) for part in", "(Child(one)) for one in"),
        ("work.py", "run: Typed", "run: object"),
        ("work.py", "is too small", "is less than nothing; take more"),
        ("work.py", '"a claim"', '"a new claim", "a claim"'),
        ("work.py", "cls(steps=1)", "cls(steps=2)"),
        ("work.py", "Shannon 1948", "Shannon (1948)"),
        ("work.py", "UNUSED = 4", "UNUSED = 5"),
        ("work.py", "from acme_lab.nets import Net", "from acme_lab.nets.net import Net"),
        ("nets/__init__.py", "scale, other", "other, scale"),
        ("nets/__init__.py", "from .net import Net", "def new():\n    return 3\n\nfrom .net import Net"),
        ("nets/net.py", "def other", "def new():\n    return 3\n\ndef other"),
        ("nets/net.py", "return 1", "return 2"),
        ("nets/net.py", "def scale(net, x, by=2.0)", "def scale(net: Net, x, by: float = 2.0) -> float"),
        ("tools.py", "return 2", "return 3"),
        ("typed.py", "x = 1", "x = 2"),
        ("apart.py", "y = 1", "y = 2"),
        ("apart.py", "y = 1", "def ("),
    ],
)  # fmt: skip
def test_what_does_not_change_the_result_does_not_change_the_digest(package, file, old, new):
    before = code_digest(ROOT)
    edit(package / file, old, new)
    assert code_digest(ROOT) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("work.py", "total += math", "total -= math"),
        ("work.py", "WIDTH = 3", "WIDTH = 4"),
        ("work.py", "math.sqrt", "math.exp"),
        ("work.py", "import math", "import cmath as math"),
        ("work.py", "steps: int = 10", "steps: int = 11"),
        ("work.py", "rescale(Net(), tools", "rescale(None, tools"),
        ("nets/net.py", "LIMIT = 7", "LIMIT = 8"),
        ("nets/net.py", "by=2.0", "by=3.0"),
        ("nets/net.py", "net.forward(x) * by", "net.forward(x) / by"),
        ("nets/net.py", "return x + 1", "return x + 2"),
        ("nets/net.py", "class Net(Base)", "class Net"),
        ("nets/net.py", "def width", "def forward(self, x):\n        return x\n\n    def width"),
        ("nets/net.py", "import numpy as np", "import jax.numpy as np"),
        ("nets/net.py", "LIMIT = 7", 'LIMIT = 7\nnp.seterr("raise")'),
        ("tools.py", "sum(parts) / len(parts)", "max(parts)"),
        ("tools.py", '"mean"] = _mean', '"mean"] = len'),
        ("deep/far.py", "pass", "part = 1"),
        ("base.py", "self.part = part", "self.part = -part"),
        ("lazy/late.py", "return 5", "return 6"),
        ("attributes.py", "late()", "-late()"),
    ],
)
def test_what_may_change_the_result_changes_the_digest(package, file, old, new):
    before = code_digest(ROOT)
    edit(package / file, old, new)
    assert code_digest(ROOT) not in (None, before)


def test_two_locals_are_not_confused(package):
    path = package / "apart.py"
    digests = set()
    for body in ("a = x; b = y; return a - b", "a = x; b = y; return b - a", "a = y; b = x; return a - b"):
        touch(path, f"def f(x, y):\n    {body}\n")
        digests.add(code_digest("acme_lab.apart:f"))
    assert len(digests) == 3
    same = set()
    for text in (
        "def f(x):\n    def m():\n        nonlocal z\n        z = 1\n    z = [q for q in x]\n    m()\n    return z\n",
        "def f(x):\n    def n():\n        nonlocal w\n        w = 1\n    w = [v for v in x]\n    n()\n    return w\n",
    ):
        touch(path, text)
        same.add(code_digest("acme_lab.apart:f"))
    assert len(same) == 1


def test_a_parameter_is_part_of_what_a_function_is(package):
    before = code_digest(ROOT)
    edit(package / "nets/net.py", "by", "factor")
    assert code_digest(ROOT) != before


def test_a_function_may_move_to_another_module(package):
    before = code_digest(ROOT)
    scale = 'def scale(net, x, by=2.0):\n    """Scale."""\n    return np.add(net.forward(x) * by, 1)\n'
    edit(package / "nets/net.py", scale, "")
    (package / "nets/arithmetic.py").write_text(f"import numpy as np\n\n{scale}")
    touch(package / "nets/__init__.py", "from .net import Net, other\nfrom .arithmetic import scale\n")
    assert code_digest(ROOT) == before


def test_a_name_that_comes_to_stand_for_another_definition_counts(package):
    touch(package / "base.py", "def one():\n    return 1\n\ndef two():\n    return 2\n")
    lines = "from acme_lab.base import one as {}, two as {}\n\ndef f():\n    return a() - b()\n"
    touch(package / "apart.py", lines.format("a", "b"))
    before = code_digest("acme_lab.apart:f")
    touch(package / "apart.py", lines.format("b", "a"))
    assert code_digest("acme_lab.apart:f") != before


def test_a_module_counts_whole_where_it_is_passed_on_or_is_the_root(package):
    touch(package / "apart.py", "from acme_lab import tools\n\ndef f():\n    return vars(tools)\n")
    passed_on, root = code_digest("acme_lab.apart:f"), code_digest("acme_lab.tools")
    edit(package / "tools.py", "return 2", "return 3")
    assert code_digest("acme_lab.apart:f") != passed_on
    assert code_digest("acme_lab.tools") != root


def test_code_that_registers_itself_counts(package):
    text = "class Rules(dict):\n    def add(self, f):\n        self[f] = f\n\nrules = Rules()\n\n"
    text += "def register(f):\n    rules.add(f)\n    return f\n\n@register\ndef rule():\n    return 1\n\n"
    touch(package / "apart.py", text + "def f():\n    return list(rules)\n")
    before = code_digest("acme_lab.apart:f")
    edit(package / "apart.py", "return 1", "return 2")
    assert code_digest("acme_lab.apart:f") != before


def test_nothing_is_imported_and_the_notebook_is_left_out(package):
    assert code_digest(ROOT)
    assert "acme_lab" not in sys.modules
    search = module._Search("glassbook.experiments.features.superposition:Superposition")
    assert search.digest()
    reached = {name for name, found in search.modules.items() if found}
    assert "glassbook.measure.matching" in reached
    assert not any(name.startswith(("glassbook.notebook", "torch")) for name in reached)


def test_a_source_is_read_again_only_when_it_has_changed(package):
    code_digest(ROOT)
    misses = module._read.cache_info().misses
    code_digest(ROOT)
    assert module._read.cache_info().misses == misses


@pytest.mark.parametrize(
    "root", ["", "nowhere.at.all", "../etc", "json.nothing", "sys", "acme_lab.work:Nothing", "acme_lab.nothing:Work"]
)
def test_what_has_no_source_has_no_digest(package, root):
    assert code_digest(root) is None


@pytest.mark.parametrize("file", ["work.py", "nets/net.py", "deep/far.py", "nets/__init__.py"])
def test_a_module_that_cannot_be_parsed_changes_the_digest(package, file):
    before = code_digest(ROOT)
    touch(package / file, "def (")
    assert code_digest(ROOT) not in (None, before)


def test_circles_of_imports_end(package):
    touch(package / "base.py", "from acme_lab.apart import Parent\n")
    touch(package / "apart.py", "from acme_lab.base import Parent\n")
    assert code_digest(ROOT)


def test_all_experiments_have_a_digest_soon():
    start = time.process_time()
    digests = [code_digest(code_root(find(name))) for name in names()]
    assert None not in digests
    assert len(set(digests)) == len(digests)
    assert time.process_time() - start < 10  # 1.1 s on the machine that this was written on
