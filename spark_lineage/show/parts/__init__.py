"""What a text and a page of the same answer say alike."""
