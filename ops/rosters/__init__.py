"""The people of the city's schools, read from OneRoster 1.2 files: checked, pseudonymous, and only what access needs."""
