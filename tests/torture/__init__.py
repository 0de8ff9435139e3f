"""Everything that can fail, tried on purpose, and judged from outside."""
