"""What lineage should be: a YAML file or an earlier state, compared with the store."""
