"""The raw files of a believable shop: the same bytes on every machine, a few thousand rows."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

_SEED = 20261120
_FIRST_DAY = date(2026, 9, 1)
_DAYS = 80
_CUSTOMERS = 420
_ORDERS = 1_500
_EVENTS = 4_000

_FIRST_NAMES = ("Ada", "Björn", "Chiara", "Daan", "Elif", "Femke", "Goran", "Hana", "Ilse", "Jonas", "Katya")
_LAST_NAMES = ("Andersen", "Bakker", "Costa", "Dubois", "Fischer", "Garcia", "Horvat", "Ivanova", "Jansen")
_COUNTRIES = {"NL": "+31", "DE": "+49", "FR": "+33", "SE": "+46", "IT": "+39"}
_CATEGORIES = {
    "lights": ("front light", "rear light", "dynamo", "helmet light"),
    "bags": ("pannier", "handlebar bag", "saddle bag", "messenger bag"),
    "tools": ("multitool", "floor pump", "chain breaker", "torque wrench"),
    "wear": ("rain jacket", "gloves", "cap", "overshoes"),
}
_COLOURS = ("black", "red", "moss", "sand")
_METHODS = ("card", "transfer", "voucher")
_FUNNEL = ("view", "basket", "buy")
_FUNNEL_WEIGHTS = (70, 20, 10)

Row = Sequence[object]


@dataclass(frozen=True)
class _Order:
    """An order as the generator knows it: `total` is what its lines add up to, in cents."""

    order_id: str
    customer_id: str
    ordered_on: date
    status: str
    total: int


def generate(folder: Path) -> dict[str, int]:
    """Write the raw files into `folder` (made when missing).

    Returns:
        Rows by file name, such as `{"orders.csv": 1500, ...}`, in the order they were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(_SEED)  # noqa: S311 - data for a demo, not a secret
    products = list(_products(chance))
    prices = {str(product["product_id"]): chance.randrange(495, 14_995, 50) for product in products}
    customers = list(_customers(chance))
    lines: list[Row] = []
    orders = list(_orders(chance, prices, lines))
    payments = list(_payments(chance, orders))
    return {
        "customers.csv": _write_csv(folder / "customers.csv", _CUSTOMER_HEADER, customers),
        "customer_changes.csv": _write_csv(
            folder / "customer_changes.csv", _CUSTOMER_HEADER, _changes(chance, customers)
        ),
        "orders.csv": _write_csv(
            folder / "orders.csv",
            ("order_id", "customer_id", "ordered_on", "status"),
            ((order.order_id, order.customer_id, order.ordered_on, order.status) for order in orders),
        ),
        "order_items.csv": _write_csv(
            folder / "order_items.csv",
            ("order_id", "line", "product_id", "quantity", "unit_price", "discount_percent"),
            lines,
        ),
        "payments.csv": _write_csv(
            folder / "payments.csv", ("payment_id", "order_id", "amount", "method", "paid_on"), payments
        ),
        "refunds.csv": _write_csv(
            folder / "refunds.csv",
            ("refund_id", "payment_id", "amount", "reason", "asked_on"),
            _refunds(chance, payments),
        ),
        "products.json": _write_json(folder / "products.json", products),
        "events.json": _write_json(folder / "events.json", _events(chance, sorted(prices))),
    }


_CUSTOMER_HEADER = ("customer_id", "full_name", "email", "phone", "country", "signed_up_on")


def _customers(chance: random.Random) -> Iterator[Row]:
    for number in range(1, _CUSTOMERS + 1):
        yield _customer(chance, number)


def _customer(chance: random.Random, number: int) -> Row:
    first, last = chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)
    local_number = (
        f"0{chance.randrange(100, 999)} {chance.randrange(100, 999)}-{chance.randrange(1000, 9999)}"
    )
    signed_up_on = _FIRST_DAY - timedelta(days=chance.randrange(1, 900))
    email = f"{first}.{last}{number}@Example.org"
    return (
        f"C{number:04}",
        f" {first} {last}",
        email,
        local_number,
        chance.choice(list(_COUNTRIES)),
        signed_up_on,
    )


