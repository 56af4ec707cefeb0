"""Load and soak, bounded in time; ``WASM_PLUGINS_SOAK_FACTOR`` makes them longer."""
