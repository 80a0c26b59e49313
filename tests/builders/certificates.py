"""A certificate for this machine, which proves itself."""

import subprocess
from pathlib import Path


def certificate(folder: Path) -> Path:
    """Make a certificate with its key in one file (PEM), and return the file."""
    key, proof, both = (folder / name for name in ("key.pem", "certificate.pem", "both.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(
        [*command, *names, "-keyout", key, "-out", proof], check=True, capture_output=True
    )
    both.write_bytes(key.read_bytes() + proof.read_bytes())
    return both
