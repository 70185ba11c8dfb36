"""Which addresses and domains a certificate speaks for (Applicability Statement 1.3, 1.4; RFC 5280, 4.2.1.6)."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509

from channels.direct.cms.certificate import UNREADABLE


@dataclass(frozen=True, slots=True)
class Names:
    """What subjectAltName binds, in lower case: whole addresses and whole domains."""

    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        """Whether there is more than one binding."""
        return len(self.addresses) + len(self.domains) > 1


def names_of(certificate: x509.Certificate) -> Names:
    """The names in subjectAltName; none where it is absent or unreadable. The subject's e-mail address never counts."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = names.get_values_for_type(x509.RFC822Name)
        domains = names.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, *UNREADABLE):
        return Names()
    return Names(_distinct(addresses), _distinct(domains))


def address_bound(certificate: x509.Certificate, address: str) -> bool:
    """Whether `certificate` is that of `address` alone."""
    return address.lower() in names_of(certificate).addresses


def domain_bound(certificate: x509.Certificate, address: str) -> bool:
    """Whether `certificate` is that of exactly the domain of `address`: neither a wildcard nor a parent's counts."""
    return domain_of(address) in names_of(certificate).domains


def binds(certificate: x509.Certificate, address: str) -> bool:
    """Whether `certificate` speaks for `address`, as its own or as its domain's; case does not count."""
    names = names_of(certificate)
    return address.lower() in names.addresses or domain_of(address) in names.domains


def domain_of(address: str) -> str:
    """The domain of `address` (or `address` itself where it is a domain), in lower case."""
    return address.rpartition("@")[2].lower()


def _distinct(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.lower() for value in values))
