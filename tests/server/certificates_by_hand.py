"""Certificates for tests: authorities, and what they vouch for. A pair writes itself as PEM files."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: bytes | None = None) -> bytes:
        hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Writes certificate.pem and key.pem; gives their paths."""
        paths = folder / "certificate.pem", folder / "key.pem"
        paths[0].write_bytes(self.certificate_pem)
        paths[1].write_bytes(self.key_pem())
        return paths


def authority(name: str = "an authority") -> Pair:
    return _pair(name, None, x509.BasicConstraints(ca=True, path_length=None))


def self_signed(*names: str) -> Pair:
    """A certificate for these names that is no authority's, and that none vouches for."""
    return _pair(names[0], None, x509.BasicConstraints(ca=False, path_length=None), names)


def vouched_by(issuer: Pair, *names: str, start: timedelta = -DAY, end: timedelta = 30 * DAY) -> Pair:
    """A certificate for these DNS names and addresses, valid from `start` to `end` from now."""
    basic = x509.BasicConstraints(ca=False, path_length=None)
    return _pair(names[0] if names else "a client", issuer, basic, names, start, end)


def _pair(
    name: str,
    issuer: Pair | None,
    basic: x509.BasicConstraints,
    names: tuple[str, ...] = (),
    start: timedelta = -DAY,
    end: timedelta = 30 * DAY,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + start)
        .not_valid_after(now + end)
        .add_extension(basic, critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([*map(_general_name, names)]), critical=False
        )
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
