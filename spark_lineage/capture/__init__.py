"""Capture: switch the bridge on in a Spark session, and read the segments that it writes."""
