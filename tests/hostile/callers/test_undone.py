"""A task whose transaction is undone although the plugin itself ended well."""

from __future__ import annotations

import pytest

from tests.components import json_handler, ok, sql
from tests.tasks.conftest import make_run
from tests.tasks.installed import MakeRun, install_plugin
from wasm_plugins.models import AuditEntry
from wasm_plugins.tasks import outcome, perform_run

__all__ = ["make_run"]


@pytest.mark.django_db
def test_hc_17_an_answer_that_is_too_long_does_not_undo_the_entry(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "RESULT_BYTES", 4)
    write = sql("DELETE FROM wasm_plugins_taskrun WHERE handler = 'nobody'")
    writing = sql("UPDATE wasm_plugins_generation SET id = id")
    plugin = install_plugin(
        "loyalty",
        {"recount": json_handler(ok('{"long": 1}', first=[write, writing]))},
        tables={"wasm_plugins_taskrun": ["select", "delete"], "wasm_plugins_generation": ["select", "update"]},
    )
    run = make_run(plugin)
    assert perform_run(str(run.pk)) == "failed"
    assert AuditEntry.objects.filter(act="task", plugin="loyalty").count() == 1
