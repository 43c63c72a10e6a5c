"""A thin Python language host for the Pulumi engine, for machines without the official ``pulumi-language-python``.

The engine starts it, reads the port from its first line and asks it over gRPC to run programs and policy packs. Code generation
and packing, which only plugin authors need, are left to the official host.
"""
