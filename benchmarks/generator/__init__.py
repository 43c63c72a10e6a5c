"""What the benchmark of the load generator runs: a quick server on loopback, and plain Locust users that repeat what the players asked."""
