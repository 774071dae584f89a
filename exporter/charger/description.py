"""The name, the hardware id and the service's document of a charger."""

from exporter.charger.events import ChargerDocument


class Description:
    """A charger's name, hardware id and document, and the info labels made of them."""

    __slots__ = ("_account_name", "_expose_location", "device_id", "document", "labels", "name")

    def __init__(self, name: str | None, account_name: str, *, expose_location: bool) -> None:
        self.document = ChargerDocument()
        self.device_id: str | None = None
        self.configure(name, account_name, expose_location=expose_location)

    def configure(self, name: str | None, account_name: str, *, expose_location: bool) -> None:
        """Apply the settings of the configuration."""
        self.name = name
        self._account_name = account_name
        self._expose_location = expose_location
        self._update()

    def take_document(self, document: ChargerDocument) -> None:
        """Replace the document by a new one."""
        self.document = document
        self._update()

    def take_device_id(self, device_id: str | None) -> bool:
        """Take the hardware id of a log, if it has one; return whether it is a new one."""
        if device_id is None or device_id == self.device_id:
            return False
        self.device_id = device_id
        self._update()
        return True

    @property
    def position(self) -> tuple[float | None, float | None]:
        """Latitude and longitude in degrees, if they are to be shown."""
        if not self._expose_location:
            return None, None
        return self.document.latitude_degrees, self.document.longitude_degrees

    def _update(self) -> None:
        document = self.document
        # The values of the info labels; an unknown value is empty.
        self.labels = (
            self.name or "",
            self._account_name,
            self.device_id or "",
            document.operator or "",
            document.partner_id or "",
            document.mode or "",
            document.address or "",
            document.detail or "",
        )
