"""mailrules: watch mailboxes over IMAP, judge mail by declarative rules, and act."""

__version__ = "0.1.0"
