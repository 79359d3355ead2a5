"""Pictures of a report for the documentation: light, dark, and on a phone.

python -m scripts.report_screenshots releases/demo.report.html docs
"""

import io
import sys
from pathlib import Path

from PIL import Image

from scripts.browser import Browser, chromium

_PHONE = ("top", "weights", "examples")  # one screen each, side by side


def main(report: Path, folder: Path) -> None:
    """Write `report-light.png`, `report-dark.png` and `report-narrow.png`."""
    with chromium() as browser:
        browser.open(report, 1280, 1440)
        _save(_screen(browser, "top"), folder / "report-light.png")
        browser.open(report, 1280, 1100, dark=True)
        browser.run("document.querySelector('#example-list li:has(.guided_alignment)')?.click()")
        _save(_screen(browser, "examples"), folder / "report-dark.png")
        browser.open(report, 360, 780)
        screens = [_screen(browser, anchor) for anchor in _PHONE]
    strip = Image.new("RGB", (sum(screen.width + 24 for screen in screens) - 24, screens[0].height), "#9aa0a8")
    for n, screen in enumerate(screens):
        strip.paste(screen, (n * (screen.width + 24), 0))
    _save(strip, folder / "report-narrow.png")


def _screen(browser: Browser, anchor: str) -> Image.Image:
    """What is seen after following a link of the page's navigation."""
    browser.run("document.getElementById(arguments[0])?.scrollIntoView()", anchor)
    browser.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")


def _save(image: Image.Image, file: Path) -> None:
    # A palette is a third of the bytes; this method keeps small patches of colour, such as the marks in a list.
    image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file}  {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
