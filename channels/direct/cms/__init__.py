"""The Cryptographic Message Syntax, as far as Direct goes: signed and enveloped data, pure and without trust."""

from channels.direct.cms.certificate import Holder, PrivateKey
from channels.direct.cms.enveloped import CipherName, decrypt, encrypt, encrypted_pieces
from channels.direct.cms.error import CmsError
from channels.direct.cms.signed import SignedData, Signer, bundle, sign, verify
from channels.direct.cms.transport import Transport

__all__ = [
    "CipherName",
    "CmsError",
    "Holder",
    "PrivateKey",
    "SignedData",
    "Signer",
    "Transport",
    "bundle",
    "decrypt",
    "encrypt",
    "encrypted_pieces",
    "sign",
    "verify",
]
