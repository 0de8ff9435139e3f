"""What the real servers announce, driven for real: one file an area, each test on the servers that have it."""
