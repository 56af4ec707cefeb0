// A volume discount for a shop: 5 % off orders of 30.00 or more. Every function that `wit/world.wit` exports is one
// here, with the parameters of the canonical ABI: a string is two of them, where it begins and its size in bytes.

#include "plugin.h"

#define FROM_CENTS 3000
#define PERCENT 5
#define CONST_TEXT(literal) { (literal), sizeof(literal) - 1 }

// The answer of `result<s64, string>`: whether it is an error, and at the next multiple of 8 bytes one of the two.
typedef struct {
  uint8_t is_err;
  union {
    int64_t price_cents;
    text reason;
  };
} price_answer;

static const text HOOKS[] = { CONST_TEXT("order-price") };

// What the plugin offers; every name in here is exported below.
EXPORT("plugins-manager:common/plugin-common#get-manifest")
const manifest *get_manifest(void) {
  static manifest offered;
  offered = (manifest){TEXT("volume-discount"), LIST(HOOKS), {0, 0}, {0, 0}};
  return &offered;
}

// The discount in cents, rounded in the customer's favour. Euros and cents apart: so no price is too large to multiply.
static int64_t discount(int64_t price_cents) {
  return price_cents / 100 * PERCENT + (price_cents % 100 * PERCENT + 99) / 100;
}

// Hook: each plugin's answer is the next one's price. What the order consists of makes no difference here.
EXPORT("order-price")
const price_answer *order_price(int64_t price_cents, const char *items, size_t items_size) {
  (void)items, (void)items_size;
  static price_answer found;
  if (price_cents < 0) {
    text reason = join((text[]){decimal(price_cents), TEXT(" is no price")}, 2);
    found = (price_answer){.is_err = 1, .reason = reason};
  } else if (price_cents < FROM_CENTS) {
    found = (price_answer){.price_cents = price_cents};
  } else {
    found = (price_answer){.price_cents = price_cents - discount(price_cents)};
  }
  return &found;
}
