"""The trust boundary: bytes -> plan trees, within limits."""
