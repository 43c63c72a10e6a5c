"""Pure plans: a City and a stack's settings in, plain Kubernetes manifests out."""
