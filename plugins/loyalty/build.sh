#!/bin/sh
# Build build/loyalty.wasm: the app, CPython inside, and plugin.toml, in one file.
set -eu
cd "$(dirname "$0")"
mkdir -p build
componentize-py -d wit -w loyalty componentize app -p . -o build/unpacked.wasm
python -m wasm_plugins.kit pack build/unpacked.wasm plugin.toml build/loyalty.wasm
rm build/unpacked.wasm
