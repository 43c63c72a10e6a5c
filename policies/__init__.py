"""Access policies and the platform policy pack."""
