"""An encrypted backup is opened whole by its key, or not at all."""

import io
import secrets
from pathlib import Path

import pytest

from app.bundled import encryption

KEY = bytes(range(32))
MANIFEST = {"revision": "2026_11_30_2320", "seal": None}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "CHUNK", 64)


def encrypted(content: bytes) -> bytes:
    target = io.BytesIO()
    encryption.write(io.BytesIO(content), target, KEY, MANIFEST)
    return target.getvalue()


def opened(place: Path, content: bytes, key: bytes = KEY) -> bytes:
    (place / "file").write_bytes(content)
    return b"".join(encryption.read(place / "file", key))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 200])
def test_what_is_encrypted_comes_back(tmp_path: Path, size: int) -> None:
    content = secrets.token_bytes(size)
    file = encrypted(content)
    assert opened(tmp_path, file) == content
    assert encryption.is_encrypted(tmp_path / "file")
    assert encryption.manifest_of(tmp_path / "file") == MANIFEST
    assert size < 16 or content[:16] not in file


def test_no_two_files_are_alike(tmp_path: Path) -> None:
    assert encrypted(b"the same") != encrypted(b"the same")


def test_a_changed_bit_anywhere_opens_nothing(tmp_path: Path) -> None:
    file = encrypted(bytes(150))
    for place in range(len(encryption.FORMAT), len(file)):
        changed = bytearray(file)
        changed[place] ^= 1
        with pytest.raises(encryption.NotOpened):
            opened(tmp_path, bytes(changed))


def test_a_file_that_is_cut_or_longer_or_put_together_otherwise_is_refused(tmp_path: Path) -> None:
    content = bytes(64 * 3)
    file = encrypted(content)
    for end in range(len(encryption.FORMAT), len(file)):
        with pytest.raises(encryption.NotOpened):
            opened(tmp_path, file[:end])
    begun = len(file) - 3 * 80
    one, two, three = (file[begun + 80 * n : begun + 80 * (n + 1)] for n in range(3))
    for chunks in ((two, one, three), (one, three), (one, two), (one, two, three, three), (one, two, two, three)):
        with pytest.raises(encryption.NotOpened):
            opened(tmp_path, file[:begun] + b"".join(chunks))
    assert opened(tmp_path, file[:begun] + one + two + three) == content


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(encryption.NotOpened):
        opened(tmp_path, encrypted(b"secret"), bytes(32))


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33, "é" * 64])
def test_a_key_file_holds_64_digits(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text, encoding="utf-8")
    with pytest.raises(encryption.NotAKey):
        encryption.key_in(tmp_path / "key")
    (tmp_path / "key").write_text(f" {KEY.hex().upper()}\n")
    assert encryption.key_in(tmp_path / "key") == KEY
