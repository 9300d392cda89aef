"""How long a certificate is still good for."""

from datetime import datetime
from pathlib import Path

from cryptography import x509

from errors import HadirError


class CertificateUnreadable(HadirError):
    """The file is no certificate; the text says which."""


def days_left(path: Path, now: datetime) -> int:
    """Return how many whole days the first certificate in the PEM file `path` is valid from `now` on; negative since.

    Raises CertificateUnreadable.
    """
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateUnreadable(f"{path} holds no certificate that can be read") from error
    return (certificate.not_valid_after_utc - now).days
