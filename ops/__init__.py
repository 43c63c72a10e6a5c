"""The huiju command: one file per sub-command, thin over the modules above."""
