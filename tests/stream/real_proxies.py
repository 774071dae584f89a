"""Tinyproxy and nginx, run by a test: a proxy on the way out, and a load balancer in front of the service."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from tests.processes import Process, wait_until


@contextmanager
def tinyproxy(binary: Path, folder: Path, password: str | None = None) -> Iterator[str]:
    """The address of a Tinyproxy that allows CONNECT to any port; with `password`, only for `user`."""
    with _reserved_port() as port:
        config = folder / "tinyproxy.conf"
        login = f"BasicAuth user {password}" if password else ""
        config.write_text(f"Port {port}\nListen 127.0.0.1\nMaxClients 20\n{login}\n")
        with Process(binary, "-d", "-c", config, output=folder / "tinyproxy.log") as process:
            _wait_until_listening(process, port)
            yield f"127.0.0.1:{port}"


@contextmanager
def sticky_nginx(binary: Path, folder: Path, upstreams: Sequence[str]) -> Iterator[str]:
    """The URL of an nginx that balances new clients over two upstreams, and then by their cookie to the same one."""
    one, two = (upstream.removeprefix("http://") for upstream in upstreams)
    with _reserved_port() as port:
        config = folder / "nginx.conf"
        config.write_text(
            dedent(f"""\
                daemon off;
                master_process off;
                pid {folder}/nginx.pid;
                error_log stderr;
                events {{}}
                http {{
                  access_log off;
                  client_body_temp_path {folder}/body;
                  proxy_temp_path {folder}/proxy;
                  fastcgi_temp_path {folder}/fastcgi;
                  uwsgi_temp_path {folder}/uwsgi;
                  scgi_temp_path {folder}/scgi;
                  split_clients $request_id $any {{ 50% {one}; * {two}; }}
                  map $cookie_backend $backend {{ default $any; {one} {one}; {two} {two}; }}
                  map $http_upgrade $connection_header {{ default upgrade; "" ""; }}
                  server {{
                    listen 127.0.0.1:{port};
                    location / {{
                      proxy_pass http://$backend;
                      proxy_http_version 1.1;
                      proxy_set_header Upgrade $http_upgrade;
                      proxy_set_header Connection $connection_header;
                      add_header Set-Cookie "backend=$backend; Path=/; HttpOnly" always;
                    }}
                  }}
                }}
                """)
        )
        with Process(binary, "-c", config, "-p", folder, output=folder / "nginx.log") as process:
            _wait_until_listening(process, port)
            yield f"http://127.0.0.1:{port}"


@contextmanager
def _reserved_port() -> Iterator[int]:
    """A port for a program that cannot choose a free one: bound without listening, so that no other program gets it."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _wait_until_listening(process: Process, port: int) -> None:
    def is_listening() -> bool:
        assert process.running, process.text()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    wait_until(is_listening, f"{process.name} listens")
