"""The demo as people run it: in a process of its own, on a real Spark, in a folder of its own."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from spark_lineage.demo import runner
from spark_lineage.errors import SettingError

ROOT = Path(__file__).resolve().parents[2]

NEVER_MADE = (
    r"info No write of it that is known here has completed, the last \(OVERWRITE\) failed: what it is made of is not known\. "
    r"At \S.*/lake/finance/refund_shares\. `spark-lineage run [0-9a-f]{8}:\d+` says what that one would have written\."
)
"""What is said of the table that the failing job would have made."""

PROGRESS = """\
  bronze: customers, customer_changes, orders, order_items, payments, products,
  events
  silver: customers, customers (merged), order_lines, payments, products,
  paid_lines (view), visits
  gold: daily_revenue, customer_value, funnel, customer_value (another limit)
jobs/refunds.py, with lineage by a flag on spark-submit:
  finance: refunds_by_reason
  and then it failed, as it should here (exit code 1)
"""

# Read from the jobs: which table each one reads. Row counts are filled in from the raw files.
TABLES = """\
finance/refund_shares  1 run  failed
finance/refunds_by_reason  2 columns, 1 run, 4 rows
├── raw/payments.csv  5 columns, a source
└── raw/refunds.csv  5 columns, a source
gold.customer_value  7 columns, 2 runs, last {customers_that_paid} rows
├── silver.customers  6 columns, 2 runs, last 55 rows
│   ├── bronze.customer_changes  6 columns, 1 run, 55 rows
│   │   └── raw/customer_changes.csv  6 columns, a source
│   └── bronze.customers  6 columns, 1 run, 420 rows
│       └── raw/customers.csv  6 columns, a source
├── silver.order_lines  6 columns, 1 run, {order_lines:,} rows
│   ├── bronze.order_items  6 columns, 1 run, {order_items:,} rows
│   │   └── raw/order_items.csv  6 columns, a source
│   └── bronze.orders  4 columns, 1 run, 1,500 rows
│       └── raw/orders.csv  4 columns, a source
└── silver.payments  5 columns, 1 run, {payments:,} rows
    └── bronze.payments  5 columns, 1 run, {payments:,} rows
        └── raw/payments.csv  5 columns, a source
gold.daily_revenue  4 columns, 1 run, {days_and_categories} rows
├── silver.order_lines  (see above)
├── silver.payments  (see above)
└── silver.products  5 columns, 1 run, 32 rows
    └── bronze.products  5 columns, 1 run, 32 rows
        └── raw/products.json  5 columns, a source
gold.funnel  5 columns, 1 run, 12 rows
├── silver.products  (see above)
└── silver.visits  7 columns, 1 run, 4,000 rows
    └── bronze.events  6 columns, 1 run, 4,000 rows
        └── raw/events.json  6 columns, a source
silver.paid_lines  8 columns, 1 run
├── silver.order_lines  (see above)
└── silver.payments  (see above)
"""

# Read from the SQL of silver.order_lines and gold.daily_revenue.
UPSTREAM = """\
gold.daily_revenue.revenue
sum(amount)
└── silver.order_lines.amount  aggregation
    CAST((((CAST(quantity AS int) * CAST(unit_price AS decimal(10,2))) * (? -
    CAST(discount_percent AS int))) / ?) AS decimal(12,2))
    ├── bronze.order_items.discount_percent  transformation
    │   └── raw/order_items.csv.discount_percent  identity
    ├── bronze.order_items.quantity  transformation
    │   └── raw/order_items.csv.quantity  identity
    └── bronze.order_items.unit_price  transformation
        └── raw/order_items.csv.unit_price  identity

Which rows
  silver.order_lines
    join            bronze.order_items.order_id, bronze.orders.order_id
    filter          bronze.orders.status
  gold.daily_revenue
    join            silver.order_lines.order_id, silver.order_lines.product_id,
                    silver.payments.order_id, silver.products.product_id
    group by        silver.payments.paid_on, silver.products.category
