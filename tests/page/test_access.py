"""Who may use the page."""

from __future__ import annotations

import socket

import pytest

from aassl_ros.errors import ConfigError
from aassl_ros.page.access import is_loopback, make_access

TOKEN = "a secret of the lab"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.3.4.5"])
def test_on_this_machine_no_token_is_needed(host: str) -> None:
    assert is_loopback(host)
    access = make_access(host, "")
    assert access.token == ""
    for header in ("127.0.0.1:8765", "localhost:8765", "[::1]:8765", "LOCALHOST"):
        assert access.refusal(header, None, "") == ""


@pytest.mark.parametrize("host", ["evil.example:8765", "127.0.0.1.evil.example", "10.0.0.7:8765", "", "[", "a:b:c"])
def test_a_foreign_name_for_this_machine_is_refused(host: str) -> None:
    assert "is not one of this machine" in make_access("127.0.0.1", "").refusal(host, None, "")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:8766", "file://", "http://[", "127.0.0.1:8765", ""]
)
def test_a_request_of_another_page_is_refused(origin: str) -> None:
    access = make_access("127.0.0.1", "")
    assert "are not allowed" in access.refusal("127.0.0.1:8765", origin, "")
    assert access.refusal("127.0.0.1:8765", "http://127.0.0.1:8765", "") == ""


def test_if_others_can_connect_a_token_is_made_and_needed() -> None:
    first, second = make_access("0.0.0.0", ""), make_access("0.0.0.0", "")
    assert len(first.token) > 16
    assert first.token != second.token
    for wrong in ("", "wrong", first.token[:-1], "\udce9", "é"):
        assert "token is missing or wrong" in first.refusal("10.0.0.7:8765", None, wrong)
    assert first.refusal("10.0.0.7:8765", None, first.token) == ""


def test_others_may_use_the_names_of_the_machine_and_those_of_the_parameter() -> None:
    access = make_access("0.0.0.0", TOKEN, ("Robot.lab",))
    own = socket.gethostname()
    for host in (f"{own}:8765", f"{own}.local", "robot.lab:8765", "10.0.0.7:8765", "[fe80::1]:8765", "localhost"):
        assert access.refusal(host, None, TOKEN) == ""
    assert "host_names" in access.refusal("evil.example:8765", None, TOKEN)


def test_a_given_token_is_needed_on_this_machine_too() -> None:
    access = make_access("127.0.0.1", TOKEN)
    assert access.refusal("127.0.0.1:8765", None, "") != ""
    assert access.refusal("127.0.0.1:8765", None, TOKEN) == ""


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ConfigError, match="the token has 4 characters, expected at least 8"):
        make_access("127.0.0.1", "1234")
