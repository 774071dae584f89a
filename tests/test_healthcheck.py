"""`healthcheck`: 0 healthy, 1 not. For container health checks, so it must never hang or guess."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from exporter.cli import main


def healthcheck(url: str, **environment: str) -> Result:
    result = CliRunner().invoke(main, ["healthcheck", f"--url={url}"], env=environment)
    # Anything else is an exception that got through to the user.
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that answers the one question with some status, and is well otherwise."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param if self.path == "/-/healthy" else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/-/healthy"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("url", [200], indirect=True)
def test_healthy(url: str) -> None:
    result = healthcheck(url)
    assert (result.exit_code, result.stdout) == (0, f"{url}: healthy\n")


@pytest.mark.parametrize("url", [503, 404, 302], indirect=True)
def test_any_other_answer_is_not(url: str) -> None:
    result = healthcheck(url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{url}: ")


def test_nobody_there_is_not() -> None:
    result = healthcheck("http://127.0.0.1:1/")
    assert (result.exit_code, result.stderr) == (1, "http://127.0.0.1:1/: ConnectionError\n")


@pytest.mark.parametrize("url", ["", "here", "http://", "ftp://127.0.0.1/"])
def test_no_address_is_not(url: str) -> None:
    assert healthcheck(url).exit_code == 1


@pytest.mark.parametrize("url", [200], indirect=True)
def test_a_proxy_of_the_environment_is_not_asked(url: str) -> None:
    nobody = "http://127.0.0.1:1"
    result = healthcheck(url, HTTP_PROXY=nobody, http_proxy=nobody, ALL_PROXY=nobody)
    assert result.exit_code == 0
