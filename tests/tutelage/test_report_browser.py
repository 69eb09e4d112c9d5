"""The report in a real browser: every picture loads, nothing runs over the side, and no foreign script is executed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tutelage.report.page import render

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=5000",
]
INSPECTION = """<script>
addEventListener("load", () => {
  const images = [...document.images], page = document.documentElement;
  const broken = images.filter(image => !image.naturalWidth).length;
  const fits = page.scrollWidth <= page.clientWidth ? "fits" : "too wide";
  document.title = `${images.length} pictures, ${broken} broken, ${fits}`;
});
window.alert = () => document.body.setAttribute("data-attacked", "yes");
</script></head>"""


@pytest.mark.skipif(BROWSER is None, reason="not run: no Chromium on this machine (Debian: apt-get install chromium)")
@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_is_whole_in_a_browser(report, tmp_path: Path, width: int) -> None:
    page = render(report)
    assert page.count("</head>") == 1
    (tmp_path / "report.html").write_text(page.replace("</head>", INSPECTION), encoding="utf-8")
    command = [BROWSER, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},2000", "--dump-dom"]
    done = subprocess.run([*command, (tmp_path / "report.html").as_uri()], capture_output=True, text=True, timeout=120)
    assert "<title>4 pictures, 0 broken, fits</title>" in done.stdout, done.stdout[:400] + done.stderr[-400:]
    assert "<body data-attacked" not in done.stdout
