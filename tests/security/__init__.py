"""What the security table promises, row by row (``rows``), and the tests that no other folder has."""
