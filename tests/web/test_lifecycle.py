"""POST /-/reload."""

import pytest

from exporter.errors import ConfigError
from tests.web.site import Site

OPEN = pytest.mark.parametrize("site", [{"enable_lifecycle": True}], indirect=True)


async def test_a_reload_is_rejected_unless_it_is_enabled(site: Site) -> None:
    response, body = await site.get("/-/reload", "POST")
    assert response.status == 403
    assert b"--web.enable-lifecycle" in body
    assert site.reloads == 0


@OPEN
async def test_an_enabled_reload_reads_the_configuration_again(site: Site) -> None:
    response, _ = await site.get("/-/reload", "POST")
    assert (response.status, site.reloads) == (200, 1)


@OPEN
async def test_the_response_has_the_fault_of_an_invalid_configuration(site: Site) -> None:
    site.reload_error = ConfigError("config.yml: accounts: is missing")
    response, body = await site.get("/-/reload", "POST")
    assert response.status == 500
    assert b"config.yml: accounts: is missing" in body


@OPEN
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_only_a_post_request_reloads(site: Site, method: str) -> None:
    response, _ = await site.get("/-/reload", method)
    assert (response.status, site.reloads) == (405, 0)


@OPEN
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "127.0.0.1", ""],
)
async def test_another_web_site_cannot_reload_through_a_browser(site: Site, origin: str) -> None:
    response, _ = await site.get("/-/reload", "POST", Origin=origin)
    assert (response.status, site.reloads) == (403, 0)


@OPEN
async def test_the_null_origin_is_rejected_for_any_host(site: Site) -> None:
    for host in ("null", ""):
        response, _ = await site.get("/-/reload", "POST", Origin="null", Host=host)
        assert (response.status, site.reloads) == (403, 0)


@OPEN
async def test_the_exporter_s_own_origin_may_reload(site: Site) -> None:
    for origin, host in ((site.url, f"127.0.0.1:{site.port}"), ("https://Proxy.example", "proxy.example")):
        response, _ = await site.get("/-/reload", "POST", Origin=origin, Host=host)
        assert response.status == 200
    assert site.reloads == 2