def _changes(chance: random.Random, customers: Sequence[Row]) -> list[Row]:
    """Make customers that moved, and new ones: what a nightly MERGE brings in."""
    moved = [(*row[:4], chance.choice(list(_COUNTRIES)), row[5]) for row in chance.sample(customers, 40)]
    new = [_customer(chance, number) for number in range(_CUSTOMERS + 1, _CUSTOMERS + 16)]
    return [*moved, *new]


def _products(chance: random.Random) -> Iterator[dict[str, object]]:
    number = 0
    for category, names in _CATEGORIES.items():
        for name in names:
            for colour in chance.sample(_COLOURS, 2):
                number += 1
                yield {
                    "product_id": f"P{number:03}",
                    "name": f"{name}, {colour}",
                    "category": category,
                    "attributes": {"colour": colour, "weight_g": chance.randrange(40, 1_900, 10)},
                    "tags": chance.sample(["new", "sale", "winter", "city", "tour"], 2),
                }


def _orders(chance: random.Random, prices: dict[str, int], lines: list[Row]) -> Iterator[_Order]:
    """Yield the orders; their lines are added to `lines` on the way, since they make the total."""
    for number in range(1, _ORDERS + 1):
        order_id = f"O{number:05}"
        total = 0
        for line, product_id in enumerate(chance.sample(sorted(prices), chance.randrange(1, 5)), start=1):
            quantity, discount = chance.choice((1, 1, 1, 2, 3)), chance.choice((0, 0, 0, 10, 25))
            lines.append((order_id, line, product_id, quantity, _money(prices[product_id]), discount))
            total += prices[product_id] * quantity * (100 - discount) // 100
        status = chance.choices(("paid", "shipped", "cancelled"), (30, 60, 10))[0]
        ordered_on = _FIRST_DAY + timedelta(days=chance.randrange(_DAYS))
        yield _Order(order_id, f"C{chance.randrange(1, _CUSTOMERS + 1):04}", ordered_on, status, total)


def _payments(chance: random.Random, orders: Iterable[_Order]) -> Iterator[Row]:
    """Yield one payment for each order that was not cancelled; a voucher leaves nothing to pay: 0.00."""
    for number, order in enumerate((order for order in orders if order.status != "cancelled"), start=1):
        method = chance.choices(_METHODS, (75, 22, 3))[0]
        amount = _money(0 if method == "voucher" else order.total)
        paid_on = order.ordered_on + timedelta(days=chance.randrange(3))
        yield (f"Y{number:05}", order.order_id, amount, method, paid_on)


def _refunds(chance: random.Random, payments: Sequence[Row]) -> Iterator[Row]:
    """Yield refunds, one of them for a payment of 0.00: what share of it is refunded has no answer."""
    voucher = next(payment for payment in payments if payment[3] == "voucher")
    for number, payment in enumerate([*chance.sample(payments, 90), voucher], start=1):
        amount = _money(int(float(str(payment[2])) * chance.choice((25, 50, 100))))
        reason = chance.choice(("damaged", "late", "wrong size", "changed mind"))
        yield (f"R{number:04}", payment[0], amount, reason, _FIRST_DAY + timedelta(days=_DAYS))


def _events(chance: random.Random, product_ids: Sequence[str]) -> Iterator[dict[str, object]]:
    at = datetime(_FIRST_DAY.year, _FIRST_DAY.month, _FIRST_DAY.day)  # noqa: DTZ001 - a text without a zone
    for number in range(1, _EVENTS + 1):
        at += timedelta(seconds=chance.randrange(60, 3_000))
        yield {
            "event_id": f"E{number:06}",
            "customer_id": f"C{chance.randrange(1, _CUSTOMERS + 1):04}",
            "at": at.isoformat(sep=" "),
            "kind": chance.choices(_FUNNEL, _FUNNEL_WEIGHTS)[0],
            "product_id": chance.choice(product_ids),
            "device": {
                "kind": chance.choice(("phone", "laptop", "tablet")),
                "app_version": chance.choice(("7.1", "7.2")),
            },
        }


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Row]) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        written = 0
        for row in rows:
            writer.writerow(row)
            written += 1
    return written


def _write_json(path: Path, rows: Iterable[dict[str, object]]) -> int:
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return len(texts)
