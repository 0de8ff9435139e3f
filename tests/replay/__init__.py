"""The same command scripts against the in-memory server and Dovecot, answers compared."""
