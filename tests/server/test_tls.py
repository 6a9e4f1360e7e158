"""TLS and mTLS: who gets in, who does not, and certificates that are replaced while the server runs."""

import logging
import shutil
import ssl
from datetime import timedelta

import grpc
import pytest

from pixelzoo.v1.catalog_service_pb2 import ListModelsRequest
from pixelzoo.v1.catalog_service_pb2_grpc import CatalogServiceStub
from zoo_server.certificates import Certificates
from zoo_server.config import ServerConfig
from zoo_server.repository.repository import Repository

LOCAL = ("localhost", "127.0.0.1")


@pytest.fixture
def secure_server(start_server, tmp_path):
    """Starts a server without models on a pair; gives its address. `tls_client_ca` is a pair too."""

    def start(pair, client_ca=None):
        certificate, key = pair.write(tmp_path)
        settings = {"tls_certificate": certificate, "tls_key": key}
        if client_ca is not None:
            settings["tls_client_ca"] = tmp_path / "clients.pem"
            settings["tls_client_ca"].write_bytes(client_ca.certificate_pem)
        return start_server(Repository(), **settings).address

    return start


def call(address, authority, pair=None):
    """One call on a fresh connection that trusts `authority`, with the client's own pair if any."""
    credentials = grpc.ssl_channel_credentials(
        authority.certificate_pem, *((pair.key_pem(), pair.certificate_pem) if pair else ())
    )
    # Channels with equal arguments share connections, and this one is to be new.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(address, credentials, options) as channel:
        return CatalogServiceStub(channel).ListModels(ListModelsRequest(), timeout=30)


def refused(address, authority, pair=None):
    with pytest.raises(grpc.RpcError) as caught:
        call(address, authority, pair)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    return caught.value.details()


def test_a_client_that_trusts_the_authority_gets_in(secure_server, by_hand, ours):
    address = secure_server(by_hand.vouched_by(ours, *LOCAL))
    assert not call(address, ours).models


def test_a_client_that_trusts_another_does_not(secure_server, by_hand, ours):
    address = secure_server(by_hand.vouched_by(ours, *LOCAL))
    assert "certificate signature failure" in refused(address, by_hand.authority())  # Its name is the same.
    assert "CERTIFICATE_VERIFY_FAILED" in refused(address, by_hand.authority("another"))
    assert not call(address, ours).models


def test_a_certificate_for_another_name_is_refused(secure_server, by_hand, ours):
    address = secure_server(by_hand.vouched_by(ours, "zoo.example"))
    assert refused(address, ours)


def test_an_expired_certificate_is_logged_and_clients_refuse_it(secure_server, by_hand, ours, caplog):
    ended = by_hand.vouched_by(ours, *LOCAL, start=timedelta(days=-9), end=timedelta(days=-2))
    address = secure_server(ended)
    assert "expired on" in caplog.text
    assert "CERTIFICATE_VERIFY_FAILED" in refused(address, ours)


def test_a_call_in_the_clear_is_not_answered(secure_server, by_hand, ours, connect):
    address = secure_server(by_hand.vouched_by(ours, *LOCAL))
    with pytest.raises(grpc.RpcError) as caught:
        connect(address).catalog.ListModels(ListModelsRequest(), timeout=30)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_clients_must_have_a_certificate_of_the_authority_that_the_server_names(secure_server, by_hand, ours):
    theirs = by_hand.authority("of clients")
    address = secure_server(by_hand.vouched_by(ours, *LOCAL), client_ca=theirs)
    assert not call(address, ours, by_hand.vouched_by(theirs)).models
    refused(address, ours)
    refused(address, ours, by_hand.vouched_by(by_hand.authority("of clients")))
    refused(address, ours, by_hand.vouched_by(theirs, start=timedelta(days=-9), end=timedelta(days=-2)))


def serial_of(address):
    host, _, port = address.rpartition(":")
    pem = ssl.get_server_certificate((host, int(port)), timeout=30)
    return ssl.PEM_cert_to_DER_cert(pem)


