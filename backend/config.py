"""Settings of the server and of the command line client.

The only file of the backend that reads the environment. Values come, first wins, from the
command line, from variables `GPTSOVITS_*`, and from the TOML file that `GPTSOVITS_CONFIG`
names.
"""

from __future__ import annotations

import ipaddress
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from backend.errors import ConfigurationError

PREFIX = "GPTSOVITS_"
STARTER_BUNDLE = Path(__file__).parents[1] / "engine" / "bundles" / "starter"


class Settings(BaseSettings):
    """How the server runs; every field is `GPTSOVITS_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(50051, ge=0, le=65535, description="port to listen on; 0 picks one")
    data_dir: Path = Field(Path("data"), description="folder of voices and their database")
    bundle: Annotated[tuple[Path, ...], NoDecode] = Field(
        (STARTER_BUNDLE,), min_length=1, description="folders of weights, comma separated"
    )
    verifier: str = Field(
        "",
        description="what listens to every sentence before it is heard, `module:function` "
        "(`backend.verifiers.sphinx:english` comes along); sentences then come whole",
    )
    lexicon: Path | None = Field(None, description="JSON file of words and their pronunciation")
    device: str = Field("auto", description="`auto`, `cpu`, `cuda` or `cuda:N`")
    precision: Literal["auto", "float32", "half", "int8"] = Field(
        "auto",
        description="of the text-to-semantic model; `auto` loses nothing, a GPU has no int8",
    )
    threads: int = Field(0, ge=0, description="CPU threads of the models; 0 takes what is fastest")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="keys that callers may use, comma separated"
    )
    allow_anonymous: bool = Field(False, description="serve a network without keys")
    tls_cert: Path | None = Field(None, description="certificate chain, PEM")
    tls_key: Path | None = Field(None, description="private key, PEM")
    tls_client_ca: Path | None = Field(
        None, description="callers must show a certificate of this authority, PEM"
    )
    max_text_characters: int = Field(20_000, ge=1, description="of one request")
    max_upload_bytes: int = Field(16 * 2**20, ge=1, description="of each recording")
    max_streams: int = Field(16, ge=1, description="requests that are decoded together")
    max_queue: int = Field(64, ge=0, description="requests that wait for a free stream")
    stream_idle_s: float = Field(
        60.0, gt=0, description="how long a stream that speaks along may have nothing to say"
    )
    rest_s: float = Field(
        60.0, gt=0, description="time without work until freed memory goes back to the system"
    )
    drain_s: float = Field(30.0, ge=0, description="time that live requests get at the end")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @field_validator("bundle", mode="before")
    @classmethod
    def _split_folders(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(folder.strip()) for folder in value.split(",") if folder.strip())
        return (value,) if isinstance(value, Path) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key must be given together")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("tls_client_ca needs tls_cert and tls_key")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of precedence."""
        path = os.environ.get(f"{PREFIX}CONFIG")
        if path is None:
            return init_settings, env_settings
        if not Path(path).is_file():
            raise ConfigurationError(f"{PREFIX}CONFIG names {path!r}, which is no file")
        try:
            file_settings = TomlConfigSettingsSource(settings_cls, Path(path))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{path} cannot be read as TOML: {error}") from error
        return init_settings, env_settings, file_settings

    def check_exposure(self) -> None:
        """Refuse to serve a network without keys unless that was asked for.

        Raises:
            ConfigurationError: no key is set, and `host` is more than this machine.
        """
        if self.api_keys or self.allow_anonymous or _is_loopback(self.host):
            return
        raise ConfigurationError(
            f"listening on {self.host} without a key would let anybody in: "
            f"set {PREFIX}API_KEYS, or {PREFIX}ALLOW_ANONYMOUS=true to allow just that"
        )


def describe_settings() -> str:
    """The variables of all settings, one a paragraph."""
    lines = [
        f"{PREFIX}{name.upper()}: {field.description}{_default(field.default)}"
        for name, field in Settings.model_fields.items()
    ]
    file = f"{PREFIX}CONFIG: TOML file of these settings, in small letters and without the prefix"
    return "\n\n".join(["Variables:", *lines, file])


def read_settings(**given: Any) -> Settings:
    """Return the settings; those that are given come before the environment and the file.

    Raises:
        ConfigurationError: one of them is wrong; the message says which and why.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = (
            f"{'.'.join(map(str, fault['loc'])) or 'settings'}: "
            f"{fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise ConfigurationError("; ".join(faults)) from error


class ClientSettings(BaseSettings):
    """Where the command line client finds a server: `GPTSOVITS_SERVER`, `GPTSOVITS_KEY`.

    `ca_cert` is the authority of a server with TLS; `client_cert` and `client_key` are what a
    server with `tls_client_ca` asks for. All three are PEM files.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    server: str = "127.0.0.1:50051"
    key: SecretStr | None = None
    ca_cert: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None


def misspelt_variables() -> list[str]:
    """What is wrong with variables of our prefix that no setting reads, a sentence for each."""
    fields = (*Settings.model_fields, *ClientSettings.model_fields, "config")
    known = [PREFIX + name.upper() for name in fields]
    strangers = (name for name in os.environ if name.startswith(PREFIX) and name not in known)
    return [
        f"{name} is no setting; the nearest is {get_close_matches(name, known, 1, 0.0)[0]}"
        for name in sorted(strangers)
    ]


def _default(value: object) -> str:
    return f" ({value})" if isinstance(value, str | int | float) else ""


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.startswith("unix:"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
