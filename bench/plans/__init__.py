"""The plans that `bench/analyze.py` measures: made by Spark, or written as the bridge and Spark would."""