def test_a_new_certificate_serves_new_connections_and_old_ones_go_on(
    start_server, by_hand, ours, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    old, new = (by_hand.vouched_by(ours, *LOCAL) for _ in range(2))
    certificate, key = old.write(tmp_path)
    address = start_server(Repository(), tls_certificate=certificate, tls_key=key).address
    with grpc.secure_channel(address, grpc.ssl_channel_credentials(ours.certificate_pem)) as channel:
        api = CatalogServiceStub(channel)
        api.ListModels(ListModelsRequest(), timeout=30)
        assert serial_of(address) == ssl.PEM_cert_to_DER_cert(old.certificate_pem.decode())

        certificate.write_bytes(new.certificate_pem)  # Half of the change: they do not match now.
        assert serial_of(address) == ssl.PEM_cert_to_DER_cert(old.certificate_pem.decode())
        assert "TLS goes on with the certificate that it had" in caplog.text
        key.write_bytes(new.key_pem())
        assert serial_of(address) == ssl.PEM_cert_to_DER_cert(new.certificate_pem.decode())
        api.ListModels(ListModelsRequest(), timeout=30)

        certificate.unlink()
        assert serial_of(address) == ssl.PEM_cert_to_DER_cert(new.certificate_pem.decode())


def test_an_authority_of_clients_is_replaced_too(start_server, by_hand, ours, tmp_path):
    certificate, key = by_hand.vouched_by(ours, *LOCAL).write(tmp_path)
    before, after = by_hand.authority("before"), by_hand.authority("after")
    clients = tmp_path / "clients.pem"
    clients.write_bytes(before.certificate_pem)
    settings = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": clients}
    address = start_server(Repository(), **settings).address
    assert not call(address, ours, by_hand.vouched_by(before)).models
    clients.write_bytes(after.certificate_pem)
    assert not call(address, ours, by_hand.vouched_by(after)).models
    refused(address, ours, by_hand.vouched_by(before))


@pytest.fixture
def files(by_hand, ours, tmp_path):
    """A sound set of files, to be spoilt."""
    certificate, key = by_hand.vouched_by(ours, *LOCAL).write(tmp_path)
    clients = tmp_path / "clients.pem"
    clients.write_bytes(ours.certificate_pem)
    Certificates(certificate, key, clients)
    return certificate, key, clients


def flip_a_character(path):
    """Within the base64, so that it is still a PEM file."""
    text = path.read_text().splitlines()
    text[1] = text[1][:20] + ("A" if text[1][20] != "A" else "B") + text[1][21:]
    path.write_text("\n".join(text))


@pytest.mark.parametrize(
    ("number", "spoil", "says"),
    [
        (0, lambda path: path.unlink(), r"certificate\.pem cannot be read: No such file"),
        (1, lambda path: path.unlink(), r"key\.pem cannot be read: No such file"),
        (2, lambda path: path.unlink(), r"clients\.pem cannot be read: No such file"),
        (0, lambda path: path.write_text("hello"), r"certificate\.pem holds no certificate in PEM form"),
        (1, lambda path: path.write_text("hello"), r"key\.pem holds no private key in PEM form"),
        (2, lambda path: path.write_text(""), r"clients\.pem holds no certificate in PEM form"),
        (1, flip_a_character, r"key\.pem"),
        (0, lambda path: shutil.copy(path.parent / "clients.pem", path), "is not that of the certificate in"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(files, number, spoil, says):
    spoil(files[number])
    with pytest.raises(ValueError, match=says):
        Certificates(*files)


def test_a_key_with_a_password_is_named(files, by_hand, ours):
    files[1].write_bytes(by_hand.vouched_by(ours, *LOCAL).key_pem(b"secret"))
    with pytest.raises(ValueError, match="has a password: write it without one"):
        Certificates(*files)


def test_a_certificate_of_tomorrow_is_logged(by_hand, ours, tmp_path, caplog):
    Certificates(*by_hand.vouched_by(ours, *LOCAL, start=timedelta(days=1)).write(tmp_path))
    assert "is valid only from" in caplog.text


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tls_certificate": "c.pem"}, "tls_certificate and tls_key go together"),
        ({"tls_key": "k.pem"}, "tls_certificate and tls_key go together"),
        ({"tls_client_ca": "ca.pem"}, "tls_client_ca needs tls_certificate"),
    ],
)
def test_settings_that_need_each_other(settings, says):
    with pytest.raises(ValueError, match=says):
        ServerConfig(**settings)
