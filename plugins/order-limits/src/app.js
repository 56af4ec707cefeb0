// Order limits for a shop: refuses an order of too many of one product, or of too much money.

import { get } from 'wasi:config/store';
import { log } from 'wasi:logging/logging';

// What holds where an admin set nothing; `plugin.toml` tells him the same.
const DEFAULTS = { max_per_product: 10, max_order_cents: 100_000 };

// The interface that every plugin exports; every name in its manifest is a function below.
export const pluginCommon = {
  getManifest() {
    return { pluginName: 'order-limits', hooks: ['order-check'], routes: [], tasks: [] };
  },
};

// Hook: to answer `err`, throw a text. An s64 arrives as a number, and `items` is JSON:
// [{"sku": "honey", "name": "Forest honey", "quantity": 12, "price_cents": 790}, …]
export function orderCheck(priceCents, items) {
  const mostOfOne = limit('max_per_product');
  const tooMany = JSON.parse(items).filter((item) => item.quantity > mostOfOne);
  if (tooMany.length > 0) {
    refuse(`At most ${mostOfOne} of one product: please order less of ${tooMany.map(nameOf).join(' and ')}.`);
  }
  const mostCents = limit('max_order_cents');
  if (priceCents > mostCents) {
    refuse(`At most ${euros(mostCents)} in one order: this one is ${euros(priceCents)}.`);
  }
}

// What an admin set, which arrives as a text, else the default.
function limit(key) {
  return Number(get(key) ?? DEFAULTS[key]);
}

function refuse(reason) {
  log('info', 'order-limits', reason);
  throw reason;
}

function nameOf(item) {
  return item.name ?? item.sku;
}

function euros(cents) {
  return `€${(cents / 100).toFixed(2)}`;
}
