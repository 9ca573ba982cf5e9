"""Write `docs/store.md` from the store's tables and the classes of the model.

    python scripts/write_store.py [--check]

`--check` writes nothing and exits 1 if the file is not up to date.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pyarrow as pa
from generated import write_or_check

from spark_lineage.store.schema import SCHEMA_VERSION, TABLES, VERSION_PROPERTY, Table

FILE = Path(__file__).resolve().parent.parent / "docs" / "store.md"

HEAD = f"""\
# The store's tables

Written by `make docs` from `spark_lineage/store/schema.py` and `spark_lineage/model.py`.

A store is a folder of Delta tables (reader version 1, writer version 2) that anything that reads Delta can read. They are
version {SCHEMA_VERSION} of this schema; each has it as its table property `{VERSION_PROPERTY}`.

- Rows are only ever appended. The columns of a key say what is one row: a run has a row for each state that it was seen
  in, a dataset one for each list of aliases that was known of it.
- A time is epoch milliseconds UTC. A dataset is a namespace and a name, as OpenLineage has them.
- What is current is not in a column: a plan counts until one with `overwrites` writes its target again. The commands and
  `spark_lineage.open` follow that; a query of your own sees all that ever was.

Which columns came from `orders.amount` at any time, in Spark SQL:

```sql
SELECT DISTINCT target_name, target_field, subtype, expression
FROM delta.`/my/store/edges`
WHERE source_name LIKE '%/orders' AND source_field = 'amount' AND target_field IS NOT NULL
```
"""  # noqa: S608  # an example for readers, which nothing runs


def main() -> int:
    """Write the file or check it; returns the exit code."""
    return write_or_check(FILE, "\n".join([HEAD, *map(section, TABLES.values())]))


def section(table: Table) -> str:
    """One table as Markdown: what a row is, and its columns; those of the key are bold."""
    columns = [
        f"| {f'**{each.name}**' if each.name in table.key else each.name} | `{type_name(each.type)}` |"
        for each in table.schema
    ]
    what = inspect.cleandoc(table.model.__doc__ or "")
    return "\n".join([f"## {table.name}\n", what, "\n| column | type |\n|---|---|", *columns, ""])


def type_name(kind: pa.DataType) -> str:
    """The type as Spark calls it.

    >>> type_name(pa.list_(pa.struct([("name", pa.string()), ("n", pa.int64())])))
    'array<struct<name: string, n: bigint>>'
    """
    if pa.types.is_list(kind):
        return f"array<{type_name(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{type_name(kind.key_type)}, {type_name(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{each.name}: {type_name(each.type)}' for each in kind)}>"
    return {pa.int64(): "bigint", pa.bool_(): "boolean"}.get(kind, "string")


if __name__ == "__main__":
    sys.exit(main())
