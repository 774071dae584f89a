"""POST /-/reload."""

import pytest

from exporter.errors import ConfigError
from tests.web.site import Site

OPEN = pytest.mark.parametrize("site", [{"enable_lifecycle": True}], indirect=True)


async def test_a_reload_is_refused_unless_it_was_opened(site: Site) -> None:
    response, body = await site.get("/-/reload", "POST")
    assert response.status == 403
    assert b"--web.enable-lifecycle" in body
    assert site.reloads == 0


@OPEN
async def test_an_opened_reload_reads_the_configuration_again(site: Site) -> None:
    response, _ = await site.get("/-/reload", "POST")
    assert (response.status, site.reloads) == (200, 1)


@OPEN
async def test_a_configuration_that_is_not_valid_is_answered_with_what_is_wrong(site: Site) -> None:
    site.reload_error = ConfigError("config.yml: accounts: is missing")
    response, body = await site.get("/-/reload", "POST")
    assert response.status == 500
    assert b"config.yml: accounts: is missing" in body


@OPEN
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_at_it_reloads_nothing(site: Site, method: str) -> None:
    response, _ = await site.get("/-/reload", method)
    assert (response.status, site.reloads) == (405, 0)


@OPEN
@pytest.mark.parametrize("origin", ["cross-site", "same-site"])
async def test_another_web_site_cannot_make_a_browser_reload(site: Site, origin: str) -> None:
    response, _ = await site.get("/-/reload", "POST", Sec_Fetch_Site=origin)
    assert (response.status, site.reloads) == (403, 0)
