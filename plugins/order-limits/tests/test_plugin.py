"""Calls the built plugin as a host does, in the same sandbox. After `wasm-plugins build`:

python -m unittest discover tests
"""

import json
import subprocess
import sys
import unittest
from pathlib import Path

PLUGIN = Path(__file__).resolve().parent.parent / "build" / "order-limits.wasm"


def call(*arguments):
    """Run `wasm-plugins call`, and return its report: answer, error, log, time, memory."""
    command = [sys.executable, "-m", "wasm_plugins.kit", "call", str(PLUGIN), *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


class TestPlugin(unittest.TestCase):
    def test_the_hook_answers_and_logs(self):
        report = call("hook", "order-placed", "42", "gift")
        self.assertEqual(report["answer"], "thank you for order 42")
        self.assertEqual(report["log"][0]["level"], "info")

    def test_the_hook_refuses_what_is_no_order(self):
        self.assertEqual(call("hook", "order-placed", "0", "gift")["error"]["detail"], "there is no order 0")

    def test_the_route_greets(self):
        self.assertEqual(call("route", "GET", "/order-limits/hello")["answer"], {"hello": "world"})

    def test_the_task_is_done(self):
        self.assertEqual(call("task", "tidy-up", "{}")["answer"], {"done": True})


if __name__ == "__main__":
    unittest.main()
