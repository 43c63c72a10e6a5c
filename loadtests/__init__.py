"""Locust users, shapes and the capacity model."""
