"""The database from outside the cluster: how it is, its backups, and a restore beside it."""
