"""The demo: a believable shop, its pipeline on a real Spark session, and what its lineage says.

`shop` makes the data, `jobs/` are the scripts that Spark runs (they use nothing but the public flag
and API), `runner` runs them, `narration` tells what they left in the store.
"""
