"""Live classes from outside: what is asked for is checked, the Job with its address and passphrase made, and class ended."""
