"""The shop's refund job. It knows nothing of lineage: the flag stands on the command that starts it.

    spark-submit --jars "$(spark-lineage jar)" --conf spark.lineage.enabled=true refunds.py <folder with raw/>

It fails half-way, as jobs do: one refund belongs to a payment of 0.00 (a voucher), and the share that
is refunded is a division by zero.
"""

import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as the world writes it


def main() -> None:
    """Add the refunds up by reason, then divide each by what was paid."""
    shop = Path(sys.argv[1]).resolve()
    spark = SparkSession.builder.appName("shop: refunds").getOrCreate()

    def read(name: str) -> DataFrame:
        raw = spark.read.option("header", "true").csv(str(shop / "raw" / f"{name}.csv"))
        return raw.withColumn("amount", F.col("amount").cast("decimal(12,2)"))

    settled = read("refunds").alias("r").join(read("payments").alias("p"), "payment_id")

    by_reason = settled.groupBy("reason").agg(F.sum("r.amount").alias("refunded"))
    by_reason.write.mode("overwrite").parquet(str(shop / "lake" / "finance" / "refunds_by_reason"))
    print("wrote finance/refunds_by_reason", flush=True)

    shares = settled.select("refund_id", "payment_id", (F.col("r.amount") / F.col("p.amount")).alias("share"))
    shares.write.mode("overwrite").parquet(str(shop / "lake" / "finance" / "refund_shares"))
    print("wrote finance/refund_shares", flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
