"""Tests of wasm_plugins/tasks/."""
