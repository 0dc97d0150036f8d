"""Encryption of a backup: AES-256-GCM in chunks, so that a file of any size takes little memory.

A file is a line that names the format, a manifest as JSON that anybody reads, a salt, and the chunks. The key of a file
is derived from the installation's key, the salt and the manifest: no nonce comes twice, and a changed manifest opens
nothing. Each nonce has the chunk's number and whether it is the last one: chunks can be neither swapped nor left out.
"""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = b"rebond backup 1\n"
CHUNK = 2**20
TAG = 16
SALT = 32
LARGEST_MANIFEST = 65_536


class NotOpened(Exception):
    """What is encrypted cannot be opened: another key, or a damaged file."""


class NotAKey(Exception):
    """A file that should hold a key holds something else."""


def key_in(file: Path) -> bytes:
    """The 32 bytes of a key file. Raises `NotAKey` where it holds something else."""
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        raise NotAKey from None
    if len(key) != 32:
        raise NotAKey
    return key


def write(source: IO[bytes], target: IO[bytes], key: bytes, manifest: dict[str, Any]) -> None:
    """Encrypt all of `source` into `target`."""
    told = json.dumps(manifest, sort_keys=True).encode()
    salt = secrets.token_bytes(SALT)
    target.write(FORMAT + len(told).to_bytes(4) + told + salt)
    cipher = _cipher(key, salt, told)
    number, chunk = 0, _full(source, CHUNK)
    while True:
        following = _full(source, CHUNK)
        target.write(cipher.encrypt(_nonce(number, last=not following), chunk, None))
        if not following:
            return
        number, chunk = number + 1, following


def is_encrypted(file: Path) -> bool:
    """Whether it says so of itself."""
    with file.open("rb") as opened:
        return opened.read(len(FORMAT)) == FORMAT


def manifest_of(file: Path) -> dict[str, Any]:
    """What an encrypted file tells without its key. That it is true is known once the first chunk has been opened."""
    with file.open("rb") as opened:
        return _manifest(opened)[1]


def read(file: Path, key: bytes) -> Iterator[bytes]:
    """What is in an encrypted file, chunk by chunk. Raises `NotOpened`, at its end too: an open end is a cut file."""
    with file.open("rb") as opened:
        told, _ = _manifest(opened)
        cipher = _cipher(key, _full(opened, SALT), told)
        number, chunk = 0, _full(opened, CHUNK + TAG)
        while True:
            following = _full(opened, CHUNK + TAG)
            try:
                yield cipher.decrypt(_nonce(number, last=not following), chunk, None)
            except InvalidTag:
                raise NotOpened from None
            if not following:
                return
            number, chunk = number + 1, following


def _manifest(opened: IO[bytes]) -> tuple[bytes, dict[str, Any]]:
    opened.seek(len(FORMAT))
    size = int.from_bytes(opened.read(4))
    told = opened.read(min(size, LARGEST_MANIFEST))
    try:
        manifest: dict[str, Any] = json.loads(told)
        manifest["revision"]
    except (ValueError, KeyError, TypeError):
        raise NotOpened from None
    return told, manifest


def _cipher(key: bytes, salt: bytes, told: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=FORMAT + told).derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])


def _full(source: IO[bytes], size: int) -> bytes:
    """As many bytes as there are, up to `size`: a pipe gives fewer at a time."""
    parts = bytearray()
    while len(parts) < size and (more := source.read(size - len(parts))):
        parts += more
    return bytes(parts)
