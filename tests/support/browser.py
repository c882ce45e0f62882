"""A real headless Chromium, driven with selenium. Nothing is downloaded: browser and driver come from the system."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> tuple[str, str] | None:
    """The paths of browser and driver, None if one is missing."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    return (found, driver) if found and driver else None


def open_browser(profile: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> Any:
    """A browser with an own profile. Skips the test if there is none."""
    webdriver = pytest.importorskip("selenium.webdriver")
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium with chromedriver: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    words = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"]
    words += [f"--window-size={width},{height}", f"--user-data-dir={profile}", "--no-proxy-server"]
    for word in words:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # selenium reports its use to a server, unless it is told not to.
    os.environ["SE_AVOID_STATS"] = "true"
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(found[1]))
    # A window is never narrower than 500 px; a page may be.
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    return driver
