"""The built-in conditions and actions, registered through the same hooks as a stranger's."""
