"""What is out of the ordinary: runs against their history, tables against their rhythm."""
