"""A component is a plugin if its manifest is true: every way of not being one is refused, with what is at fault."""

from __future__ import annotations

import time
from typing import Any

import pytest

from wasm_plugins.exceptions import DeadlineExceeded, LinkError, ManifestError, PluginTrapped
from wasm_plugins.runtime import wit
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.sections import append_section
from wasm_plugins.runtime.verification import Verified, find_interface, verify

from .components import COUNT, VOID_CALLER, binary, compiled
from .plugin_wat import HTTP_HANDLER, HTTP_TYPES, JSON_HANDLER, PLUGIN_COMMON, plugin

ORDER_PLACED = wit.Func((("note", wit.STRING),), wit.ResultOf(wit.STRING, wit.STRING))
SILENT = '(param "input" string) (result (result (error string)))'
WRONG = '(param "input" string) (result (result string))'
HOOK: dict[str, Any] = {"hooks": ["order-placed"], "exports": {"order-placed": JSON_HANDLER}}


def _verify(wat: str, toml: str | None = None, **options: Any) -> Verified:
    data = binary(wat)
    if toml is not None:
        data = append_section(data, "plugin.toml", toml.encode())
    settings: dict[str, Any] = {"interfaces": {}, "hooks": {}, "limits": Limits(deadline_ms=5_000), **options}
    return verify(data, compiled(wat), **settings)


def test_a_plugin_that_is_as_it_says_passes() -> None:
    wat = plugin(
        hooks=["order-placed"],
        routes=[("/sample/page", "page", False), ("/sample/job", "recount", True)],
        tasks=["recount"],
        exports={"order-placed": JSON_HANDLER, "page": SILENT, "recount": JSON_HANDLER},
    )
    verified = _verify(wat, 'title = "Sample"', hooks={"order-placed": ORDER_PLACED}, expected_name="sample")
    assert verified.manifest.name == "sample"
    assert verified.manifest.title == "Sample"
    assert [route.path for route in verified.manifest.routes] == ["/sample/page", "/sample/job"]
    assert set(verified.exports) == {"order-placed", "page", "recount"}
    assert (verified.imports, verified.findings) == ((), ())


def test_a_component_without_plugin_common_is_no_plugin() -> None:
    with pytest.raises(LinkError) as caught:
        _verify(COUNT)
    assert caught.value.missing == PLUGIN_COMMON


def test_plugin_common_may_carry_a_version() -> None:
    wat = plugin(common=f"{PLUGIN_COMMON}@1.4.0")
    assert _verify(wat).manifest.name == "sample"
    assert find_interface(compiled(wat), PLUGIN_COMMON) == f"{PLUGIN_COMMON}@1.4.0"
    assert find_interface(compiled(COUNT), PLUGIN_COMMON) is None


def test_get_manifest_of_another_type_is_refused() -> None:
    wat = plugin().replace('(field "process-as-task" bool)', '(field "process-as-task" u8)')
    with pytest.raises(LinkError) as caught:
        _verify(wat)
    assert caught.value.missing == f"{PLUGIN_COMMON}#get-manifest"


def test_an_import_that_the_host_lacks_is_refused() -> None:
    with pytest.raises(LinkError):
        _verify(VOID_CALLER)


def test_a_name_other_than_that_of_the_upload_is_refused() -> None:
    with pytest.raises(ManifestError) as caught:
        _verify(plugin("other"), expected_name="sample")
    assert caught.value.field == "plugin-name"


@pytest.mark.parametrize(
    "declared",
    [{"hooks": ["absent"]}, {"tasks": ["absent"]}, {"routes": [("/sample/a", "absent", False)]}],
    ids=["hook", "task", "route"],
)
def test_what_is_declared_but_not_exported_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(LinkError) as caught:
        _verify(plugin(**declared))
    assert caught.value.missing == "absent"


def test_a_hook_of_another_type_is_refused_with_both_types() -> None:
    wanted = wit.Func((("order-id", wit.S64),), wit.ResultOf(wit.STRING, wit.STRING))
    with pytest.raises(LinkError) as caught:
        _verify(plugin(**HOOK), hooks={"order-placed": wanted})
    assert str(wanted) in str(caught.value)
    assert "func(input: string)" in str(caught.value)


def test_a_hook_that_the_project_never_calls_is_a_finding() -> None:
    assert len(_verify(plugin(**HOOK)).findings) == 1


def test_a_route_may_take_a_whole_request() -> None:
    wat = plugin(routes=[("/sample/page", "page", False)], exports={"page": HTTP_HANDLER}, types=HTTP_TYPES)
    assert _verify(wat).manifest.routes[0].handler == "page"


def test_a_route_that_runs_as_a_task_may_not_take_a_whole_request() -> None:
    wat = plugin(routes=[("/sample/page", "page", True)], exports={"page": HTTP_HANDLER}, types=HTTP_TYPES)
    with pytest.raises(LinkError) as caught:
        _verify(wat)
    assert caught.value.missing == "handler page"


@pytest.mark.parametrize(
    "declared", [{"tasks": ["run"]}, {"routes": [("/sample/a", "run", False)]}], ids=["task", "route"]
)
def test_a_handler_of_another_type_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(LinkError):
        _verify(plugin(exports={"run": WRONG}, **declared))


@pytest.mark.parametrize(
    ("toml", "field"),
    [("[hooks.other]", "plugin.toml: hooks"), ("= x", "plugin.toml"), ("#" * 70_000, "plugin.toml")],
    ids=["other names", "no toml", "too long"],
)
def test_a_toml_that_disagrees_or_is_none_is_refused(toml: str, field: str) -> None:
    with pytest.raises(ManifestError) as caught:
        _verify(plugin(**HOOK), toml)
    assert caught.value.field == field


def test_a_path_outside_of_the_plugins_own_is_refused() -> None:
    with pytest.raises(ManifestError) as caught:
        _verify(plugin(routes=[("/other/page", "page", False)], exports={"page": JSON_HANDLER}))
    assert caught.value.field == "routes[0].path"


def test_a_manifest_that_never_comes_ends_at_the_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        _verify(plugin(get_manifest="(loop $again (br $again)) unreachable"), limits=Limits(deadline_ms=100))
    assert time.monotonic() - started < 2


def test_a_manifest_that_crashes_is_a_trap() -> None:
    with pytest.raises(PluginTrapped):
        _verify(plugin(get_manifest="unreachable"))


def test_exports_that_the_manifest_does_not_name_are_never_run() -> None:
    assert "init" in _verify(plugin(exports={"init": ""})).exports
