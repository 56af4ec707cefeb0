"""The smallest real project that uses wasm_plugins: a shop whose checkout calls hooks."""
