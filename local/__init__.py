"""What lets a bare machine run the kit: toolchain, embedded cluster and container images."""
