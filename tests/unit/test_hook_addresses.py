"""Which targets are public."""

import pytest

from ordrebok.webhooks.addresses import host_problem, is_public

NOT_PUBLIC = (
    "0.0.0.0",  # noqa: S104 -- asked about, not listened on
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:192.168.0.1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)
PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:4860:4860::8888",
    "2002:808:808::1",
    "2606:4700:4700::1111",
    "2a00:1450::200:5efe:8.8.8.8",
)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_inside_the_house_is_not_public(address: str) -> None:
    """Nor is one that leads there in another form."""
    assert not is_public(address)
    assert host_problem(address, private_targets=False) is not None
    assert host_problem(address, private_targets=True) is None


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_whole_internet_is_public(address: str) -> None:
    """Also beside the borders of what is not."""
    assert is_public(address)
    assert host_problem(address, private_targets=False) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "shop.localhost",
        "printer.local",
        "metadata.google.internal",
        "nas.home.arpa",
        "orders.test",
        "receiver",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "10.0.0.0x1",
    ],
)
def test_a_name_that_only_the_house_knows_is_refused_unless_it_is_allowed(host: str) -> None:
    """Numbers that some programs read as addresses are no public names either."""
    assert host_problem(host, private_targets=False) is not None
    assert host_problem(host, private_targets=True) is None


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "www.example.com",
        "WWW.Example.ORG.",
        "a.b.example.net",
        "shop.example",
        "shop.invalid",
        "a host",
        "a..b",
        "",
        "shop%2e.se",
    ],
)
def test_an_invented_name_is_always_refused(host: str) -> None:
    """Nobody receives anything there."""
    assert host_problem(host, private_targets=False) is not None
    assert host_problem(host, private_targets=True) is not None


@pytest.mark.parametrize(
    "host", ["hooks.orders.alt", "xn--bcher-kva.no", "myexample.com", "example.com.se", "a_b.no."]
)
def test_a_public_name_is_taken(host: str) -> None:
    """What it leads to is asked at every connection."""
    assert host_problem(host, private_targets=False) is None
