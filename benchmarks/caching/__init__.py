"""What the benchmark of caches starts: an origin, and each cache in front of it."""
