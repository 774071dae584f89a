"""Which users charge. A user is a fingerprint that can only be compared, and is kept in memory only."""


class SessionUsers:
    """The user of the current and of the previous session; None if no log has named one.

    `vary` is true if logs of the current session have named several users.
    """

    __slots__ = ("_previous", "current", "vary")

    def __init__(self) -> None:
        self.current: int | None = None
        self._previous: int | None = None
        self.vary = False

    def is_another(self, user: int | None) -> bool:
        """Whether `user` and the current user are known and differ."""
        return user is not None and self.current is not None and user != self.current

    def continue_session(self, user: int | None) -> bool:
        """Apply the user of a log of the current session; return whether it is another one."""
        is_another = self.is_another(user)
        self.vary |= is_another
        if self.current is None:
            self.current = user
        return is_another

    def begin_session(self, user: int | None) -> None:
        """Begin a new session with this user."""
        self._previous, self.current = self.current, user
        self.vary = False

    def resume_previous(self) -> None:
        """Return to the user of the previous session: the current one was a glitch."""
        self.current = self._previous
