#!/bin/sh
# Build shipping.wasm: the crate as a component, with plugin.toml inside.
set -eu
cd "$(dirname "$0")"

# Panic messages name source files. Renamed like this they say nothing about the machine that built them, and the same
# sources give the same bytes everywhere.
cargo fetch --locked
RUSTFLAGS="--remap-path-prefix=$PWD=/shipping"
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    RUSTFLAGS="$RUSTFLAGS --remap-path-prefix=$crates=/crates"
done
export RUSTFLAGS

cargo build --release --locked
python -m wasm_plugins.kit pack target/wasm32-wasip2/release/shipping.wasm plugin.toml shipping.wasm
