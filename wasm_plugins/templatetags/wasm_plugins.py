"""``{% plugin_slot "name" argument=value %}``: fragments of plugins in a page of the host's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django import template
from django.template.base import FilterExpression, Node, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils.safestring import SafeString

from ..slots import find_slot, render_slot

register: Final = template.Library()


class SlotNode(Node):
    """One place in a template."""

    def __init__(self, name: FilterExpression, arguments: Mapping[str, FilterExpression]) -> None:
        self._name: Final = name
        self._arguments: Final = arguments

    def render(self, context: Context) -> SafeString:
        """Return the fragments."""
        hook = find_slot(str(self._name.resolve(context)))
        arguments = {name: value.resolve(context) for name, value in self._arguments.items()}
        return render_slot(hook, arguments, user=getattr(context.get("request"), "user", None))


@register.tag
def plugin_slot(parser: Parser, token: Token) -> SlotNode:
    """Show what the enabled plugins answer to a hook of this name, one after another in their order.

    The first argument is the hook's name as WIT spells it, the others are its parameters by name::

        {% load wasm_plugins %}
        {% plugin_slot "product-extras" product_id=product.pk %}

    What a plugin answers is shown as text. Where it was granted the capability ``html``, its markup is kept as far as
    it is harmless: no script, style, form, frame or image, and no attribute that could act. A plugin that fails is
    logged, and the page stays whole.
    """
    tag, *bits = token.split_contents()
    if not bits:
        raise template.TemplateSyntaxError(f'{tag} takes the name of a hook: {{% {tag} "product-extras" %}}')
    name = parser.compile_filter(bits.pop(0))
    if not name.is_var and not name.filters:
        _check(str(name.var))  # it is known now, and a page that is seldom shown need not tell
    arguments = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError(f"{tag}: {bits[0]} is no argument by name, such as product_id=product.pk")
    return SlotNode(name, arguments)


def _check(name: str) -> None:
    try:
        find_slot(name)
    except ValueError as error:
        raise template.TemplateSyntaxError(str(error)) from None
