"""A city of the catalog as network namespaces with its contracted rates: what proofs and figures of the video CDN run on."""
