"""A web server over TLS that a test starts, with a certificate authority of its own; and what a bad one does."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(kw_only=True)
class Mirror:
    """What it serves at which path, where it sends elsewhere, and what it was asked for; `address` is its root.

    `stalls` are paths whose answer stops after its first half until `ended` is set.
    """

    address: str = ""
    authority: Path = Path()
    files: dict[str, bytes] = field(default_factory=dict)
    sends_to: dict[str, str] = field(default_factory=dict)
    stalls: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def trusting(self) -> ssl.SSLContext:
        """Return a context in which this server's certificate counts."""
        return ssl.create_default_context(cafile=str(self.authority))


@contextmanager
def mirror(folder: Path) -> Iterator[Mirror]:
    """Yield a server on 127.0.0.1, whose authority's certificate and own key are kept in `folder`."""
    state = Mirror(authority=folder / "authority.pem")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if self.path in state.sends_to:
                self.send_response(302)
                self.send_header("Location", state.sends_to[self.path])
                self.end_headers()
                return
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404, "\x1b[31mnone\n")
                return
            self.send_response(200)
            self.end_headers()
            try:
                if self.path in state.stalls:
                    self.wfile.write(content[: len(content) // 2])
                    self.wfile.flush()
                    state.ended.wait(20)
                    return
                self.wfile.write(content)
            except OSError:
                pass  # whoever asked has heard enough

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certified(state.authority, folder))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    state.address = f"https://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


def _certified(authority: Path, folder: Path) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1, signed by the authority written to `authority`."""
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, own_name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("a root", "mirror"))
    now = datetime.now(UTC)

    def started(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    root_certificate = (
        started(root_name, root)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root.public_key()), critical=False)
        .sign(root, hashes.SHA256())
    )
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        started(own_name, own)
        .add_extension(here, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        .sign(root, hashes.SHA256())
    )
    authority.write_bytes(root_certificate.public_bytes(serialization.Encoding.PEM))
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both = folder / "mirror.pem"
    both.write_bytes(key + certificate.public_bytes(serialization.Encoding.PEM))
    return both
