"""The Pulumi program: pure plans, small components."""
