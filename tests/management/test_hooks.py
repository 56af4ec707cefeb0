"""``manage.py plugins hooks``: what the project declares, who answers, and the package for authors."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.test_wit_package import read_by_componentize_py
from wasm_plugins import hooks
from wasm_plugins.testing import FakePlugin, override_plugins


@pytest.fixture(autouse=True)
def only_the_shops_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the hooks that other tests declare."""
    shops = {name: each for name, each in hooks.declared_hooks().items() if each.__module__.startswith("project.")}
    monkeypatch.setattr(hooks, "_declared_hooks", shops)


def run(*arguments: str) -> Any:
    """Run the subcommand with ``--json`` and return its document."""
    out = io.StringIO()
    call_command("plugins", "hooks", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def shown(*arguments: str) -> str:
    out = io.StringIO()
    call_command("plugins", "hooks", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_every_hook_is_listed_with_what_it_is_and_who_answers_it_in_order() -> None:
    late = FakePlugin("late", hooks={"order-placed": lambda *args: ""}, priority=200, version=3)
    early = FakePlugin("zebra", hooks={"order-placed": lambda *args: ""})
    with override_plugins(late, early):
        document = run()
    assert document["wit"] is None
    placed = next(each for each in document["hooks"] if each["name"] == "order-placed")
    assert placed == {
        "name": "order-placed",
        "type": "func(order-id: s64, note: string) -> result<string, string>",
        "mode": "all",
        "on_error": "raise",
        "using": "default",
        "deadline_ms": None,
        "declared_as": "project.shop.plugin_hooks.order_placed",
        "description": placed["description"],
        "plugins": [{"name": "zebra", "version": 1}, {"name": "late", "version": 3}],
    }
    assert placed["description"]
    assert [each["name"] for each in document["hooks"]] == sorted(each["name"] for each in document["hooks"])


@pytest.mark.django_db
def test_people_see_a_table() -> None:
    with override_plugins(FakePlugin("bonus", hooks={"order-placed": lambda *args: ""}, version=2)):
        lines = {line.split()[0]: line for line in shown().splitlines()}
    assert "bonus 2" in lines["order-placed"]
    assert "filter" in lines["order-price"]
    assert "func(price-cents: s64, items: string) -> result<s64, string>" in lines["order-price"]


@pytest.mark.django_db
def test_a_project_without_hooks_is_told_how_to_declare_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hooks, "_declared_hooks", {})
    assert "@hook" in shown()
    with pytest.raises(CommandError) as caught:
        run("--wit", str(tmp_path))
    assert caught.value.returncode == 2


def test_the_package_is_written_without_a_database_and_an_authors_tool_reads_it(tmp_path: Path) -> None:
    document = run("--wit", str(tmp_path / "new" / "deps"))
    file = Path(document["wit"])
    assert file == tmp_path / "new" / "deps" / "tests-hooks" / "hooks.wit"
    assert {each["plugins"] for each in document["hooks"]} == {None}
    assert "/// Mode `filter`; an error of a plugin undoes what all plugins did." in file.read_text()
    assert "def order_placed(self, order_id: int, note: str) -> str:" in read_by_componentize_py(
        file.parent, "order-placed"
    )
    assert str(file) in shown("--wit", str(tmp_path / "new" / "deps"))


def test_the_package_may_have_another_name(tmp_path: Path) -> None:
    run("--wit", str(tmp_path), "--package", "my-shop:points")
    assert "package my-shop:points;" in (tmp_path / "my-shop-points" / "hooks.wit").read_text()


@pytest.mark.parametrize(
    "arguments", [["--package", "shop:hooks"], ["--wit", "FOLDER", "--package", "../x"], ["--wit", "FILE"]]
)
def test_a_wrong_call_ends_with_status_2(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "file").write_text("")
    places = {"FOLDER": str(tmp_path), "FILE": str(tmp_path / "file")}
    with pytest.raises(CommandError) as caught:
        run(*(places.get(each, each) for each in arguments))
    assert caught.value.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
