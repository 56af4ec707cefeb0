"""Tests of the HTTP API for authors."""
