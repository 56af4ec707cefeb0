"""``{% plugin_slot %}``: fragments of plugins in order, harmless, and a page that stays whole."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils.translation import gettext_lazy
from pytest_django import Settings

from project.shop.models import Order
from tests.components import echo, ok, plugin_component, text_hook, trap
from wasm_plugins import get_plugin_manager, hook
from wasm_plugins.caller import acting_user
from wasm_plugins.exceptions import DeadlineExceeded
from wasm_plugins.testing import ComponentPlugin, Err, FakePlugin, override_plugins

pytestmark = pytest.mark.django_db

HTML: dict[str, Any] = {"html": {}}


@hook
def slot_extras(product_id: int, note: str = "") -> str:
    """Fragments for a product."""


@hook(mode="first")
def slot_banner() -> str | None:
    """The first plugin that has something to say."""


@hook(mode="filter")
def slot_filtered(text: str) -> str:
    """No slot: each answer is the next one's argument."""


@hook
def slot_number(product_id: int) -> int:
    """No slot: a number is no fragment."""


def rendered(tag: str = '{% plugin_slot "slot-extras" product_id=7 %}', **context: Any) -> str:
    return str(Template("{% load wasm_plugins %}<main>" + tag + "</main>").render(Context(context)))


def fake(name: str, answer: Any, hook_name: str = "slot-extras", **options: Any) -> FakePlugin:
    answers = answer if callable(answer) else lambda *args: answer
    return FakePlugin(name, hooks={hook_name: answers}, **options)


def fail(*args: Any) -> Any:
    raise RuntimeError("crashed")


def test_a_slot_that_nobody_answers_is_empty() -> None:
    with override_plugins():
        assert rendered() == "<main></main>"


def test_fragments_stand_in_order_each_with_its_plugins_name() -> None:
    with override_plugins(fake("zebra", "z"), fake("apple", "a"), fake("last", "l", priority=200)):
        assert rendered() == (
            '<main><div class="plugin-fragment" data-plugin="apple">a</div>'
            '<div class="plugin-fragment" data-plugin="zebra">z</div>'
            '<div class="plugin-fragment" data-plugin="last">l</div></main>'
        )


def test_without_the_grant_a_fragment_is_text() -> None:
    with override_plugins(fake("bonus", "<b>7</b><script>alert(1)</script>")):
        assert "&lt;b&gt;7&lt;/b&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in rendered()


def test_with_the_grant_markup_stays_and_scripts_go() -> None:
    hostile = "<b onclick=alert(1)>7</b><script>alert(1)</script></div></main><i>open"
    with override_plugins(fake("bonus", hostile, grants=HTML)):
        assert rendered().endswith('data-plugin="bonus"><b>7</b><i>open</i></div></main>')


def test_the_grant_of_one_plugin_is_not_anothers() -> None:
    with override_plugins(fake("granted", "<b>1</b>", grants=HTML), fake("other", "<b>2</b>")):
        shown = rendered()
    assert "<b>1</b>" in shown
    assert "&lt;b&gt;2&lt;/b&gt;" in shown


def test_a_template_without_autoescaping_makes_no_difference() -> None:
    with override_plugins(fake("bonus", "<script>alert(1)</script>")):
        assert "<script>" not in rendered(
            '{% autoescape off %}{% plugin_slot "slot-extras" product_id=7 %}{% endautoescape %}'
        )


def test_arguments_come_from_the_context_by_name() -> None:
    bonus = fake("bonus", lambda product_id, note: f"{product_id} {note}")
    with override_plugins(bonus):
        assert ">9 tea</div>" in rendered(
            '{% plugin_slot "slot-extras" note=note product_id=pk|add:1 %}', note="tea", pk=8
        )
        assert ">9 </div>" in rendered("{% plugin_slot slot product_id=9 %}", slot="slot-extras")


def test_a_translation_is_the_text_that_it_is_now() -> None:
    with override_plugins(fake("bonus", lambda product_id, note: note)):
        assert ">Plugins</div>" in rendered(
            '{% plugin_slot "slot-extras" product_id=1 note=note %}', note=gettext_lazy("Plugins")
        )


@pytest.mark.parametrize(
    "answer",
    [
        fail,
        Err("no"),
        Err("x\nCRITICAL root: \x1b[2J"),
        "x" * 65_537,
        lambda *args: (_ for _ in ()).throw(DeadlineExceeded(export="x", deadline_ms=1)),
    ],
)
def test_a_plugin_that_fails_is_logged_and_left_out_and_the_page_is_whole(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        override_plugins(fake("bad", answer), fake("good", "fine")),
        caplog.at_level(logging.WARNING, "wasm_plugins.slots"),
    ):
        assert rendered() == '<main><div class="plugin-fragment" data-plugin="good">fine</div></main>'
    (record,) = [each for each in caplog.records if each.name == "wasm_plugins.slots"]
    assert "slot-extras" in record.getMessage()
    assert "bad" in record.getMessage()
    assert "\nCRITICAL" not in record.getMessage()
    assert "\x1b" not in caplog.text


