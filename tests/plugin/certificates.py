"""Certificates of tests: what servers run with, and what Dify's form holds of callers."""

from __future__ import annotations

import grpc
import trustme

DAMAGED = "-----BEGIN CERTIFICATE----- QUJD -----END CERTIFICATE-----"


def server_credentials(
    authority: trustme.CA, *names: str, strict: bool = False
) -> grpc.ServerCredentials:
    """Return what a server of these names runs with; a `strict` one demands certificates."""
    issued = authority.issue_cert(*(names or ("localhost", "127.0.0.1")))
    return grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), chain(issued))],
        root_certificates=authority.cert_pem.bytes() if strict else None,
        require_client_auth=strict,
    )


def issue(authority: trustme.CA) -> trustme.LeafCert:
    """Return a certificate for Dify."""
    return authority.issue_cert("dify@example.org")


def chain(certificate: trustme.LeafCert) -> bytes:
    """Return a certificate with those above it, as PEM."""
    return b"".join(blob.bytes() for blob in certificate.cert_chain_pems)


def pem(authority: trustme.CA) -> str:
    """Return an authority's certificate."""
    return authority.cert_pem.bytes().decode()


def caller_form(authority: trustme.CA, caller: trustme.LeafCert) -> dict[str, str]:
    """Return the form of a caller with that certificate, who trusts servers of `authority`.

    It lacks line breaks, as forms take them out.
    """
    return {
        "tls": "mutual",
        "mutual_ca_certificate": pem(authority).replace("\n", " "),
        "client_certificate": chain(caller).decode().replace("\n", " "),
        "client_key": caller.private_key_pem.bytes().decode().replace("\n", " "),
    }
