"""The shop's raw files: the same everywhere, and as the jobs need them."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

from spark_lineage.demo.shop import generate


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    generate(folder)
    return folder


def rows(raw: Path, name: str) -> list[dict[str, str]]:
    with (raw / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_bytes_are_the_same_each_time(raw: Path, tmp_path: Path) -> None:
    generate(tmp_path)
    digests = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in (raw, tmp_path)
    ]
    assert digests[0] == digests[1]


def test_the_counts_are_those_of_the_files(raw: Path, tmp_path: Path) -> None:
    counts = generate(tmp_path)
    assert {name: count for name, count in counts.items() if name.endswith(".csv")} == {
        f"{name}.csv": len(rows(raw, name))
        for name in ("customers", "customer_changes", "orders", "order_items", "payments", "refunds")
    }
    assert {name: count for name, count in counts.items() if name.endswith(".json")} == {
        name: len((raw / name).read_text(encoding="utf-8").splitlines())
        for name in ("products.json", "events.json")
    }
    assert 5_000 < sum(counts.values()) < 20_000


def test_what_refers_to_something_finds_it(raw: Path) -> None:
    customers = {row["customer_id"] for row in rows(raw, "customers")}
    orders = {row["order_id"]: row for row in rows(raw, "orders")}
    products = {
        json.loads(line)["product_id"]
        for line in (raw / "products.json").read_text(encoding="utf-8").splitlines()
    }
    payments = {row["payment_id"]: row for row in rows(raw, "payments")}
    assert {order["customer_id"] for order in orders.values()} <= customers
    assert {item["order_id"] for item in rows(raw, "order_items")} == set(orders)
    assert {item["product_id"] for item in rows(raw, "order_items")} <= products
    assert {row["payment_id"] for row in rows(raw, "refunds")} <= set(payments)
    paid = {payment["order_id"] for payment in payments.values()}
    assert paid == {name for name, order in orders.items() if order["status"] != "cancelled"}


def test_changes_are_of_known_customers_and_of_new_ones(raw: Path) -> None:
    customers = {row["customer_id"] for row in rows(raw, "customers")}
    changed = [row["customer_id"] in customers for row in rows(raw, "customer_changes")]
    assert (changed.count(True), changed.count(False)) == (40, 15)


def test_one_refund_is_of_a_payment_of_nothing(raw: Path) -> None:
    amounts = {row["payment_id"]: row["amount"] for row in rows(raw, "payments")}
    assert amounts[rows(raw, "refunds")[-1]["payment_id"]] == "0.00"
