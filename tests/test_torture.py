"""What has passed of the long forms is known by all the code that it was done with: nothing else is left out, and nothing that has not passed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import torture
from support.paths import REPOSITORY
from support.torture import ASKED, INGEST, PROOFS, Passed, parts, report, version

from tests.pipeline.deliveries import FORMS

NAMED = re.compile(r'(?:mark\.torture|Passed)\(\s*"([a-z-]+)"')

LOADED = """
import json, sys
from pathlib import Path
from spark_lineage.pipeline import ingest
from tests.pipeline.deliveries import write_applications

def files():
    found = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "spark_lineage"]
    return sorted(found)

folder = Path(sys.argv[1])
write_applications(folder / "spool")
ingest(folder / "spool", folder / "store")
ingested = files()
import spark_lineage
lineage = spark_lineage.open(store=folder / "store", ingest=False)
for each in (lineage.runs(), lineage.problems(), lineage.table("/1")):
    each.to_dict()
print(json.dumps([ingested, files()]))
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one proof of two sources; what passes is kept beside it."""
    tree = tmp_path / "tree"
    for name in ("code/a.py", "code/deep/b.toml", "test_a.py", "other.py"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(f"# {name}\n", encoding="utf-8")
    monkeypatch.setattr(torture, "REPOSITORY", tree)
    monkeypatch.setattr(torture, "FOLDER", tmp_path / "kept")
    monkeypatch.setattr(torture, "PROOFS", {"one": ("code", "test_*.py"), "two": ("other.py",)})
    return tree


def test_every_long_form_is_a_proof_with_sources() -> None:
    files = [each for each in (REPOSITORY / "tests").rglob("*.py") if each != Path(__file__)]
    named = {name for each in files for name in NAMED.findall(each.read_text(encoding="utf-8"))}
    forms = {f"deliveries-{form}" for form in FORMS if form != "deltalake"}
    assert named | forms == set(PROOFS)
    assert all(re.fullmatch("[0-9a-f]{12}", version(sources)) for sources in PROOFS.values())


def test_what_an_ingest_and_a_question_load_is_in_their_sources(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}"}
    command = [sys.executable, "-c", LOADED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    for files, sources in zip(json.loads(done.stdout), (INGEST, ASKED), strict=True):
        known = {str(each) for source in sources for each in torture._files(source)}
        shown = str(REPOSITORY / "spark_lineage" / "show")
        assert [each for each in files if each not in known and not each.startswith(shown)] == []
        assert len(files) > 60


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda tree: (tree / "code" / "a.py").write_text("# other\n"), True),
        (lambda tree: (tree / "code" / "deep" / "b.toml").write_text("# other\n"), True),
        (lambda tree: (tree / "code" / "a.py").rename(tree / "code" / "c.py"), True),
        (lambda tree: (tree / "code" / "deep" / "c.json").write_text(""), True),
        (lambda tree: (tree / "test_b.py").write_text(""), True),
        (lambda tree: (tree / "code" / "a.py").touch(), False),
        (lambda tree: (tree / "other.py").write_text("# other\n"), False),
        (lambda tree: (tree / "code" / "a.pyc").write_text(""), False),
        (lambda tree: (tree / "code" / "a.jar").write_text(""), False),
    ],
)
def test_another_state_of_the_sources_is_another_version(
    tree: Path, change: Callable[[Path], object], *, counts: bool
) -> None:
    passed = Passed("one")
    passed.note("piece", 2)
    change(tree)
    assert ("piece" in Passed("one")) is not counts
    if counts:
        with pytest.raises(AssertionError, match="the code was changed while next ran"):
            passed.note("next", 2)


@pytest.mark.usefixtures("tree")
def test_a_source_that_is_not_there_is_no_state_of_the_code() -> None:
    with pytest.raises(AssertionError, match="there is no nowhere"):
        version(["code", "nowhere"])


def test_what_has_passed_is_told_for_each_proof_and_spark(tree: Path) -> None:
    assert report() == ["one: nothing has passed with this code", "two: nothing has passed with this code"]
    Passed("one", "4.1.3").note("a", 1.4, kills=2)
    Passed("one", "4.1.3").note("b", 2)
    Passed("one", "3.5.9").note("a", 1, kills=7)
    (tree / "other.py").write_text("# other\n")
    Passed("two", "4.1.3").note("of another state", 1)
    (tree / "other.py").write_text("# one more\n")
    assert report() == [
        "one, Spark 3.5.9: 1 pieces have passed with this code, in 1 s together, kills: 7",
        "one, Spark 4.1.3: 2 pieces have passed with this code, in 3 s together, kills: 2",
        "two: nothing has passed with this code",
    ]
    Passed("one", "4.1.3").forget()
    assert [line.split(":")[0] for line in report()] == ["one, Spark 3.5.9", "two"]


def test_a_range_is_gone_through_in_parts() -> None:
    assert parts(range(1, 8), 3) == [range(1, 4), range(4, 7), range(7, 8)]
    assert parts(range(5, 6), 3) == [range(5, 6)]


CONFTEST = """
from pathlib import Path
from support import torture

