"""The wheel: built once from the sources as they are, it has the jar, the types' mark and the command."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.paths import JAR, REPOSITORY

import spark_lineage


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built from a copy, so that nothing is left in the sources."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.cfg", "LICENSE", "README.md"):
        (copy / name).write_bytes((REPOSITORY / name).read_bytes())
    subprocess.run(["cp", "-r", str(REPOSITORY / "spark_lineage"), str(copy)], check=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(out),
        str(copy),
    ]
    subprocess.run(command, check=True)
    (built,) = out.glob("*.whl")
    return built


def test_what_the_wheel_holds(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("spark_lineage/jars/spark-lineage-bridge.jar") == JAR.read_bytes()
        (info,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        assert archive.read(f"{info}/entry_points.txt").decode().split() == [
            "[console_scripts]", "spark-lineage", "=", "spark_lineage.show.cli:main",
            "[pytest11]", "spark_lineage.pytest_plugin", "=", "spark_lineage.pytest_plugin",
        ]  # fmt: skip
        metadata = archive.read(f"{info}/METADATA").decode()
    assert "spark_lineage/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert f"\nVersion: {spark_lineage.__version__}\n" in metadata
    assert "\nRequires-Python: >=3.10\n" in metadata
    sources = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "spark_lineage").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources


@pytest.mark.smoke35
def test_package_and_bridge_have_one_version():
    pom = (REPOSITORY / "jvm_bridge" / "pom.xml").read_text(encoding="utf-8")
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r"<version>(.*?)</version>", pom)[1] == spark_lineage.__version__
    assert re.search(r'^version = "(.*)"$', project, re.MULTILINE)[1] == spark_lineage.__version__


def test_the_installed_package_starts_from_the_wheel(wheel, tmp_path):
    """Unpacked alone, beside this environment's dependencies, the package finds its jar."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-m", "spark_lineage", "jar"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path / 'spark_lineage' / 'jars' / 'spark-lineage-bridge.jar'}\n"
