"""Tests of what gets into the log, and of what never does."""

from __future__ import annotations

import ast
import io
import json
import logging
from pathlib import Path

import pytest

import mailrules
from mailrules.logs import EVENTS, LogFormat, configure, get_logger
from mailrules.secret import Secret

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_logs_are_json_lines_where_stderr_is_no_terminal() -> None:
    stream = io.StringIO()
    configure(stream, only_listed_events=True)

    get_logger(account="home").info("run.finished", run="r1", applied={"move": 2})

    (line,) = lines(stream)
    assert line["event"] == "run.finished"
    assert line["account"] == "home"
    assert line["applied"] == {"move": 2}
    assert line["level"] == "info"
    assert str(line["timestamp"]).endswith("Z")


def test_console_lines_are_for_people() -> None:
    stream = io.StringIO()
    configure(stream, log_format=LogFormat.CONSOLE)

    get_logger().warning("connection.lost", error="reset\nby peer\x1b[2J")

    assert "connection.lost" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


def test_an_event_that_is_not_listed_is_refused_when_asked_for() -> None:
    configure(io.StringIO(), only_listed_events=True)

    with pytest.raises(ValueError, match="not listed"):
        get_logger().info("something.happened")


def test_a_secret_is_hidden_at_any_depth() -> None:
    stream = io.StringIO()
    configure(stream)

    get_logger().info("run.finished", password=Secret("hunter2"), nested={"list": [Secret("hunter2")]})

    assert "hunter2" not in stream.getvalue()
    assert lines(stream)[0]["nested"] == {"list": ["***"]}


def test_words_of_a_message_are_dropped_above_debug_and_hidden_at_debug() -> None:
    stream = io.StringIO()
    configure(stream, level=logging.DEBUG)

    get_logger().info("mailbox.watched", subject="our affair", uid=7)
    get_logger().debug("mailbox.watched", subject="our affair", uid=7)

    above, at_debug = lines(stream)
    assert "subject" not in above
    assert at_debug["subject"] == "***"


def test_words_of_a_message_are_shown_at_debug_only_when_asked_for_by_name() -> None:
    stream = io.StringIO()
    configure(stream, level=logging.DEBUG, show_content=True)

    get_logger().debug("mailbox.watched", subject="our\x1b affair")
    get_logger().info("mailbox.watched", subject="our affair")

    at_debug, above = lines(stream)
    assert at_debug["subject"] == "our affair"
    assert "subject" not in above


def test_an_exception_is_logged_with_its_traceback_and_without_local_values() -> None:
    stream = io.StringIO()
    configure(stream)
    password = "hunter2"

    try:
        raise ValueError(f"{len(password)} is wrong")
    except ValueError:
        get_logger().exception("task.failed")

    assert "ValueError: 7 is wrong" in str(lines(stream)[0]["exception"])
    assert "hunter2" not in stream.getvalue()


def logged_events() -> set[str]:
    """The first argument of every call that looks like a line of log, in the whole product."""
    found = set()
    for path in Path(mailrules.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "get_logger" not in text:  # imaplib's exception is called error, too
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(node.args[0].value)
    return found


def test_the_list_of_events_is_exactly_what_the_product_logs() -> None:
    assert logged_events() == EVENTS
