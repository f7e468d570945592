"""What somebody at the browser does and sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect

# A bound for a loaded machine, not a goal.
TIMEOUT = 60_000

# x and y of the curve that has this role, as the chart has it now.
_CURVE = """(node, role) => {
  const trace = node.data?.find((trace) => trace.meta.role === role);
  return trace ? [[...trace.x], [...trace.y]] : [[], []];
}"""

_SCROLLS_SIDEWAYS = """() =>
  [document.documentElement, document.querySelector("[data-testid=stMain]")].some(
    (node) => node.scrollWidth > node.clientWidth,
  )"""


class Viewer:
    """One tab, and everything in it that a well-behaved page never does.

    Attributes:
        page: Playwright's page.
        errors: Errors in the console and exceptions nobody caught.
        foreign: Addresses elsewhere than at the server that the page asked for.
        requests: Addresses the page asked for, WebSockets' first messages included.
        sent: Everything the page said over its WebSockets.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.requests: list[str] = []
        self.sent: list[str | bytes] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(TIMEOUT)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._note_request)
        self.page.on("websocket", self._note_socket)

    # -- what one does ---------------------------------------------------------------------

    def open(self, path: str = "/", **parameters: str | int | float | Sequence[str]) -> None:
        """Open a page of the server and wait until it has come to rest."""
        query = urlencode(parameters, doseq=True)
        self.page.goto(f"{self.url}{path}{'?' + query if query else ''}")
        self.wait_for_rest()

    def start(self, **parameters: str | int | float | Sequence[str]) -> str:
        """Open the form filled with these choices, press Start and return the run's id."""
        self.open(**parameters)
        return self.press_start()

    def press_start(self) -> str:
        """Press Start and return the new run's id."""
        before = self.run_id
        self.start_button.click()
        self.page.wait_for_function(
            "before => ![null, before].includes(new URL(location).searchParams.get('run'))",
            arg=before,
        )
        assert self.run_id is not None
        return self.run_id

    def drag_over(self, chart: str) -> None:
        """Zoom into a part of a chart with the mouse."""
        box = self.chart(chart).locator(".nsewdrag").bounding_box()
        assert box is not None
        x, y, width, height = box["x"], box["y"], box["width"], box["height"]
        mouse = self.page.mouse
        mouse.move(x + 0.2 * width, y + 0.2 * height)
        mouse.down()
        mouse.move(x + 0.5 * width, y + 0.5 * height, steps=5)
        mouse.move(x + 0.7 * width, y + 0.8 * height, steps=5)
        mouse.up()

    # -- what one sees ---------------------------------------------------------------------

    @property
    def run_id(self) -> str | None:
        """The run in the address."""
        return parse_qs(urlsplit(self.page.url).query).get("run", [None])[0]

    @property
    def start_button(self) -> Locator:
        return self.page.get_by_role("button", name="Start training")

    @property
    def stop_button(self) -> Locator:
        return self.page.get_by_role("button", name="Stop", exact=True)

    def cell(self, text: str) -> Locator:
        """The table's cell with this text; it is drawn on a canvas, and there for readers."""
        return self.page.get_by_test_id("stDataFrame").locator("td").filter(has_text=text).first

    def chart(self, name: str) -> Locator:
        """The node Plotly draws into."""
        return self.page.get_by_test_id(f"chart-{name}")

    def curve(self, name: str, role: str) -> tuple[list[float], list[float | None]]:
        """Return x and y of a chart's training, validation, best or step curve."""
        x, y = self.chart(name).evaluate(_CURVE, role)
        return x, y

    def x_range(self, name: str) -> list[float]:
        """Return the part of the x axis that a chart shows."""
        shown: list[float] = self.chart(name).evaluate("node => node._fullLayout.xaxis.range")
        return shown

    def expect_state(self, state: str) -> None:
        """Wait until the run's header says this state."""
        expect(self.page.get_by_test_id("run-state")).to_have_text(state)

    def expect_points(self, count: int, chart: str = "loss") -> None:
        """Wait until a chart has at least so many points a curve."""
        self.page.wait_for_function(
            "([chart, count]) => document.querySelector(`[data-testid=chart-${chart}]`)"
            "?.dataset.points >= count",
            arg=[chart, count],
        )

    def points(self, chart: str = "loss") -> int:
        """Return how many points a chart's longest curve has."""
        return int(self.chart(chart).get_attribute("data-points") or 0)

    def expect_no_fault(self) -> None:
        """Say that the page met no error and asked for nothing from elsewhere."""
        assert not self.errors, self.errors
        assert self.foreign == []

    def wait_for_rest(self) -> None:
        """Wait until Streamlit has drawn the page and nothing of it runs.

        A skeleton stands for what the browser has no code for yet; the page's style is such a part.
        """
        self.page.wait_for_selector(
            '[data-testid="stApp"][data-test-script-state="notRunning"]'
            ':not(:has([data-testid="stSkeleton"]))'
        )

    def forgive_lost_connections(self) -> None:
        """Forget the errors that Chromium itself reports when nobody answers."""
        lost = (
            "WebSocket connection to",
            "net::ERR_",
            "Failed to fetch",
            "Client Error in reaching",
            "Streamlit server is not responding",
        )
        self.errors = [error for error in self.errors if not any(word in error for word in lost)]

    def scrolls_sideways(self) -> bool:
        """Return whether the page is wider than there is room; Streamlit scrolls within itself."""
        return bool(self.page.evaluate(_SCROLLS_SIDEWAYS))

    def has_been_attacked(self) -> bool:
        """Return whether markup in somebody's text ran as a script."""
        return bool(self.page.evaluate("'attacked' in window"))

    # -- what it notes ---------------------------------------------------------------------

    def _note_console(self, message: ConsoleMessage) -> None:
        address = message.location["url"]
        # Opened at a page's own address, Streamlit first looks for itself below it, in vain.
        is_search = any(
            f"/{page}/_stcore/" in address for page in ("runs", "evaluate", "data", "lessons")
        )
        is_streamlit_s_search = is_search and "404" in message.text
        if message.type == "error" and not is_streamlit_s_search:
            self.errors.append(f"{message.text} ({address})")

    def _note_request(self, request: Request) -> None:
        self._note_address(request.url)

    def _note_address(self, address: str) -> None:
        self.requests.append(address)
        parts = urlsplit(address)
        is_remote = parts.scheme in ("http", "https", "ws", "wss")
        if is_remote and parts.netloc != urlsplit(self.url).netloc:
            self.foreign.append(address)

    def _note_socket(self, socket: Any) -> None:
        self._note_address(socket.url)
        socket.on("framesent", lambda payload: self.sent.append(payload))
