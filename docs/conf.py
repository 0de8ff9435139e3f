"""Sphinx configuration."""

project = "mailrules"
copyright = "2026, The mailrules authors"
extensions = ["myst_parser"]
html_theme = "furo"
exclude_patterns = ["_build", "changelog.d"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
