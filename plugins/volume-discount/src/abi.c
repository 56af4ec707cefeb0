// The part of `plugin.h` that is the same in every plugin.

#include "plugin.h"

#define PAGE 65536

extern unsigned char __heap_base;
static unsigned char *next = 0;

void *take(size_t bytes) {
  if (next == 0) next = (unsigned char *)(((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15);
  unsigned char *found = next;
  size_t rounded = (bytes + 15) & ~(size_t)15;
  uintptr_t end = (uintptr_t)found + rounded;
  if (rounded < bytes || end < (uintptr_t)found) __builtin_trap();
  uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) * PAGE;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + PAGE - 1) / PAGE) == (size_t)-1) __builtin_trap();
  next = (unsigned char *)end;
  return found;
}

// Compilers call this one for large structs.
void *memcpy(void *to, const void *from, size_t size) {
  for (size_t at = 0; at < size; at++) ((char *)to)[at] = ((const char *)from)[at];
  return to;
}

// The host asks for memory here, for texts that it passes.
EXPORT("cabi_realloc")
void *cabi_realloc(void *old, size_t old_size, size_t alignment, size_t new_size) {
  (void)alignment;  // everything is aligned to 16 bytes
  void *found = take(new_size);
  if (old != 0) memcpy(found, old, old_size < new_size ? old_size : new_size);
  return found;
}

text join(const text *parts, size_t count) {
  size_t size = 0;
  for (size_t at = 0; at < count; at++) size += parts[at].size;
  char *found = take(size), *end = found;
  for (size_t at = 0; at < count; at++) {
    memcpy(end, parts[at].at, parts[at].size);
    end += parts[at].size;
  }
  return (text){found, size};
}

text decimal(int64_t number) {
  char *end = (char *)take(32) + 32, *at = end;
  uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
  do *--at = (char)('0' + left % 10);
  while (left /= 10);
  if (number < 0) *--at = '-';
  return (text){at, (size_t)(end - at)};
}

static const answer *answered(uint8_t is_err, text value) {
  answer *found = take(sizeof *found);
  found->is_err = is_err;
  found->value = value;
  return found;
}

const answer *ok(text value) { return answered(0, value); }
const answer *err(text value) { return answered(1, value); }

__attribute__((import_module("wasi:logging/logging"), import_name("log"))) void wasi_log(
    int32_t level, const char *context, size_t context_size, const char *message, size_t message_size);

void say(enum level level, text context, text message) {
  wasi_log((int32_t)level, context.at, context.size, message.at, message.size);
}
