"""The sandbox's certificates, and where an engine's programs are looked for."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from dmstui.sandbox.authority import Authority
from dmstui.sandbox.engines import binaries, launch
from dmstui.sandbox.engines.base import EngineUnavailableError, LaunchError


def test_root_looks_like_the_regions() -> None:
    authority = Authority("eu-west-3")
    root = x509.load_pem_x509_certificate(authority.ca_pem.encode())
    assert (
        root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        == "Amazon RDS eu-west-3 Root CA RSA2048 G1"
    )
    assert len(authority.ca_pem) < 2000 and authority.ca_pem.count("BEGIN") == 1
    assert root.public_key().key_size == 2048  # type: ignore[union-attr]


def test_leaf_is_for_one_name_and_by_this_root() -> None:
    authority = Authority("eu-west-3")
    host = "db." + "x" * 70 + ".eu-west-3.rds.amazonaws.com"
    leaf, key = authority.leaf(host)
    certificate, root = x509.load_pem_x509_certificates(leaf.encode())
    certificate.verify_directly_issued_by(root)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [host]
    assert "PRIVATE KEY" in key
    assert authority.context(host) is authority.context(host)


def test_expired_leaf() -> None:
    certificate = x509.load_pem_x509_certificates(Authority("eu-west-3").leaf("db", days=-1)[0].encode())[0]
    assert (
        certificate.not_valid_before_utc
        < certificate.not_valid_after_utc
        < datetime.datetime.now(datetime.UTC)
    )


def test_kept_root_is_the_same_and_private(tmp_path: Path) -> None:
    first, second = Authority("eu-west-3", tmp_path), Authority("eu-west-3", tmp_path)
    assert first.ca_pem == second.ca_pem
    assert stat.S_IMODE((tmp_path / "ca.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("major", ["16", "18"])
def test_wheel_has_both_majors(major: str) -> None:
    found = binaries.postgres(f"{major}.3", {})
    assert found.major == major and found.version.startswith(f"{major}.") and found.source == "wheel"
    assert Path(found.program("psql")).is_file()


def test_a_set_folder_comes_first(tmp_path: Path) -> None:
    wheel = binaries.postgres("16", {})
    for value in (wheel.bin, wheel.bin.parent):
        found = binaries.postgres("16", {"DMSTUI_POSTGRES_16": str(value)})
        assert found.source == "DMSTUI_POSTGRES_16" and found.bin == wheel.bin
    # A folder with another major, or none at all, is passed over.
    assert binaries.postgres("18", {"DMSTUI_POSTGRES": str(wheel.bin)}).source == "wheel"
    assert binaries.postgres("16", {"DMSTUI_POSTGRES": str(tmp_path)}).source == "wheel"


def test_what_to_do_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "wheel_folder", lambda: None)
    with pytest.raises(
        EngineUnavailableError, match=r"pip install 'dmstui\[sandbox\]', or set DMSTUI_POSTGRES_16"
    ):
        binaries.postgres("16", {})
    assert binaries.available() == ()


def test_build_once_keeps_the_first_and_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "cache" / "made"

    def build(draft: Path) -> None:
        (draft / "by").write_text("first")
        # Another process finishes meanwhile.
        target.mkdir()
        (target / "by").write_text("other")

    assert launch.build_once(target, build) == target
    assert (target / "by").read_text() == "other"
    assert [path.name for path in target.parent.iterdir()] == ["made"]


def test_a_public_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder others may write could hold programs of theirs."""
    monkeypatch.setattr(launch, "PUBLIC_ROOT", tmp_path)
    folder = launch.public_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    folder.chmod(0o777)
    with pytest.raises(LaunchError, match="is not a folder of ours alone"):
        launch.public_folder()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(LaunchError, match="is not a folder of ours alone"):
        launch.public_folder()
