"""Tests of calls that are tried and undone."""
