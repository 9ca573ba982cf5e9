"""Write `docs/settings.md` from the table of settings.

    python scripts/write_settings.py [--check]

`--check` writes nothing and exits 1 if the file is not up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from generated import write_or_check

from spark_lineage.settings import SETTINGS, Setting

FILE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

HEAD = """\
# Settings

Written by `make docs` from `spark_lineage/settings.py`.

A setting has one name in three spellings. An argument (of `enable`, `configure`, `open`, or an option of the command line)
wins over the environment, the environment over the file, the file over the default. The file is `spark-lineage.toml` in
the current folder, else in `$XDG_CONFIG_HOME/spark-lineage/`; relative paths in it start at its folder. A Spark job reads
its own configuration, then the environment of its driver; it knows the file only through what `spark-lineage flags`,
`configure` and `enable` hand on. A wrong value and an unknown name are refused; a job that has them in its own configuration
goes on with the default, says so in its log, and the next ingest makes it a problem (`wrong_setting`). Only of
`spark.lineage.enabled` there is no default to go on with: where it is neither true nor false, lineage is off, and the log says so.

```toml
store = "lineage"

[dataset]
path_rules = ["key_value", "date"]
```
"""


def main() -> int:
    """Write the file or check it; returns the exit code."""
    return write_or_check(FILE, "\n".join([HEAD, *map(section, SETTINGS)]))


def section(setting: Setting) -> str:
    """One setting as Markdown."""
    return (
        f"## {setting.toml_name}\n\n{setting.doc}\n\n"
        f"- On a Spark job: `{setting.spark_name}`\n"
        f"- In the environment: `{setting.environment_name}`\n"
        f"- As an argument: `{setting.field}`\n"
        f"- Allowed: {setting.allowed}\n"
        f"- Default: {setting.default}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
