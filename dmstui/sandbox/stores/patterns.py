"""CloudWatch Logs filter patterns: words, phrases, ``?or``, ``-not``, ``%regex%`` and simple JSON selectors. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from dmstui.sandbox.service import Fault

Test = Callable[[str], bool]

_TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]*)%|(\S+))')
_SELECTOR = re.compile(r'^\{\s*\$\.([\w.\[\]]+)\s*(=|!=|<=|>=|<|>)\s*("(?:[^"\\]|\\.)*"|[^\s}]+)\s*\}$')


def compile_pattern(pattern: str | None) -> Test:
    """A test of one message; Fault for a pattern the sandbox cannot read."""
    text = (pattern or "").strip()
    if not text:
        return lambda _message: True
    if text.startswith("{"):
        return _json_test(text)
    if text.startswith("["):
        raise Fault("InvalidParameterException", "Space-delimited filter patterns are not in the sandbox.")
    needed: list[Test] = []
    either: list[Test] = []
    refused: list[Test] = []
    for sign, phrase, regex, word in _TERM.findall(text):
        test = _regex_test(regex) if regex else _contains(phrase.replace('\\"', '"') or word)
        {"": needed, "?": either, "-": refused}[sign].append(test)
    return lambda message: (
        all(test(message) for test in needed)
        and (not either or bool(needed) or any(test(message) for test in either))
        and not any(test(message) for test in refused)
    )


def _contains(text: str) -> Test:
    return lambda message: text in message


def _regex_test(text: str) -> Test:
    try:
        expression = re.compile(text)
    except re.error as error:
        raise Fault("InvalidParameterException", f"Invalid filter pattern: {error}") from None
    return lambda message: expression.search(message) is not None


def _json_test(text: str) -> Test:
    match = _SELECTOR.match(text)
    if match is None:
        raise Fault("InvalidParameterException", "Only one comparison of one JSON field is in the sandbox.")
    path, operator, literal = match[1], match[2], match[3].strip('"')

    def test(message: str) -> bool:
        try:
            value = json.loads(message)
            for part in re.findall(r"[^.\[\]]+", path):
                value = value[int(part)] if isinstance(value, list) else value[part]
        except (ValueError, KeyError, IndexError, TypeError):
            return False
        return _compare(value, operator, literal)

    return test


def _compare(value: object, operator: str, literal: str) -> bool:
    if operator in ("=", "!="):
        wanted = re.compile(".*".join(re.escape(part) for part in literal.split("*")))
        text = json.dumps(value) if isinstance(value, (bool, dict, list)) or value is None else str(value)
        return (wanted.fullmatch(text) is not None) == (operator == "=")
    try:
        left, right = float(str(value)), float(literal)
    except ValueError:
        return False
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator]
