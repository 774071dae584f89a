"""The name, the hardware id and the service's document of a charger."""

from dataclasses import dataclass, field

from exporter.charger.events import ChargerDocument


@dataclass(slots=True)
class Description:
    """A charger's name, hardware id and document, and the info labels made of them."""

    name: str | None
    account_name: str
    expose_location: bool
    device_id: str | None = None
    document: ChargerDocument = field(default_factory=ChargerDocument)

    @property
    def position(self) -> tuple[float | None, float | None]:
        """Latitude and longitude in degrees, if they are to be shown."""
        if not self.expose_location:
            return None, None
        return self.document.latitude_degrees, self.document.longitude_degrees

    @property
    def labels(self) -> tuple[str, ...]:
        """The values of the info labels; an unknown value is empty."""
        document = self.document
        return (
            self.name or "",
            self.account_name,
            self.device_id or "",
            document.operator or "",
            document.partner_id or "",
            document.mode or "",
            document.address or "",
            document.detail or "",
        )