def test_what_a_plugin_that_fails_has_written_is_undone() -> None:
    def write(product_id: int, note: str) -> str:
        Order.objects.create(note="by a fake plugin", total_cents=1)
        raise RuntimeError("crashed")

    with override_plugins(fake("bad", write)):
        rendered()
    assert not Order.objects.exists()


def test_an_argument_that_does_not_fit_leaves_the_page_whole() -> None:
    with override_plugins(fake("bonus", "never asked")):
        assert rendered('{% plugin_slot "slot-extras" product_id=missing %}') == "<main></main>"


def test_a_fragment_of_the_largest_size_is_shown_and_its_bytes_count(settings: Settings) -> None:
    settings.WASM_PLUGINS_FRAGMENT_BYTES = 4
    with override_plugins(fake("bonus", "éé")):
        assert ">éé</div>" in rendered()
    with override_plugins(fake("bonus", "ééx")):
        assert rendered() == "<main></main>"


def test_nothing_and_an_empty_text_leave_no_trace() -> None:
    with override_plugins(fake("a", ""), fake("b", None, "slot-banner"), fake("c", "hello", "slot-banner")):
        assert rendered() == "<main></main>"
        assert rendered("{% plugin_slot 'slot-banner' %}").count("<div") == 1


def test_real_components_answer_slots() -> None:
    hostile = ok("<b>7</b><script>alert(1)</script>")
    page = plugin_component("page", hooks={"slot-extras": text_hook(hostile)}, toml="[capabilities.html]\n")
    mirror = plugin_component("mirror", hooks={"slot-extras": text_hook(echo())})
    broken = plugin_component("broken", hooks={"slot-extras": text_hook(trap())})
    with override_plugins(page, mirror, broken):
        shown = rendered('{% plugin_slot "slot-extras" product_id=1 note="<i>" %}')
    assert [line.partition(">")[0] for line in shown.split("<div ")[1:]] == [
        'class="plugin-fragment" data-plugin="mirror"',
        'class="plugin-fragment" data-plugin="page"',
    ]
    assert "&lt;i&gt;" in shown
    assert "<b>7</b></div>" in shown
    with override_plugins(ComponentPlugin(page, grants={})):
        assert "&lt;b&gt;7" in rendered()


@pytest.mark.parametrize(
    "tag",
    [
        "{% plugin_slot %}",
        '{% plugin_slot "slot-extars" product_id=1 %}',
        '{% plugin_slot "slot-extras" 1 %}',
        '{% plugin_slot "slot-filtered" text="x" %}',
        '{% plugin_slot "slot-number" product_id=1 %}',
    ],
)
def test_a_tag_that_can_never_work_is_an_error_of_the_template(tag: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        rendered(tag)


def test_arguments_that_the_hook_does_not_have_are_an_error_also_when_nobody_answers() -> None:
    with override_plugins(), pytest.raises(TypeError):
        rendered('{% plugin_slot "slot-extras" product=1 %}')
    with override_plugins(), pytest.raises(ValueError, match="slot-extras"):
        rendered("{% plugin_slot slot product_id=1 %}", slot="slot-extra")


def _request(user: Any) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


@pytest.mark.parametrize("who", ["known", "nobody"])
def test_plugins_act_for_the_user_who_looks_at_the_page(who: str) -> None:
    user = User.objects.create_user("ann") if who == "known" else AnonymousUser()
    with override_plugins(fake("bonus", lambda product_id, note: str(acting_user.get()))):
        assert f">{user}</div>" in rendered(request=_request(user))
    assert acting_user.get() is None


def test_a_user_who_is_acting_already_stays() -> None:
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
    bonus = fake("bonus", lambda product_id, note: str(acting_user.get()))
    with override_plugins(bonus), get_plugin_manager().acting_as(ann):
        assert ">ann</div>" in rendered(request=_request(bob))


def test_a_plugin_that_sleeps_warns_once_and_not_for_every_page(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.WASM_PLUGINS_BREAKER_FAILURES = 1
    with override_plugins(fake("bad", fail)), caplog.at_level(logging.WARNING, "wasm_plugins.slots"):
        assert {rendered() for _ in range(5)} == {"<main></main>"}
    assert len([each for each in caplog.records if each.name == "wasm_plugins.slots"]) == 1
