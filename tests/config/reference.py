"""The reference of the configuration file, docs/configuration.md, from its schema."""

import inspect
from types import NoneType
from typing import get_args, get_origin, get_type_hints

import msgspec

from exporter.cli.reference import markdown_table
from exporter.config import schema as settings

_INTRODUCTION = """\
# Configuration

Three environment variables are enough for one account: `VECHARGE_TOKEN`, `VECHARGE_CHARGERS="a, b"` (commas or
spaces between) and, for another service, `VECHARGE_URL`. Everything else needs a YAML file, named with
`--config.file`. These variables are then ignored:

```yaml
global:
  stale_after: 15m
accounts:
  - name: delhi
    token_file: delhi.token
    chargers:
      - test
      - id: "61dc307faf72d17afc57e385"
        name: Rohini Sector 22
    charger_files: [chargers/*.yml, chargers/*.json]
```

`vecharge-exporter check --config.file FILE` prints all invalid values with their positions or, if there are none, all
conflicts between values, such as a duplicate charger id. It also prints every token that cannot be read or has expired.
With `--online` it also connects every charger once over each transport.

- Only `name`, one of `token`, `token_file` and `token_env`, and a charger are required.
- An unknown key is an error, and so is, in YAML, a duplicate key in a mapping.
- A charger id is unique in all accounts and charger files.
- Paths and patterns are relative to the configuration file.
- Durations are written as in Prometheus: `500ms`, `30s`, `5m`, `1h30m`.
- `token_file` is read for every attempt to connect: a new token needs no reload.
- The exporter checks the files that match `charger_files`, each `ca_file` and each `token_file` every 5 s, and acts
  when two checks in a row find the same change. If only tokens have changed, it retries the streams that were refused;
  otherwise it reloads the whole configuration. For other changes send SIGHUP or, with `--web.enable-lifecycle`,
  `POST /-/reload`. Only the chargers of changed accounts reconnect.
- A configuration that cannot be read or is not valid changes nothing. The log says why,
  `vecharge_exporter_config_last_reload_successful` is 0, and the reload is retried every 5 s.
- A reload also fails if a pattern of `charger_files` matched a file before and now matches none: its volume may not be
  mounted. To remove its chargers, leave a file that holds an empty list, `[]`, or remove the pattern.
- A pipe, a device or a socket is rejected instead of a file.
- YAML does not read `0125`, `2024-01-31`, `on` and `no` as text: a charger id of that form needs quotes.
"""

SECTIONS: dict[type[msgspec.Struct], str] = {
    settings.Document: "The file",
    settings.Global: "`global`",
    settings.Account: "An entry of `accounts`",
    settings.Charger: "An entry of `chargers` or of a charger file",
}
_VALUE_KINDS: dict[object, str] = {
    bool: "`true` or `false`",
    settings.Duration: "duration",
    settings.StaleAfter: "duration or `auto`",
    settings.Watts: "number",
    settings.Text: "string",
    settings.Transport: "string",
    settings.Secret: "string",
    settings.Variable: "string",
    settings.FilePath: "path",
    settings.Url: "URL",
}


def configuration_reference() -> str:
    """The type, default and meaning of every field of the configuration file."""
    parts = [_INTRODUCTION]
    for section, title in SECTIONS.items():
        parts += [f"## {title}\n", f"{inspect.getdoc(section)}\n", _fields_table(section)]
    return "\n".join(parts)


def _fields_table(section: type[msgspec.Struct]) -> str:
    hints = get_type_hints(section, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(section):
        kind, meta = get_args(hints[field.name])
        rows.append((f"`{field.encode_name}`", _kind(kind), _field_default(field), meta.description))
    return markdown_table(("Field", "Holds", "Default", "Meaning"), rows)


def _kind(kind: object) -> str:
    """The type of a field in words."""
    alternatives = [one for one in get_args(kind) if one not in (NoneType, ...)]
    if get_origin(kind) in (list, tuple):
        return (
            "list"
            if len(alternatives) != 1 or alternatives[0] not in _VALUE_KINDS
            else f"list of {_kind(alternatives[0])}s"
        )
    if alternatives:
        return " or ".join(map(_kind, alternatives))
    return _VALUE_KINDS.get(kind, "mapping")


def _field_default(field: msgspec.structs.FieldInfo) -> str:
    match field.default:
        case None:
            return ""
        case bool(flag):
            return f"`{str(flag).lower()}`"
        case settings.AUTO:
            return "`auto`"
        case settings.Duration() as seconds:
            return f"`{seconds:g}s`"
        case settings.Watts() as watts:
            return f"`{watts:.0f}`"
        case tuple(entries):
            return f"`[{', '.join(entries)}]`"
        case str(text):
            return f"`{text}`"
    return "required" if field.required else ""
