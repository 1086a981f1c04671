"""Self-signed certificates for the lab's TLS servers."""

import subprocess
from pathlib import Path

KEYS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
        "rsa": ["-newkey", "rsa:2048"], "rsa4096": ["-newkey", "rsa:4096"]}


def make(folder: Path, name: str, kind: str = "ec") -> tuple:
    """Makes (certificate, key) files for a DNS name; returns their paths."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "30", *KEYS[kind],
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                    "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    cert.chmod(0o644)
    key.chmod(0o644)  # the daemons run under their own users; the key is worth nothing
    return cert, key
