"""Soak: many connection losses at random points, and nothing leaked, mixed up or done twice."""
