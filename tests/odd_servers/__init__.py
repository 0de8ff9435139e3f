"""What breaks other clients, and which test shows that it does not break this one: see ``items``.

Odd bytes are read in ``tests/imap_wire/test_quirks.py``; here the whole client meets servers that misbehave.
"""
