"""What is sealed with our key cannot be forged, changed or moved; the key is for us alone."""

import itertools
import os
import stat
import threading
from pathlib import Path

import pytest

from err_confirm.errors import SettingError
from err_confirm.store.seal import KEY_BYTES, SEAL_CHARACTERS, Seal, load_key, same

KEY = bytes(range(KEY_BYTES))


def test_a_seal_depends_on_key_namespace_purpose_id_version_and_body() -> None:
    """Whatever differs, the seal does."""
    seals = [
        *(seal.record(id_, version, body)
          for seal in (Seal(KEY, "one"), Seal(KEY, "two"), Seal(KEY[::-1], "one"))
          for id_, version, body in itertools.product(("a", "b", "a\n1"), (1, 11), (b"", b"x", b"1\nx"))),
        *(seal.fact(id_, version, body)
          for seal in (Seal(KEY, "one"), Seal(KEY, "two"))
          for id_, version, body in itertools.product(("a", "b"), (1, 11), (b"", b"x"))),
        *(seal.second_factor(person, number).hex()
          for seal in (Seal(KEY, "one"), Seal(KEY, "two"))
          for person, number in itertools.product(("alice", "bob"), (1, 11))),
        *(seal.line(body) for seal in (Seal(KEY, "one"), Seal(KEY, "two")) for body in (b"", b"a\n1\n", b"x")),
    ]  # fmt: skip
    assert len(set(seals)) == len(seals)
    assert {len(seal) for seal in seals} == {SEAL_CHARACTERS}


def test_the_same_is_sealed_the_same_by_every_process() -> None:
    assert Seal(KEY, "one").record("a", 1, b"x") == Seal(KEY, "one").record("a", 1, b"x")
    assert same("ab", "ab")
    assert not same("ab", "aB")
    assert not same("ab", "\ufffd")


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "our.key"
    key = load_key(path)
    assert len(key) == KEY_BYTES
    assert load_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(tmp_path / "other.key") != key
    assert [each.name for each in path.parent.iterdir()] == ["our.key"]


def test_of_many_who_make_it_at_once_all_get_the_same(tmp_path: Path) -> None:
    keys: list[bytes] = []
    together = threading.Barrier(16)

    def load() -> None:
        together.wait()
        keys.append(load_key(tmp_path / "our.key"))

    threads = [threading.Thread(target=load) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(keys), len(set(keys))) == (16, 1)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused_with_the_way_out(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "our.key"
    load_key(path)
    path.chmod(mode)
    with pytest.raises(SettingError, match=f"chmod 600 {path}"):
        load_key(path)


@pytest.mark.parametrize("content", ["", "no hex", "00" * (KEY_BYTES - 1), "\0"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "our.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(SettingError, match=r"our\.key"):
        load_key(path)


def test_a_place_where_no_key_can_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match="cannot be used"):
        load_key(tmp_path / "file" / "our.key")
    with pytest.raises(SettingError, match="cannot be used"):
        load_key(tmp_path)
    assert os.listdir(tmp_path) == ["file"]
