"""What ``terang-city`` prints of certificates, decisions and registers is in the terminal's language."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from city_pki.certificates import new_key
from city_pki.enrolments import Enrolments
from edge_agent.wire.enrolment import lookup, request_proof


def test_the_authority_says_in_indonesian_what_the_citys_broker_needs(tmp_path, run):
    folder = tmp_path / "kota"
    run("init", folder)
    toml = folder / "city.toml"
    plain = toml.read_text()
    init = ("ca", "init", "--city", folder, "--broker-name", "localhost", "--root-key")
    assert "Isi city.toml: [broker] url" in run(*init, tmp_path / "1.key")
    for more, expected in (
        ("", "isi city.toml: [broker] tls_listen"),
        ('\ntls_listen = "0.0.0.0:8883"', "tidak perlu diubah"),
    ):
        shutil.rmtree(folder / "pki")
        toml.write_text(plain.replace('url = "mqtt://127.0.0.1:1883"', f'url = "embedded:"{more}'))
        said = run(*init, tmp_path / f"{len(more)}.key")
        assert expected in said
        assert "mqtts://" not in said


def test_a_decision_about_a_controller_is_said_in_indonesian(tmp_path, run):
    folder = tmp_path / "kota"
    run("init", folder)
    run("ca", "init", "--city", folder, "--broker-name", "localhost", "--root-key", tmp_path / "root.key")
    enrolments = Enrolments(folder / "pki")
    for options, expected in (((), "disetujui"), (("--refuse",), "ditolak")):
        now = datetime.now(UTC)
        code = enrolments.new_code("PJU-001", "", now)
        csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(new_key(), hashes.SHA256())
        pem = csr.public_bytes(serialization.Encoding.PEM).decode()
        enrolments.ask_with_code(pem, lookup(code.key), request_proof(code.key, pem), now)
        assert run("approve", "PJU-001", "--city", folder, *options).rstrip().endswith(expected)


def test_the_kind_of_a_register_is_said_in_indonesian(tmp_path, run):
    source = tmp_path / "daftar.csv"
    source.write_text("No Tiang,Lintang,Bujur,Jurusan\n" + "".join(f"T-{i},-6.9,{107 + i},J1\n" for i in range(4)))
    said = run("suggest", source)
    assert "daftar.csv: teks berkolom, 4 baris" in said
    assert "'Jurusan' -> circuit" in said


def test_help_shows_the_sections_of_city_toml(run):
    assert "[broker] passwords" in " ".join(run("broker-password", "--help").split())
