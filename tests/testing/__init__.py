"""Tests of what a project tests its plugins' hooks with."""
