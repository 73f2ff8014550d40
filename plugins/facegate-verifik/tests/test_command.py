"""``facegate verifik renew`` as an operator meets it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facegate import ConfigurationError, CredentialsExpired
from facegate_verifik.commands import verifik
from loopback import Server, reply

RENEWED = reply(200, {"accessToken": "new-token", "tokenType": "bearer"})


def renew(folder: Path, url: str, *arguments: str, plugin: str = "verifik") -> Result:
    config = folder / "facegate.toml"
    settings = f'base_url = "{url}"\ntoken = "old-token"\n' if plugin == "verifik" else ""
    config.write_text(f'[providers.main]\nplugin = "{plugin}"\n{settings}')
    return CliRunner().invoke(verifik, ["renew", "--config", str(config), *arguments])


def test_the_new_token_is_printed(tmp_path: Path) -> None:
    with Server(RENEWED) as server:
        done = renew(tmp_path, server.url, "--months", "3")
    assert (done.exit_code, done.stdout) == (0, "new-token\n")
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("GET", "/v2/auth/session?origin=refresh&expiresIn=3")
    assert seen.headers["authorization"] == "Bearer old-token"


def test_or_written_to_a_file_of_ones_own(tmp_path: Path) -> None:
    target = tmp_path / "token"
    target.write_text("old-token")
    with Server(RENEWED) as server:
        done = renew(tmp_path, server.url, "--provider", "main", "--to", str(target))
    assert (done.exit_code, done.stdout) == (0, "")
    assert target.read_text() == "new-token\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["facegate.toml", "token"]
    if os.name == "posix":
        assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("body", [{}, {"accessToken": ""}, {"accessToken": None}])
def test_no_token_is_no_renewal(tmp_path: Path, body: dict[str, str]) -> None:
    target = tmp_path / "token"
    with Server(reply(200, body)) as server:
        done = renew(tmp_path, server.url, "--to", str(target))
    assert done.exit_code
    assert not target.exists()


def test_a_failure_is_left_to_the_command_line_to_show(tmp_path: Path) -> None:
    refused = {"code": "Unauthorized", "message": "Invalid or expired token."}
    with Server(reply(401, refused)) as server:
        done = renew(tmp_path, server.url)
        lost = renew(tmp_path, server.url, "--provider", "backup")
    assert isinstance(done.exception, CredentialsExpired)
    assert isinstance(lost.exception, ConfigurationError)


def test_another_vendors_token_is_none_of_ours(tmp_path: Path) -> None:
    done = renew(tmp_path, "", plugin="local")
    assert isinstance(done.exception, ConfigurationError)
    assert "not Verifik" in done.exception.message


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "token"
    with Server(RENEWED) as server:
        done = renew(tmp_path, server.url, "--to", str(target))
    assert isinstance(done.exception, ConfigurationError)
    assert str(target) in done.exception.message
    assert "new-token" not in f"{done.exception}{done.output}"
