"""What people see: the command line, text for terminals, HTML for notebooks."""
