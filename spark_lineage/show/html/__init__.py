"""Answers as HTML for notebooks and pages; everything that came from data is escaped."""
