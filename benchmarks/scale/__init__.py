"""What the engine's benchmark and the campaign of killed runs provision."""
