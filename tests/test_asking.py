"""A question to another thread: answered in time, or as if nobody had asked."""

from __future__ import annotations

import threading

from wasm_plugins.asking import Question


def test_an_answer_in_time_is_the_askers() -> None:
    undone: list[str] = []
    question = Question(lambda: "yes", undone.append)
    thread = threading.Thread(target=question.answer)
    thread.start()
    assert question.wait(5) == "yes"
    thread.join()
    assert undone == []


def test_an_answer_that_comes_too_late_is_undone() -> None:
    undone: list[str] = []
    may_go_on = threading.Event()

    def act() -> str:
        assert may_go_on.wait(5)
        return "yes"

    question = Question(act, undone.append)
    thread = threading.Thread(target=question.answer)
    thread.start()
    assert question.wait(0.01) is None
    may_go_on.set()
    thread.join(5)
    assert undone == ["yes"]


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    done: list[None] = []
    question = Question(lambda: done.append(None))
    assert question.wait(0) is None
    question.answer()
    assert done == []


def test_a_failure_is_no_answer_and_comes_out_at_once() -> None:
    def fail() -> str:
        raise ValueError("no")

    question = Question(fail)
    question.answer()
    assert question.wait(5) is None