pytest_plugins = ["support.pieces"]
torture.REPOSITORY = Path(__file__).parent
torture.FOLDER = torture.REPOSITORY / "kept"
torture.PROOFS = {"one": ("*.py",)}
"""

MARKED = """
import os
import time
import pytest

pytestmark = pytest.mark.torture("one")
BROKEN = "BROKEN" in os.environ

@pytest.fixture(scope="module", params=[0, 1])
def made(request):
    print("made", request.param)
    time.sleep(0.2)
    return request.param

def test_both(made, record_property):
    record_property("stops", 100)

def test_breaks(made):
    assert not (BROKEN and made)

def test_is_left_out():
    if BROKEN:
        pytest.skip("for another reason")
"""


def run_marked(folder: Path, **environment: str) -> tuple[str, dict[str, int], dict[str, dict[str, float]]]:
    """What pytest prints, how many tests ended how, and what is kept then."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("TORTURE", "PYTEST"))}
    usual["PYTHONPATH"] = f"{REPOSITORY}:{REPOSITORY / 'tests'}"
    words = ["-m", "pytest", "-s", "-ra", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    words += ["-W", "ignore::pytest.PytestUnknownMarkWarning"]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, env=usual | environment
    )
    ended = {
        what: int(count) for count, what in re.findall(r"(\d+) (\w+)", done.stdout.strip().splitlines()[-1])
    }
    kept = [json.loads(line) for file in folder.glob("kept/one/*") for line in file.read_text().splitlines()]
    return done.stdout, ended, {each.pop("piece"): each for each in kept}


def test_a_marked_test_that_has_passed_is_left_out_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_marked.py").write_text(MARKED, encoding="utf-8")
    _, ended, kept = run_marked(tmp_path)
    assert (ended["passed"], kept) == (5, {})
    _, ended, kept = run_marked(tmp_path, TORTURE="all", BROKEN="1")
    assert (ended["passed"], ended["failed"], ended["skipped"]) == (3, 1, 1)
    assert sorted(kept) == [
        f"test_marked.py::{name}" for name in ("test_both[0]", "test_both[1]", "test_breaks[0]")
    ]
    # The fixture's seconds are those of the test that was the first to need it.
    first = kept["test_marked.py::test_both[0]"]
    assert first["seconds"] >= 0.2
    assert first["stops"] == 100
    said, ended, kept = run_marked(tmp_path, TORTURE="all")
    assert (ended["passed"], ended["skipped"]) == (2, 3)
    assert "one: has passed with this code, in 0 s" in said
    assert "made 1" in said
    assert "made 0" not in said
    assert len(kept) == 5
    said, ended, _ = run_marked(tmp_path)
    assert ended["passed"] == 5
