"""THREAT_MODEL.md is true: every case has the test that it names, or a reason; every hostile test belongs to a case."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
HOSTILE: Final = ROOT / "tests" / "hostile"
TEXT: Final = (ROOT / "THREAT_MODEL.md").read_text()

CASES: Final = {"HP": 33, "HC": 16, "S3": 16, "SQ": 19, "AD": 8, "IF": 13, "LS": 8}
"""How many cases each group has."""

MOST_UNTESTED: Final = 6

_ROW: Final = re.compile(r"^\| ((?:HP|HC|S3|SQ|AD|IF|LS)-\d\d) \| [^|]+ \| (.+) \| (.+) \|$", re.MULTILINE)
_TEST: Final = re.compile(r"test_(hp|hc|s3|sq|ad|if|ls)_(\d\d)_\w+")
_THREAT: Final = re.compile(r"^\| T(\d+) \| .+$", re.MULTILINE)


def hostile_tests() -> dict[str, dict[str, list[str]]]:
    """Return the names of all hostile tests by case and file."""
    found: dict[str, dict[str, list[str]]] = {}
    for file in sorted(HOSTILE.rglob("test_*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and (match := _TEST.fullmatch(node.name)):
                case = f"{match[1]}-{match[2]}".upper()
                found.setdefault(case, {}).setdefault(file.relative_to(HOSTILE).as_posix(), []).append(node.name)
    return found


def test_the_table_has_every_case_once() -> None:
    cases = [row[0] for row in _ROW.findall(TEXT)]
    assert len(cases) == len(set(cases))
    assert {group: sum(case.startswith(group) for case in cases) for group in CASES} == CASES


def test_every_case_names_a_test_that_exists_or_says_why_there_is_none() -> None:
    tests = hostile_tests()
    for case, file, said in _ROW.findall(TEXT):
        if case not in tests:
            assert file == "–", f"{case}: {file} has no test of it"
            assert len(said) > 40, f"{case}: the reason {said!r} is none"
            continue
        name, count = re.fullmatch(r"`(\w+)` \((\d+)\)", said).groups()  # type: ignore[union-attr]
        assert name in tests[case][file.strip("`")], f"{case}: there is no {name} in {file}"
        assert int(count) == sum(map(len, tests[case].values())), f"{case}: it has another number of tests"


def test_no_more_cases_than_a_few_are_without_a_test() -> None:
    rows = _ROW.findall(TEXT)
    assert sum(file == "–" for _, file, _ in rows) <= MOST_UNTESTED


def test_every_hostile_test_belongs_to_a_case() -> None:
    assert hostile_tests().keys() <= {case for case, _, _ in _ROW.findall(TEXT)}


def test_the_first_fourteen_threats_are_mitigated_and_name_tests_that_exist() -> None:
    names = {name for files in hostile_tests().values() for tests in files.values() for name in tests}
    threats = {int(found[1]): found[0] for found in _THREAT.finditer(TEXT)}
    assert list(threats)[:14] == list(range(1, 15))
    for number, row in threats.items():
        assert number > 14 or "mitigated" in row, f"T{number} is not mitigated"
        cited = _TEST.finditer(row)
        missing = {match[0] for match in cited} - names
        assert not missing, f"T{number} names {missing}, which are no tests"
        assert number > 14 or _TEST.search(row), f"T{number} names no test"
