"""Brings Keycloak's realm to what the catalog says; safe to run again, and it never deletes an account."""
