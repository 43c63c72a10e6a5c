"""Pulumi components: what a plan says, as resources."""
