"""How is a figure told, and whether it is what was promised?"""

from __future__ import annotations


def claim(what: str, value: float, *, most: float) -> bool:
    """Print it; whether it holds."""
    holds = value <= most
    print(f"{what}: {value:.2f} (at most {most:.2f}){'  HOLDS' if holds else '  DOES NOT HOLD'}", flush=True)
    return holds
