"""Pure derivations that more than one surface uses; imports only catalog."""
