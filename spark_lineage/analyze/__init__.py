"""Plan trees -> lineage: pure, total, without IO and without pyspark."""