"""

IMPACT = {
    "bronze.order_items  1 hop": ["unit_price"],
    "silver.order_lines  2 hops": ["amount"],
    "silver.paid_lines  3 hops": ["amount  transformation over all hops"],
    "gold.customer_value  3 hops": ["rank_in_country", "spent", "tier"],
    "gold.daily_revenue  3 hops": ["revenue"],
}


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "a shop"


@pytest.fixture(scope="module")
def files_before(home: Path) -> set[Path]:
    """The files that tests before this module left in the tests' home."""
    return {path for path in home.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def told(folder: Path, files_before: set[Path]) -> str:
    """What the demo prints; it runs after `files_before` has looked."""
    assert files_before is not None
    command = [sys.executable, "-m", "spark_lineage", "demo", "--dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), cwd=ROOT)
    logs = [path.read_text(encoding="utf-8", errors="replace")[-4000:] for path in folder.glob("logs/*.log")]
    assert (done.returncode, done.stderr) == (0, ""), "\n".join(logs)
    return done.stdout


def section(told: str, title: str) -> str:
    """The text below a title of the demo."""
    found = re.search(
        rf"^{re.escape(title)} ─+\n\n(.*?)(?=\n[^\n]+ ──+\n|\Z)", told, re.MULTILINE | re.DOTALL
    )
    assert found is not None, told
    return found[1]


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "raw" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counts(folder: Path) -> dict[str, int]:
    """What the SQL of the jobs comes to, counted by hand from the raw files."""
    kept = {row["order_id"]: row for row in rows(folder, "orders") if row["status"] != "cancelled"}
    items = rows(folder, "order_items")
    lines = [item for item in items if item["order_id"] in kept]
    paid_on = {row["order_id"]: row["paid_on"] for row in rows(folder, "payments")}
    products = (folder / "raw" / "products.json").read_text(encoding="utf-8").splitlines()
    category = {product["product_id"]: product["category"] for product in map(json.loads, products)}
    paid_lines = [line for line in lines if line["order_id"] in paid_on]
    return {
        "order_items": len(items),
        "order_lines": len(lines),
        "payments": len(paid_on),
        "customers_that_paid": len({kept[line["order_id"]]["customer_id"] for line in paid_lines}),
        "days_and_categories": len(
            {(paid_on[line["order_id"]], category[line["product_id"]]) for line in paid_lines}
        ),
    }


@pytest.mark.spark
class TestTold:
    def test_progress_is_shown(self, told: str) -> None:
        head = told.partition("\nSpark reported ")[0]
        assert "\n".join(line.rstrip() for line in head.splitlines()).endswith(PROGRESS.rstrip())

    def test_the_tree_of_tables(self, told: str, folder: Path) -> None:
        tree = section(told, "The tables, each above those that it is made of").partition("\nFull names")[0]
        tree, _, problem = tree.partition("\n\n1 problem\n")
        assert f"{tree}\n" == TABLES.format(**counts(folder))
        # The path of the table and the run's id are each demo's own.
        assert re.fullmatch(NEVER_MADE, " ".join(problem.split()))

    def test_the_lineage_back_to_the_file(self, told: str) -> None:
        upstream = section(told, "Where gold.daily_revenue.revenue comes from, back to the file")
        assert upstream.partition("  These columns")[0] == UPSTREAM

    def test_what_would_break(self, told: str) -> None:
        impact = section(told, "What would break if raw/order_items.csv.unit_price changed").partition(
            "\nFull"
        )[0]
        head, *blocks = impact.strip().split("\n\n")
        reached = {
            block.splitlines()[0]: [line[2:] for line in block.splitlines()[1:] if not line.startswith("   ")]
            for block in blocks
        }
        assert head == "raw/order_items.csv.unit_price reaches 5 tables: 7 columns"
        assert reached == IMPACT

    def test_the_run_that_failed(self, told: str) -> None:
        lines = [line.strip() for line in section(told, "The run that failed").splitlines()]
        assert re.fullmatch(
            r"failed         \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  finance/refund_shares  [0-9a-f]{8}:\d+", lines[1]
        )
        assert lines[3] == "[DIVIDE_BY_ZERO] Division by zero. Use"

    def test_the_facts_of_a_run(self, told: str, folder: Path) -> None:
        """Each table is read once, whole, as the version that the job had just made; what comes out is counted by hand."""
        known = counts(folder)
        facts = section(told, "What happened in the run that made gold.daily_revenue")
        head, *parts = facts.split("\n\n")
        by_title = {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}
        lines = head.splitlines()
        assert lines[0] == "gold.daily_revenue  complete"
        assert re.fullmatch(
            r"REPLACE TABLE AS SELECT, in shop: nightly pipeline, \S+, Spark 4\.1\.3", lines[1]
        )
        assert f" s, {known['days_and_categories']} rows, " in lines[2]
        read = re.findall(
            r"^  (\S+)\n    version 0 of .*\n    ([\d,]+) rows, 1 file, ", by_title["Read"], re.MULTILINE
        )
        assert read == [
            ("silver.order_lines", f"{known['order_lines']:,}"),
            ("silver.payments", f"{known['payments']:,}"),
            ("silver.products", "32"),
        ]
        assert by_title["Written"].splitlines()[0] == "  gold.daily_revenue"
        assert "  Not shown: " in by_title["Operators"]
        # Two joins: each of its inputs is a branch, and says which columns it makes of what it scans.
        scans = re.findall(
            r"Scan parquet spark_catalog\.silver\.(\w+)\n\W+([\d,]+) rows", by_title["Operators"]
        )
        assert scans == [
            ("order_lines", f"{known['order_lines']:,}"), ("payments", f"{known['payments']:,}"), ("products", "32"),
        ]  # fmt: skip
        assert "makes day, category, revenue, orders\n" in by_title["Operators"]
        assert re.search(r"One after the other ran the stages [\d, ]+: ", by_title["Stages"])

    def test_what_is_not_as_it_was(self, told: str) -> None:
        """The limit of the gold tier is the first constant of the CASE; nothing else changed in the night."""
        drift = section(told, "What is not as it was").strip()
        head, _, finding = drift.partition("\n\n")
        assert re.fullmatch(r"\d+ writes ran since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: 1 finding", head)
        said = " ".join(line.strip() for line in finding.splitlines())
        assert said.startswith(
            "warning  Constant 1 of 5 in gold.customer_value.tier has another value than before. constant changed,"
        )

    def test_the_three_commands_work(self, told: str, folder: Path) -> None:
        commands = told.splitlines()[-3:]
        done = [
            subprocess.run(
                ["bash", "-c", command],
                capture_output=True,
                text=True,
                check=False,
                env=environment(),
                cwd=ROOT,
            )
            for command in commands
        ]
        assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 3
        place = f" --store {shlex.quote(str(folder / 'store'))}"
        assert [command.partition(place)[0].split()[-2:] for command in commands] == [
            ["table", "gold.customer_value"],
            ["downstream", "raw/customers.csv.country"],
            ["upstream", "gold.funnel"],
        ]
        assert done[0].stdout.startswith("gold.customer_value  exact\n")
        assert json.loads(done[2].stdout)["direction"] == "upstream"

    def test_everything_lies_in_the_folder(
        self, told: str, folder: Path, home: Path, files_before: set[Path]
    ) -> None:
        assert told
        assert {path.name for path in folder.iterdir()} == {
            ".spark-lineage-demo",
            "conf",
            "hash.key",
            "jobs",
            "lake",
            "logs",
            "raw",
            "spool",
            "store",
        }
        assert {path for path in home.rglob("*") if path.is_file()} == files_before

    def test_spark_speaks_into_the_logs(self, told: str, folder: Path) -> None:
        assert "WARN" not in told
        assert "DIVIDE_BY_ZERO" in (folder / "logs" / "refunds.log").read_text(encoding="utf-8")


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("Ten years of work.", encoding="utf-8")
    with pytest.raises(
        SettingError, match=f"^The folder {re.escape(str(tmp_path))} holds something that is not a demo"
    ):
        runner.prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    folder = runner.prepare(tmp_path / "demo")
    (folder.root / "lake").mkdir()
    assert runner.prepare(tmp_path / "demo") == folder
    assert sorted(path.name for path in folder.root.iterdir()) == [
        ".spark-lineage-demo",
        "conf",
        "jobs",
        "logs",
        "raw",
    ]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert (runner.prepare(tmp_path).root / "jobs" / "daily.py").is_file()
