"""A headless Chromium, for tests of pages and for pictures of them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


class Browser:
    """One window, whose size and colour scheme can be changed."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, file: Path, width: int = 1280, height: int = 900, *, dark: bool = False) -> None:
        """Load a file from disk in a window of this size, with or without a preference for dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(file.absolute().as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of `return ...` of a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """The first element that a CSS selector matches."""
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """What a reader sees of every element that a CSS selector matches."""
        return [element.text for element in self.driver.find_elements("css selector", selector)]

    def complaints(self) -> list[str]:
        """Console messages since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser while the context lasts.

    Raises:
        LookupError: this machine has no Chromium, or no driver for it.
    """
    from selenium import webdriver

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    control = shutil.which("chromedriver")
    if not program or not control:
        raise LookupError("needs Chromium and its driver (apt-get install chromium chromium-driver)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(control))
        try:
            yield Browser(driver)
        finally:
            driver.quit()
