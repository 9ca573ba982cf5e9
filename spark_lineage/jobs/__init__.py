"""Entry points for schedulers, which start a module or a file with spark-submit: no terminal, one JSON line out."""
