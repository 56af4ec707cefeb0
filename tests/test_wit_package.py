"""The WIT package of the project's hooks: what other tools read must be what the project declared."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from wasm_plugins.runtime import wit
from wasm_plugins.runtime.wit_keywords import KEYWORDS
from wasm_plugins.signatures import U8, hook_type
from wasm_plugins.wit_package import HookText, is_wit_name, package_name, package_text, spelt_names
from wasm_plugins.wit_package.names import class_name, spell_package

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Address:
    """A record in a record."""

    street: str
    kind: Literal["home", "work"]


@dataclass
class OrderLine:
    """A record whose fields are words of WIT."""

    type: str
    list: list[int]
    sent_to: Address | None


def everything(
    lines: list[OrderLine], size: Literal["small", "large"], pair: tuple[U8, bytes], flag: bool, note: str | None = None
) -> Address:
    """Say something of everything."""
    raise NotImplementedError


def silent() -> None:
    """Answer nothing."""


def text_of(function: Any, name: str, description: str = "") -> HookText:
    return HookText(name=name, type=hook_type(function), function=function, description=description)


def named_otherwise() -> type:
    """Return another dataclass of the same name."""

    @dataclass
    class Address:
        """Another one."""

        planet: str

    return Address


def test_a_hook_is_a_world_that_a_plugins_world_includes() -> None:
    def order_placed(order_id: int, note: str) -> str: ...

    text = package_text("shop:hooks", [text_of(order_placed, "order-placed", "Called inside the checkout.\n\nOnce.")])
    assert "package shop:hooks;\n" in text
    assert (
        "/// Called inside the checkout.\n///\n/// Once.\nworld order-placed {\n"
        "    export order-placed: func(order-id: s64, note: string) -> result<string, string>;\n}\n"
    ) in text
    assert "interface" not in text


def test_types_that_need_a_name_get_that_of_their_dataclass_or_parameter() -> None:
    text = package_text("shop:hooks", [text_of(everything, "everything"), text_of(silent, "silent")])
    for part in (
        "    record order-line {\n        %type: string,\n        %list: list<s64>,\n"
        "        sent-to: option<address>,\n    }",
        "    record address {\n        street: string,\n        kind: kind,\n    }",
        "    enum kind {\n        home,\n        work,\n    }",
        "    enum size {",
        "    use hook-types.{order-line, size, address};",
        "func(lines: list<order-line>, size: size, pair: tuple<u8, list<u8>>, flag: bool, note: option<string>)",
        "-> result<address, string>;",
        "export silent: func() -> result<_, string>;",
    ):
        assert part in text
    assert text.count("record address {") == 1


def test_two_types_of_one_name_have_two_names() -> None:
    other = named_otherwise()

    def first(home: Address) -> None: ...

    def second(home: Any) -> None: ...

    second.__annotations__["home"] = other
    text = package_text("shop:hooks", [text_of(first, "first"), text_of(second, "second")])
    assert "record address {" in text
    assert "record second-address {" in text
    assert "export second: func(home: second-address)" in text


def test_types_that_only_annotations_name_are_called_after_their_parameter() -> None:
    shape = wit.VariantOf((("dot", None), ("circle", wit.F64)))
    flags = wit.FlagsOf(("bold", "thin"))

    def drawn(shape: Any, how: Any) -> None: ...

    drawn.__annotations__.update(shape=Annotated[Any, shape], how=Annotated[Any, flags])
    text = package_text("shop:hooks", [text_of(drawn, "drawn")])
    assert "variant shape {\n        dot,\n        circle(f64),\n    }" in text
    assert "flags how {" in text


@pytest.mark.parametrize("description", ["*/ world evil {}", "a\x00b\x1b[31m\u202e", "}\nworld evil { }"])
def test_a_description_stays_in_its_comment(description: str) -> None:
    def quiet() -> None: ...

    text = package_text("shop:hooks", [text_of(quiet, "quiet", description)])
    outside = [line for line in text.splitlines() if not line.startswith("///")]
    assert "evil" not in "".join(outside)
    assert all(each.isprintable() for line in text.splitlines() for each in line)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("order-id", True),
        ("x2-ray", True),
        ("URL-of", True),
        ("-x", False),
        ("x-", False),
        ("a--b", False),
        ("camelCase", False),
        ("2nd", False),
        ("x-2", False),
        ("größe", False),
        ("", False),
    ],
)
def test_which_names_wit_can_spell(name: str, expected: bool) -> None:
    assert is_wit_name(name) is expected


def test_every_name_in_a_type_is_looked_at() -> None:
    assert set(spelt_names(hook_type(everything))) == {
        "lines", "size", "pair", "flag", "note", "type", "list", "sent-to", "street", "kind", "home", "work", "small",
        "large",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["shop", "shop:", "Shop:hooks", "shop:hooks@1.0.0", "shop:hooks; world x {}", "a:b:c"])
def test_what_is_no_name_of_a_package_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="package"):
        spell_package(name)


def test_names_of_python_become_names_of_wit() -> None:
    assert [class_name(each) for each in ("Address", "OrderLine", "HTTPServer", "My_Shop", "x")] == [
        "address", "order-line", "http-server", "my-shop", "x",
    ]  # fmt: skip
    assert [package_name(each) for each in ("shop", "my_shop", "", "größe", "2shop")] == [
        "shop:hooks", "my-shop:hooks", "project:hooks", "project:hooks", "project:hooks",
    ]  # fmt: skip


def read_by_componentize_py(folder: Path, world: str) -> str:
    """Return the Python bindings that an author's tool makes of a folder, or what it says is wrong."""
    command = [str(Path(sys.executable).parent / "componentize-py"), "-d", str(folder), "-w", world, "bindings"]
    done = subprocess.run([*command, str(folder / "out")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return "\n".join(path.read_text() for path in sorted((folder / "out").rglob("*.py")))


def test_an_authors_tool_reads_the_package_as_a_dependency(tmp_path: Path) -> None:
    hooks = [text_of(everything, "everything", "Say something."), text_of(silent, "silent")]
    folder = tmp_path / "deps" / "shop-hooks"
    folder.mkdir(parents=True)
    (folder / "hooks.wit").write_text(package_text("shop:hooks", hooks))
    (tmp_path / "deps" / "common").symlink_to(ROOT / "wit" / "plugins-manager-common")
    (tmp_path / "world.wit").write_text(
        "package example:bonus;\n\nworld bonus {\n"
        "    include shop:hooks/everything;\n    include shop:hooks/silent;\n"
        "    export plugins-manager:common/plugin-common;\n}\n"
    )
    bindings = read_by_componentize_py(tmp_path, "bonus")
    assert "def everything(self, lines: List[" in bindings
    assert "def silent(self) -> None:" in bindings
    assert "class OrderLine:" in bindings
    assert "sent_to: Optional[Address]" in bindings


def test_every_word_of_wit_can_be_a_name(tmp_path: Path) -> None:
    params = tuple((word, wit.EnumOf(tuple(sorted(KEYWORDS)))) for word in sorted(KEYWORDS))
    words = HookText(name="import", type=wit.Func(params), function=silent, description="")
    (tmp_path / "hooks.wit").write_text(package_text("interface:world", [words]))
    read_by_componentize_py(tmp_path, "%import")
