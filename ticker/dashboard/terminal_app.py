"""What an app on a terminal owes its user, whatever it shows: an end in words, and no traceback."""

from __future__ import annotations

from textual.app import App
from textual.worker import WorkerFailed

from ticker.dashboard.control import Exit
from ticker.dashboard.terminal import HungUp


class TerminalApp(App[Exit]):
    """An app that ends with an `Exit`. What goes wrong inside is raised by `show`."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False

    failure: Exception | None = None

    async def show(self) -> Exit:
        """Run in this event loop until the user leaves; raises what went wrong inside."""
        result = await self.run_async()
        if self.failure is not None:
            raise self.failure
        return result or self.leaving()

    def leaving(self, *, interrupted: bool = False, hung_up: bool = False) -> Exit:
        """What to tell the caller at the end."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """Quit."""
        self.exit(self.leaving())

    def action_interrupt(self) -> None:
        """Ctrl-C."""
        self.exit(self.leaving(interrupted=True))

    def on_hung_up(self, _: HungUp) -> None:
        """The terminal was closed: nobody is there to show anything to."""
        self.exit(self.leaving(hung_up=True))

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print its own traceback over the terminal; `show()` raises it instead, and
        # who runs the dashboard words it like any other failure.
        if self.failure is None:
            inner = error.error if isinstance(error, WorkerFailed) else None
            self.failure = inner if isinstance(inner, Exception) else error
        self._return_code = 1
        self._close_messages_no_wait()
