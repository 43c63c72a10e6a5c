"""The policy pack: what the engine asks about each resource before it makes it."""
