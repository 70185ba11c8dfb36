"""Certificates in a file that a command was given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.common import Failure

if TYPE_CHECKING:
    from cryptography import x509


def read_certificates(file: Path) -> tuple[x509.Certificate, ...]:
    """The certificates in `file`: PEM, DER or PKCS#7; raises `Failure`."""
    from channels.direct.trust.bundle import BundleError, read_bundle  # noqa: PLC0415 - only who names a file pays
    from channels.direct.trust.store import read_file  # noqa: PLC0415

    try:
        return read_bundle(read_file(file))
    except BundleError as error:
        raise Failure(f"{file}: {error.what}", error.hint) from None
