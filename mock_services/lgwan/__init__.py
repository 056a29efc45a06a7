"""LGWAN neighbours: another site that nobody here should reach, and the DNS that only the relay may ask (手順書5章①)."""
