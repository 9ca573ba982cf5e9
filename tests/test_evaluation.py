"""Nothing that is read is evaluated: no code, no pickled object, no shell. Held against the syntax of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from support.paths import REPOSITORY

PACKAGE = REPOSITORY / "spark_lineage"

EVALUATES = {
    "eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec", "importlib.import_module", "runpy.run_path",
    "runpy.run_module", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "yaml.load", "yaml.load_all",
    "yaml.full_load", "yaml.full_load_all", "yaml.unsafe_load", "yaml.unsafe_load_all",
}  # fmt: skip
MODULES = {
    "pickle",
    "_pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "code",
    "codeop",
    "commands",
    "pty",
}
LOADERS = {"Loader", "FullLoader", "UnsafeLoader", "CLoader", "CFullLoader", "CUnsafeLoader"}
"""YAML's that make objects of a file's choice."""

ASKED_FOR = {
    "__init__.py: importlib.import_module": "the package's own modules, by the public name that is asked for",
    "planning/script.py: runpy.run_path": "the script that the user names, for `spark-lineage plan`",
}
"""What evaluates and is meant to: by a name of the package's own, or what the user hands over to be run."""


def dotted(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def evaluating(tree: ast.Module) -> Iterator[str]:
    """What a module calls or imports that evaluates."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name.partition(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module), names=names):
                if module.partition(".")[0] in MODULES:
                    yield module
                yield from (f"{module}.{each.name}" for each in names if f"{module}.{each.name}" in EVALUATES)
            case ast.Call(func=called, keywords=keywords):
                if dotted(called) in EVALUATES:
                    yield dotted(called)
                shell = [each.value for each in keywords if each.arg == "shell"]
                yield from (
                    "shell" for each in shell if not (isinstance(each, ast.Constant) and each.value is False)
                )
            case ast.Attribute(attr=name, value=ast.Name(id="yaml")) if name in LOADERS:
                yield f"yaml.{name}"


def found(package: Path) -> list[str]:
    files = sorted(package.rglob("*.py"))
    assert files
    return [
        f"{file.relative_to(package).as_posix()}: {each}"
        for file in files
        for each in evaluating(ast.parse(file.read_text(encoding="utf-8")))
    ]


def test_nothing_that_is_read_is_evaluated() -> None:
    assert sorted(found(PACKAGE)) == sorted(ASKED_FOR)


def test_the_check_finds_what_evaluates(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "import pickle\nfrom marshal import loads\nfrom os import system\nimport subprocess, yaml\n"
        "eval(text)\nyaml.load(text, Loader=yaml.UnsafeLoader)\nsubprocess.run(words, shell=True)\nsubprocess.run(words, shell=False)\n"
    )
    names = ["pickle", "marshal", "os.system", "eval", "yaml.load", "shell", "yaml.UnsafeLoader"]
    assert sorted(found(tmp_path)) == sorted(f"odd.py: {each}" for each in names)
