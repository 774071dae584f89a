"""The pages: /metrics in two formats, a landing page, health and readiness."""

import re
from typing import Any

import pytest

from exporter import __version__
from exporter.web.negotiation import OPENMETRICS, TEXT
from tests.web.site import Site

AT_THE_ROOT: dict[str, Any] = {"telemetry_path": "/"}
ELSEWHERE: dict[str, Any] = {"telemetry_path": "/chargers/metrics"}


async def test_metrics_in_the_text_format(site: Site) -> None:
    response, body = await site.get("/metrics")
    assert (response.status, body) == (200, b"in text")
    assert response.headers["Content-Type"] == TEXT


async def test_metrics_in_openmetrics(site: Site) -> None:
    response, body = await site.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert (response.status, body) == (200, b"in OpenMetrics")
    assert response.headers["Content-Type"] == OPENMETRICS


@pytest.mark.parametrize("header", ["Accept", "Accept-Encoding"])
async def test_vary_names_the_headers_that_the_response_depends_on(site: Site, header: str) -> None:
    response, _ = await site.get("/metrics")
    assert header in response.headers["Vary"].split(", ")
    assert response.headers["Cache-Control"] == "no-store"


async def test_every_request_is_a_new_scrape(site: Site) -> None:
    for _ in range(3):
        await site.get("/metrics")
    assert site.pages.made == 3


async def test_the_landing_page_links_to_the_metrics(site: Site) -> None:
    response, body = await site.get("/")
    assert response.headers["Content-Type"].startswith("text/html")
    links = re.findall(r'href="([^"]+)"', body.decode())
    assert "metrics" in links
    for link in links:
        # Relative, so that the page works behind a proxy that puts a prefix before it.
        assert not link.startswith("/")
        if not link.startswith("#"):
            answer, _ = await site.get(f"/{link}")
            assert answer.status in (200, 503), link
    assert f"version {__version__}" in body.decode()


async def test_the_url_of_grafana_cannot_add_html_to_the_landing_page() -> None:
    async with Site(grafana_url='https://grafana.example/"><script>') as site:
        _, body = await site.get("/")
    assert 'href="https://grafana.example/&quot;&gt;&lt;script&gt;/d/vecharge-fleet"' in body.decode()


async def test_an_unchanged_static_file_is_not_sent_again(site: Site) -> None:
    response, body = await site.get("/static/fleet.js")
    assert (response.status, response.headers["Cache-Control"]) == (200, "no-cache")
    assert body
    tag = response.headers["ETag"]
    response, body = await site.get("/static/fleet.js", If_None_Match=tag)
    assert (response.status, body, response.headers["ETag"]) == (304, b"", tag)
    response, body = await site.get("/static/fleet.css", If_None_Match=tag)
    assert response.status == 200


async def test_the_landing_page_is_not_a_scrape(site: Site) -> None:
    await site.get("/")
    assert site.pages.made == 0


async def test_the_exporter_is_healthy_while_it_answers(site: Site) -> None:
    response, _ = await site.get("/-/healthy")
    assert response.status == 200


async def test_the_exporter_is_ready_after_the_start(site: Site) -> None:
    response, _ = await site.get("/-/ready")
    assert response.status == 503
    site.web.pages.is_ready = True
    response, _ = await site.get("/-/ready")
    assert response.status == 200


@pytest.mark.parametrize("path", ["/metricsx", "/metrics/", "/-/", "/index.html", "/../etc/passwd"])
async def test_other_paths_are_not_found(site: Site, path: str) -> None:
    response, _ = await site.get(path)
    assert response.status == 404


@pytest.mark.parametrize("site", [ELSEWHERE], indirect=True)
async def test_the_path_of_the_metrics_can_be_changed(site: Site) -> None:
    response, body = await site.get("/chargers/metrics")
    assert (response.status, body) == (200, b"in text")
    response, _ = await site.get("/metrics")
    assert response.status == 404
    _, landing = await site.get("/")
    assert b'href="chargers/metrics"' in landing


@pytest.mark.parametrize("site", [AT_THE_ROOT], indirect=True)
async def test_metrics_at_the_root_replace_the_landing_page(site: Site) -> None:
    _, body = await site.get("/")
    assert body == b"in text"
