"""The Delta tables: their schema, and two stores that read what the other writes.

`schema` has the tables, `keys` what makes two rows the same, `delta` a store without a JVM, `spark` the
same store through delta-spark.
"""
