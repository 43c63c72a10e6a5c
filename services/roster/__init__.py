"""The roster in PostgreSQL: who is what at which school, without names, and what each of its roles may see of it."""
