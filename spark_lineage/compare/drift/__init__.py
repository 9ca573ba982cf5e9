"""What changed: lineage, schemas, constants and data between two runs, times or stores."""
