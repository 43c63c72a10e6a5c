"""Accounts from the operator's side: of people who are in no roster, and what follows when the roster switches somebody off."""
