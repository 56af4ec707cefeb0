"""Hostile plugins."""
