"""A backend that speaks only to callers with a certificate, and the plugin's process before it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme

from tests.e2e.backend_process import API_KEY, ROOT, BackendProcess
from tests.e2e.daemon import PluginProcess
from tests.e2e.dify import Dify, failure
from tests.e2e.nodes import Nodes
from tests.plugin.certificates import DAMAGED, caller_form, chain, issue, pem
from tests.plugin.sound import is_bare_mp3


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The operator's authority, of the server's certificate and of those of its callers."""
    return trustme.CA()


@pytest.fixture(scope="module")
def caller(authority: trustme.CA) -> trustme.LeafCert:
    """The certificate that the operator has given to Dify."""
    return issue(authority)


@pytest.fixture(scope="module")
def strict_backend(
    tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA, caller: trustme.LeafCert
) -> Iterator[BackendProcess]:
    """The real backend with the starter bundle, which demands a certificate of its callers."""
    folder = tmp_path_factory.mktemp("strict")
    own = authority.issue_cert("localhost", "127.0.0.1")
    own.private_key_pem.write_to_path(folder / "server.key")
    own.cert_chain_pems[0].write_to_path(folder / "server.pem")
    authority.cert_pem.write_to_path(folder / "clients.pem")
    settings = {
        "tls_cert": folder / "server.pem",
        "tls_key": folder / "server.key",
        "tls_client_ca": folder / "clients.pem",
    }
    credentials = grpc.ssl_channel_credentials(
        authority.cert_pem.bytes(),
        caller.private_key_pem.bytes(),
        chain(caller),
    )
    with BackendProcess(folder, settings, credentials) as backend:
        yield backend


@pytest.fixture
def dify(
    plugin_process: PluginProcess,
    strict_backend: BackendProcess,
    authority: trustme.CA,
    caller: trustme.LeafCert,
) -> Dify:
    """A workspace with that backend and with what its form must hold."""
    form = {"server_address": strict_backend.address, "api_key": API_KEY, "timeout": "240"}
    return Dify(plugin_process, {**form, **caller_form(authority, caller)})


def key_lines(*certificates: trustme.LeafCert) -> list[str]:
    """Return the lines of private keys that nobody may read anywhere."""
    lines = [
        line
        for each in certificates
        for line in each.private_key_pem.bytes().decode().splitlines()
        if "-----" not in line
    ]
    assert lines
    return lines


def test_with_its_certificate_dify_is_served(dify: Dify) -> None:
    assert dify.validate() is True
    voice = dify.voices("en-US")[0]["value"]
    assert is_bare_mp3(dify.speak("Good morning.", voice).sound)
    assert dify.schema()["model_properties"]["voices"]


def test_nodes_with_the_certificate_are_served(tools_process: PluginProcess, dify: Dify) -> None:
    form = {**dify.credentials}
    form["ca_certificate"] = form.pop("mutual_ca_certificate")
    nodes = Nodes(tools_process, form)
    assert nodes.validate() is True
    assert nodes.run("list_voices").variables["voices"]


def test_the_command_line_is_served_with_the_certificate(
    strict_backend: BackendProcess, authority: trustme.CA, caller: trustme.LeafCert, tmp_path: Path
) -> None:
    files = {
        "GPTSOVITS_CA_CERT": authority.cert_pem,
        "GPTSOVITS_CLIENT_CERT": caller.cert_chain_pems[0],
        "GPTSOVITS_CLIENT_KEY": caller.private_key_pem,
    }
    for name, blob in files.items():
        blob.write_to_path(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-m", "backend", "voices", "list", "--server", strict_backend.address],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "proto"),
            "GPTSOVITS_KEY": API_KEY,
            **{name: str(tmp_path / name) for name in files},
        },
        check=True,
        capture_output=True,
        text=True,
    )
    assert "rms" in done.stdout


def test_the_certificate_does_not_replace_the_key(dify: Dify) -> None:
    error = failure(dify.with_credentials(api_key="wrong-secret").validate)
    assert "does not know this API key" in error.message


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        ("no TLS", "it is off, and the server may speak TLS"),
        ("no certificate", "choose TLS both ways (mTLS), and paste the certificate"),
        ("a stranger's certificate", "It must be of the authority that the server asks for"),
        ("another certificate's key", "the key belongs to another certificate"),
        ("a damaged certificate", "one is damaged"),
        ("a damaged authority", "one is damaged"),
        ("an authority that is not the server's", "shows a certificate that is not trusted"),
        ("half of a key", "The private key is not a private key in PEM"),
    ],
)
def test_a_wrong_or_missing_certificate_is_refused_with_what_to_do(
    dify: Dify, authority: trustme.CA, caller: trustme.LeafCert, mistake: str, advice: str
) -> None:
    stranger = issue(trustme.CA())
    form = caller_form(authority, caller)
    changes = {
        "no TLS": {"tls": "off"},
        "no certificate": {"tls": "own_ca", "ca_certificate": form["mutual_ca_certificate"]},
        "a stranger's certificate": caller_form(authority, stranger),
        "another certificate's key": {"client_key": caller_form(authority, stranger)["client_key"]},
        "a damaged certificate": {"client_certificate": DAMAGED},
        "a damaged authority": {"mutual_ca_certificate": DAMAGED},
        "an authority that is not the server's": {"mutual_ca_certificate": pem(trustme.CA())},
        "half of a key": {"client_key": form["client_key"][:200]},
    }[mistake]
    wrong = dify.with_credentials(**changes)
    checked, spoken = failure(wrong.validate), failure(wrong.speak, "Hello.", "rms")
    assert checked.error_type == "CredentialsValidateFailedError"
    assert spoken.error_type in ("InvokeConnectionError", "InvokeBadRequestError")
    for error in (checked, spoken):
        assert advice in error.message
        told = error.message + error.args_text + dify.plugin.log
        assert [line for line in key_lines(caller, stranger) if line in told] == []
        assert "BEGIN" not in error.args_text.replace("from -----BEGIN PRIVATE KEY----- to", "")
