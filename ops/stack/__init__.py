"""The Pulumi stack as the kit keeps it: its state, its lock, its settings, its runs and their recovery."""
