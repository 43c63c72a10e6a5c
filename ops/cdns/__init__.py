"""The video CDN as operators plan it: what links carry, what boxes fetch at night, and how far they are."""
