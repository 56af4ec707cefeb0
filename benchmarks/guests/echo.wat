;; The echo plugin by hand: echo(text) -> result<string, string>, which answers ok with the text that it got.
(component
  (core module $m
    (memory (export "memory") 2)
    ;; Below 65536 lies the answer: at 0 the case (0 is ok), at 4 the text's address, at 8 its length.
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (loop $again
        (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16)))
          (then
            (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
            (br $again))))
      (local.get $at))
    (func (export "echo") (param $address i32) (param $size i32) (result i32)
      (i32.store (i32.const 4) (local.get $address))
      (i32.store (i32.const 8) (local.get $size))
      (i32.const 0))
    ;; For warm calls of one instance: everything is free again.
    (func (export "reset") (param i32) (global.set $next (i32.const 65536))))
  (core instance $i (instantiate $m))
  (func (export "echo") (param "text" string) (result (result string (error string)))
    (canon lift (core func $i "echo")
      (memory (core memory $i "memory"))
      (realloc (core func $i "realloc"))
      (post-return (core func $i "reset")))))
