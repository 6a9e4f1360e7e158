"""The probe of the container's health check, against servers with and without TLS."""

import pytest

from zoo_server import health_probe
from zoo_server.repository.repository import Repository


@pytest.fixture
def files(tmp_path, by_hand, ours):
    """The files of a server's certificate for zoo.example, of the authority's, and of a client's with its key."""
    certificate, key = by_hand.vouched_by(ours, "zoo.example").write(tmp_path)
    found = {"certificate": certificate, "key": key, "ca": tmp_path / "ca.pem"}
    found["ca"].write_bytes(ours.certificate_pem)
    (tmp_path / "client").mkdir()
    found["client_certificate"], found["client_key"] = by_hand.vouched_by(ours).write(tmp_path / "client")
    return found


@pytest.fixture
def secure_server(start_server, files):
    def start(**settings):
        pair = {"tls_certificate": files["certificate"], "tls_key": files["key"]}
        return start_server(Repository(), **pair, **settings)

    return start


def exit_status(*arguments, **environment):
    with pytest.raises(SystemExit) as caught:
        health_probe.main([str(one) for one in arguments], {k: str(v) for k, v in environment.items()})
    return caught.value.code


def test_it_asks_over_tls_by_the_name_in_the_certificate(secure_server, files):
    address = secure_server().address
    assert exit_status(address, "--ca", files["ca"], "--server-name", "zoo.example") == 0
    assert exit_status(address, "--ca", files["ca"], "--server-name", "other.example") == 1
    assert exit_status(address, "--ca", files["ca"]) == 1
    assert exit_status(address) == 1


def test_it_shows_a_certificate_where_the_server_asks_for_one(secure_server, files):
    address = secure_server(tls_client_ca=files["ca"]).address
    tls = ("--ca", files["ca"], "--server-name", "zoo.example")
    own = ("--certificate", files["client_certificate"], "--key", files["client_key"])
    assert exit_status(address, *tls, *own) == 0
    assert exit_status(address, *tls) == 1


def test_variables_do_what_flags_do_so_that_the_health_check_needs_no_arguments(secure_server, files):
    port = secure_server(tls_client_ca=files["ca"]).address.rpartition(":")[2]
    environment = {
        "PIXELZOO_PORT": port,
        "PIXELZOO_PROBE_CA": files["ca"],
        "PIXELZOO_PROBE_SERVER_NAME": "zoo.example",
        "PIXELZOO_PROBE_CERTIFICATE": files["client_certificate"],
        "PIXELZOO_PROBE_KEY": files["client_key"],
    }
    assert exit_status(**environment) == 0
    assert exit_status("--server-name", "other.example", **environment) == 1


def test_without_any_it_asks_in_the_clear(start_server):
    port = start_server(Repository()).address.rpartition(":")[2]
    assert exit_status(PIXELZOO_PORT=port) == 0


def test_what_does_not_go_together_or_cannot_be_read_is_named(tmp_path, capsys):
    assert exit_status("--certificate", "x") == 2
    assert "--certificate and --key go together" in capsys.readouterr().err
    assert exit_status("--server-name", "zoo.example") == 2
    assert "give --ca too" in capsys.readouterr().err
    assert exit_status("--ca", tmp_path / "nowhere.pem") == 1
    assert "nowhere.pem cannot be read: No such file" in capsys.readouterr().err
