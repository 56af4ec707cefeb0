#!/bin/sh
# Build fetcher.wasm.
set -eu
cd "$(dirname "$0")"

# Panic messages name source files. Renamed like this they say nothing about the machine that built them.
cargo fetch --locked
RUSTFLAGS="--remap-path-prefix=$PWD=/fetcher"
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    RUSTFLAGS="$RUSTFLAGS --remap-path-prefix=$crates=/crates"
done
export RUSTFLAGS

cargo build --release --locked
cp target/wasm32-wasip2/release/fetcher.wasm fetcher.wasm
