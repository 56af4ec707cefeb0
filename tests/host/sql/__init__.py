"""Tests of the SQL that plugins run."""
