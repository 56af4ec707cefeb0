"""Tests of what the host offers to plugins."""
