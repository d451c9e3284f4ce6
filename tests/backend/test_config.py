"""Settings come from where they should, and dangerous ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.config import ClientSettings, Settings, misspelt_variables, read_settings
from backend.errors import ConfigurationError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("GPTSOVITS_")]:
        monkeypatch.delenv(name)


def test_environment_sets_every_kind_of_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTSOVITS_PORT", "1234")
    monkeypatch.setenv("GPTSOVITS_API_KEYS", "one, two,")
    monkeypatch.setenv("GPTSOVITS_DATA_DIR", "/somewhere")
    settings = Settings()
    assert settings.port == 1234
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]
    assert settings.data_dir == Path("/somewhere")


def test_environment_beats_the_file_and_arguments_beat_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "server.toml"
    file.write_text('port = 1\nmax_streams = 3\nmax_queue = 5\napi_keys = ["from-file"]\n')
    monkeypatch.setenv("GPTSOVITS_CONFIG", str(file))
    monkeypatch.setenv("GPTSOVITS_PORT", "2")
    monkeypatch.setenv("GPTSOVITS_MAX_QUEUE", "6")
    settings = Settings(max_queue=7)
    assert (settings.port, settings.max_streams, settings.max_queue) == (2, 3, 7)
    assert settings.api_keys[0].get_secret_value() == "from-file"


def test_unknown_setting_in_the_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "server.toml"
    file.write_text("prot = 1\n")
    monkeypatch.setenv("GPTSOVITS_CONFIG", str(file))
    with pytest.raises(ValidationError, match="prot"):
        Settings()


def test_missing_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTSOVITS_CONFIG", "/no/such/file.toml")
    with pytest.raises(ConfigurationError, match="no file"):
        Settings()


@pytest.mark.parametrize("content", [b"port = = 1", b"\xff\xfe\x00"])
def test_file_that_is_no_toml_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "server.toml"
    file.write_bytes(content)
    monkeypatch.setenv("GPTSOVITS_CONFIG", str(file))
    with pytest.raises(ConfigurationError, match=r"server\.toml cannot be read as TOML"):
        Settings()


def test_wrong_settings_are_told_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"port: .* 65535; max_streams: "):
        read_settings(port=70000, max_streams=0)


def test_misspelt_variable_is_told_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTSOVITS_API_KEY", "hunter2")
    monkeypatch.setenv("GPTSOVITS_PORT", "1")
    monkeypatch.setenv("GPTSOVITS_KEY", "of the client")
    (sentence,) = misspelt_variables()
    assert sentence == "GPTSOVITS_API_KEY is no setting; the nearest is GPTSOVITS_API_KEYS"


def test_keys_are_never_printed() -> None:
    assert "hunter2" not in repr(Settings(api_keys="hunter2"))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "unix:/tmp/socket"])
def test_this_machine_may_be_served_without_a_key(host: str) -> None:
    Settings(host=host).check_exposure()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_network_is_not_served_without_a_key_unless_asked_for(host: str) -> None:
    with pytest.raises(ConfigurationError, match="GPTSOVITS_API_KEYS"):
        Settings(host=host).check_exposure()
    Settings(host=host, api_keys="key").check_exposure()
    Settings(host=host, allow_anonymous=True).check_exposure()


@pytest.mark.parametrize(
    "values",
    [
        {"port": 70000},
        {"tls_cert": "cert.pem"},
        {"tls_client_ca": "clients.pem"},
        {"max_streams": 0},
        {"log_level": "LOUD"},
    ],
)
def test_impossible_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**values)


def test_client_finds_its_server_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTSOVITS_SERVER", "speech:1")
    monkeypatch.setenv("GPTSOVITS_KEY", "key")
    settings = ClientSettings()
    assert settings.server == "speech:1"
    assert settings.key is not None
    assert settings.key.get_secret_value() == "key"
