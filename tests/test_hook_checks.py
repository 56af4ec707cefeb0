"""System checks of hooks and of the templates that have slots for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from django.core.checks import Warning
from django.template import engines
from pytest_django import Settings

from wasm_plugins import hook, hooks
from wasm_plugins.hook_checks import check_hooks, check_slots
from wasm_plugins.hooks import Hook


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, Hook[Any]]:
    """The hooks of a project that has none yet."""
    mine: dict[str, Hook[Any]] = {}
    monkeypatch.setattr(hooks, "_declared_hooks", mine)
    return mine


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """An empty folder of templates."""
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}]
    assert [str(each) for each in engines.all()[0].template_dirs] == [str(tmp_path)]
    return tmp_path


def ids(messages: Any) -> list[str]:
    return [str(message.id).removeprefix("wasm_plugins.") for message in messages]


def test_the_shops_own_hooks_and_templates_are_right() -> None:
    from project.shop import plugin_hooks

    names = {plugin_hooks.order_placed.name, plugin_hooks.order_price.name}
    assert [each for each in check_hooks(None) if any(name in each.msg for name in names)] == []
    assert check_slots(None) == []


def test_a_hook_on_a_database_that_there_is_not(declared: dict[str, Hook[Any]]) -> None:
    @hook(using="nowhere")
    def checked_nowhere(order_id: int) -> str: ...

    assert ids(check_hooks(None)) == ["E050"]


def test_names_that_wit_cannot_spell(declared: dict[str, Hook[Any]]) -> None:
    @hook
    def checked_names(orderId: int, size: Literal["Small"], _note: str) -> str: ...

    (message,) = check_hooks(None)
    assert message.id == "wasm_plugins.E051"
    assert all(repr(name) in message.msg for name in ("orderId", "Small", "-note"))


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('{% plugin_slot "checked-slot" product_id=1 %}', []),
        ("{% plugin_slot 'checked-slot' product_id=product.pk|default:'a=b' note=\"c=d\" %}", []),
        ("{%plugin_slot name product_id=1%}", []),
        ('{% plugin_slot "checked-slto" product_id=1 %}', ["W052"]),
        ('{% plugin_slot "checked-slot" product=1 %}', ["W052"]),
        ('{% plugin_slot "checked-slot" %}', ["W052"]),
        ('{% plugin_slot "checked-number" %}', ["W052"]),
        ('{% plugin_slot "checked-slot" product_id="100%" %}', []),
        ('{% plugin_slot "checked-slot" note="100%" %}', ["W052"]),
        ('{% comment "why" %}{% plugin_slot "nothing" %}{% endcomment %}', []),
        ('{# {% plugin_slot "nothing" %} #}', []),
        ('{% verbatim %}{% plugin_slot "nothing" %}{% endverbatim %}', []),
        ('{% verbatim a %}{% endverbatim %}{% plugin_slot "nothing" %}{% endverbatim a %}', []),
        ('{% comment %}{% endcomment %}{% plugin_slot "nothing" %}', ["W052"]),
        ("{% comment %}", []),
        ("{% plugin_slot %}", []),
        ("{% %}", []),
    ],
)
def test_a_slot_in_a_template_names_a_hook_that_can_be_shown(
    declared: dict[str, Hook[Any]], folder: Path, tag: str, expected: list[str]
) -> None:
    @hook
    def checked_slot(product_id: int, note: str = "") -> str: ...

    @hook
    def checked_number() -> int: ...

    (folder / "sub").mkdir()
    (folder / "sub" / "page.html").write_text(f"<p>\n{tag}\n</p>")
    (folder / "picture.png").write_bytes(b'{% plugin_slot "nothing" %}')
    messages = check_slots(None)
    assert ids(messages) == expected
    assert all(isinstance(message, Warning) for message in messages), "a page alone must not stop a migration"
    assert all("page.html, line 2" in message.msg for message in messages)
