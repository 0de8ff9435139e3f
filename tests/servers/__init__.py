"""Real mail servers and network conditions for tests and benchmarks, on loopback only."""
