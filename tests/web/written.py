"""A web configuration file that a test writes."""

from pathlib import Path

import pytest

from exporter.errors import ConfigError
from exporter.web.config import WebConfig, load

HASH = "$2y$10$CqLBvBmaRYNksq.tZYaxo.ORIIUsMty1OIkAgBxG8ucygwpHcSqQu"
# Open, so that a test can add keys.
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"


def loaded(folder: Path, text: str) -> WebConfig:
    """The configuration in a file of this text."""
    file = folder / "web.yml"
    file.write_text(text)
    return load(file)


def fault(folder: Path, text: str) -> str:
    """The error for a file of this text, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    name, _, message = str(caught.value).partition(": ")
    assert name == str(folder / "web.yml")
    assert "\n" not in message
    return message
