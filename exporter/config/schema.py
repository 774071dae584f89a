"""The fields of the configuration file: their types, defaults, meanings and the rules of a single value.

tests/config/reference.py generates docs/configuration.md from them. load.py has the rules between values.
"""

import re
from typing import Annotated, Any, Final, Self, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from exporter.config import duration, yaml_file

SERVICE_URL = "https://library.vecharge.app"


class Duration(float):
    """A duration above 0, in seconds; written as in Prometheus."""

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the value as this type; raise ValueError that says what it must be."""
        # YAML reads 0 and 300 as numbers: 0 is a valid duration, 300 is not.
        seconds = duration.parse(str(value) if isinstance(value, str | int) else "")
        if not seconds:
            raise ValueError("must be longer than 0")
        return cls(seconds)


class StaleAfter(Duration):
    """A duration, or `auto`, which is 0 seconds."""

    @classmethod
    def read(cls, value: object) -> Self:
        return AUTO if value == "auto" else super().read(value)  # type: ignore[return-value]


AUTO: Final = StaleAfter(0)


# No charger has this power, and larger numbers may be too large for a float.
MAX_WATTS: Final = 1e12


class Watts(float):
    """A power above 0."""

    @classmethod
    def read(cls, value: object) -> Self:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(yaml_file.wrong_type(["float"], value))
        if not 0 < value < MAX_WATTS:
            raise ValueError("must be above 0 and below 1e12")
        return cls(value)


# Joiners and no-break spaces are common in names, above all in Indic scripts, but str.isprintable() rejects them.
WITHOUT_JOINERS: Final = dict.fromkeys(map(ord, "\u200c\u200d\u2060\u00a0\u202f"))


class Text(str):
    """One line of text that is not empty, fit for a label value."""

    __slots__ = ()

    @classmethod
    def read(cls, value: object) -> Self:
        if not isinstance(value, str):
            raise TypeError(yaml_file.wrong_type(["str"], value))
        visible = value.translate(WITHOUT_JOINERS)
        if not visible.strip():
            raise ValueError("must not be empty")
        if not visible.isprintable():
            raise ValueError("must not contain control characters or line breaks")
        if value != value.strip():
            raise ValueError("must not begin or end with white space")
        return cls(value)


class Secret(str):
    """A token, whose repr() does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<token>"

    @classmethod
    def read(cls, value: object) -> Self:
        if not isinstance(value, str):
            raise TypeError(yaml_file.wrong_type(["str"], value))
        return cls(value)


class FilePath(Text):
    """A path; relative to the configuration file."""

    __slots__ = ()

    @classmethod
    def read(cls, value: object) -> Self:
        path = super().read(value)
        # Messages show paths. A JWT always begins like this: it is the base64 of a JSON object.
        if path.removeprefix("Bearer").lstrip().startswith("eyJ"):
            raise ValueError("must be a path; a token itself belongs under the key token")
        return path


class Variable(Text):
    """The name of an environment variable."""

    __slots__ = ()

    @classmethod
    def read(cls, value: object) -> Self:
        variable = super().read(value)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", variable):
            raise ValueError("must be the name of an environment variable: letters, digits and _")
        return variable


TRANSPORTS: Final = ("websocket", "polling")


class Transport(Text):
    """A way to connect: one of TRANSPORTS."""

    __slots__ = ()

    @classmethod
    def read(cls, value: object) -> Self:
        transport = super().read(value)
        if transport not in TRANSPORTS:
            raise ValueError(f"unknown transport (known are {', '.join(TRANSPORTS)})")
        return transport


class Url(Text):
    """The address of a service, without a slash at its end."""

    __slots__ = ()

    @classmethod
    def read(cls, value: object) -> Self:
        url = super().read(value)
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018  (raises ValueError when it is out of range)
        except ValueError:
            raise ValueError(f"must be an address such as {SERVICE_URL}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or " " in url:
            raise ValueError(f"must be an address such as {SERVICE_URL}")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not contain a user name or password")
        if "?" in url or "#" in url:
            raise ValueError("must not contain a query or fragment: the exporter adds token and charger id itself")
        if parts.path.strip("/"):
            raise ValueError("must not contain a path: Socket.IO has its own")
        return cls(f"{parts.scheme}://{parts.netloc}")


def read(kind: type, value: Any) -> Any:
    """Read a value as one of the types above: the hook for `yaml_file.typed`."""
    return cast("type[Duration]", kind).read(value)


class Charger(msgspec.Struct, forbid_unknown_fields=True):
    """One charger: a string, its id, or a mapping."""

    id: Annotated[Text, Meta(description="The id under which the service knows the charger; unique in the whole file.")]
    name: Annotated[
        Text | None, Meta(description="A name for people, shown as the label `name` of `vecharge_charger_info`.")
    ] = None


class Account(msgspec.Struct, forbid_unknown_fields=True):
    """One account of the service, with the chargers to watch through it."""

    name: Annotated[Text, Meta(description="The label `account` of its metrics; unique.")]
    url: Annotated[
        Url, Meta(description="The service. It is reached through `HTTPS_PROXY`, unless `NO_PROXY` excludes it.")
    ] = Url(SERVICE_URL)
    token: Annotated[
        Secret | None,
        Meta(description="The token itself. Exactly one of `token`, `token_file`, `token_env` is needed."),
    ] = None
    token_file: Annotated[
        FilePath | None,
        Meta(description="A file that holds the token. Read again for every attempt to connect."),
    ] = None
    token_env: Annotated[Variable | None, Meta(description="The environment variable that holds the token.")] = None
    transports: Annotated[
        tuple[Transport, ...],
        Meta(description="Ways to connect, in the order in which they are tried: `websocket`, `polling`."),
    ] = tuple(map(Transport, TRANSPORTS))
    connect_timeout: Annotated[Duration, Meta(description="How long a handshake over one transport may take.")] = (
        Duration(20)
    )
    ca_file: Annotated[
        FilePath | None,
        Meta(description="Certificate authorities (PEM) to trust in addition to the system's."),
    ] = None
    insecure_skip_verify: Annotated[
        bool, Meta(description="Do not verify the service's certificate. Anyone between can then read the token.")
    ] = False
    chargers: Annotated[list[str | Charger], Meta(description="Chargers to watch: ids, or mappings with an `id`.")] = []
    charger_files: Annotated[
        list[FilePath],
        Meta(
            description="Files with more of them, as glob patterns: YAML or JSON lists of the same entries. "
            "At a start, a pattern that matches no file is a warning, as long as there is another charger."
        ),
    ] = []


class Global(msgspec.Struct, forbid_unknown_fields=True):
    """Options for all accounts."""

    stale_after: Annotated[
        StaleAfter,
        Meta(
            description="A charger that is on and has sent no reading for this long is down, and its readings are "
            "absent. `auto` is three times the usual interval between its logs (the median of the last seven), at "
            "least 5 minutes and at most an hour. It is an hour until the exporter has seen four logs of the charger."
        ),
    ] = AUTO
    expose_location: Annotated[bool, Meta(description="Export the chargers' latitude and longitude.")] = False
    max_power_watts: Annotated[
        Watts,
        Meta(description="A rise of energy that needs more power than this is not counted."),
    ] = Watts(400_000)


class Document(msgspec.Struct, forbid_unknown_fields=True, rename={"globals": "global"}):
    """The whole file."""

    accounts: Annotated[list[Account], Meta(description="The accounts; at least one.")]
    globals: Annotated[Global, Meta(description="Options for all accounts.")] = msgspec.field(default_factory=Global)
