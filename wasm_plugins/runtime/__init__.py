"""Compiles and calls components; the only place that knows wasmtime, and it knows no Django."""
