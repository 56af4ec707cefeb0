;; The same job for Extism: a core module against the Extism kernel, which copies word by word as Extism's PDKs do.
(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u64" (func $input_load_u64 (param i64) (result i64)))
  (import "extism:host/env" "input_load_u8" (func $input_load_u8 (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (memory (export "memory") 32)
  (func (export "echo") (result i32)
    (local $size i64) (local $at i64) (local $out i64)
    (local.set $size (call $input_length))
    (local.set $out (call $alloc (local.get $size)))
    ;; In: from the kernel into this module's own memory.
    (block $in (loop $words
      (br_if $in (i64.gt_u (i64.add (local.get $at) (i64.const 8)) (local.get $size)))
      (i64.store (i32.wrap_i64 (local.get $at)) (call $input_load_u64 (local.get $at)))
      (local.set $at (i64.add (local.get $at) (i64.const 8)))
      (br $words)))
    (block $in (loop $bytes
      (br_if $in (i64.ge_u (local.get $at) (local.get $size)))
      (i32.store8 (i32.wrap_i64 (local.get $at)) (call $input_load_u8 (local.get $at)))
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (br $bytes)))
    ;; Out: the same way back.
    (local.set $at (i64.const 0))
    (block $out_ (loop $words
      (br_if $out_ (i64.gt_u (i64.add (local.get $at) (i64.const 8)) (local.get $size)))
      (call $store_u64 (i64.add (local.get $out) (local.get $at)) (i64.load (i32.wrap_i64 (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 8)))
      (br $words)))
    (block $out_ (loop $bytes
      (br_if $out_ (i64.ge_u (local.get $at) (local.get $size)))
      (call $store_u8 (i64.add (local.get $out) (local.get $at)) (i32.load8_u (i32.wrap_i64 (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (br $bytes)))
    (call $output_set (local.get $out) (local.get $size))
    (i32.const 0)))
