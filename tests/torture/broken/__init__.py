"""Executors that are broken on purpose, each in one way that somebody has been broken: the judge must see every one."""
