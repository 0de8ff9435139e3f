"""A mailrules plugin: recognise senders who pretend to be somebody else, and record them."""
