// What a plugin in C needs of the component model's canonical ABI: https://github.com/WebAssembly/component-model
//
// Memory is taken from one arena that only grows, which is all a plugin needs: the host starts it afresh for each call.

#ifndef PLUGIN_H
#define PLUGIN_H

#include <stddef.h>
#include <stdint.h>

// A text as the ABI passes it: its UTF-8 begins at `at`, and has `size` bytes. Nothing ends it.
typedef struct {
  const char *at;
  size_t size;
} text;

// A list of the ABI: its items one after another.
typedef struct {
  const void *at;
  size_t size;
} list;

// The answer of `result<string, string>`.
typedef struct {
  uint8_t is_err;
  text value;
} answer;

// The records of plugins-manager:common/types.
typedef struct {
  text path;
  text handler;
  uint8_t process_as_task;
} plugin_route;

typedef struct {
  text plugin_name;
  list hooks;
  list routes;
  list tasks;
} manifest;

// A text that stands in the source.
#define TEXT(literal) ((text){(literal), sizeof(literal) - 1})

// A list of the items of an array.
#define LIST(array) ((list){(array), sizeof(array) / sizeof(*(array))})

// Makes the next function an export of the world, under its name in WIT.
#define EXPORT(name) __attribute__((export_name(name)))

// Levels of wasi:logging.
enum level { LEVEL_TRACE, LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR, LEVEL_CRITICAL };

// Return memory for some bytes; the plugin traps when there is none.
void *take(size_t bytes);

// Return the texts one after another.
text join(const text *parts, size_t count);

// Return a number in decimal digits.
text decimal(int64_t number);

// Return what an export answers: `ok` or `err` with a text.
const answer *ok(text value);
const answer *err(text value);

// Write one line to the plugin's log.
void say(enum level level, text context, text message);

#endif
