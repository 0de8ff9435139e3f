"""Writer and parser undo each other, for every command and every kind of response.

The kinds are found by looking, so that a new one without a strategy fails the tests. Commands are read by the
in-memory server's reader and responses are written here: neither shares code with what it judges.
"""
