"""Hostile objects in storage, and hostile files in the cache of compiled code."""
