"""Tests of wasm_plugins/management/."""
