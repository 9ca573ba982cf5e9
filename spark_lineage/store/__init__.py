"""The Delta tables: their schema, and two stores that read what the other writes.

`schema` has the tables, `keys` what makes two rows the same, `delta` a store without a JVM, `spark` the
same store through delta-spark. `protocol` says what an ingest needs of a store, and `memory` is the smallest that has it.
`digest` is one hash of all that a store says, `durable` brings local tables onto the disk,
and `turns` lets only one writer at a time commit to them.
"""
