"""Browsers without a display: each takes a screenshot of a local page whose colours are known."""

import os

from ..png import Picture
from ..program import program
from ..run import read

# What inputs/page.html shows, at the middle of each block.
BLOCKS = {"a plain block (red)": ((100, 75), (200, 30, 30)), "a plain block (green)": ((300, 75), (30, 140, 60)),
          "SVG": ((500, 75), (30, 60, 200)), "the script's sum": ((100, 235), (255, 140, 0)),
          "the canvas": ((300, 235), (140, 30, 180)), "the built elements": ((500, 235), (100, 100, 100)),
          "the grid": ((22, 432), (0, 160, 160))}
TEXT = (0, 320, 600, 60)
FEWEST_DARK_PIXELS = 500
TOLERANCE = 3  # colour management may round


def check_screenshot(run, path):
    """Decodes the picture and compares it with what the page shows."""
    run.check(os.path.exists(path), "no screenshot was written")
    try:
        picture = Picture(read(path))
    except ValueError as problem:
        run.check(False, f"the screenshot cannot be decoded: {problem}")
    run.kept.append(path)
    run.check(picture.width >= 600 and picture.height >= 540, f"the picture is {picture.width}x{picture.height}")
    for name, (place, wanted) in BLOCKS.items():
        got = picture.pixel(*place)
        near = all(abs(got[i] - wanted[i]) <= TOLERANCE for i in range(3))
        run.check(near, f"{name} has the colour {got} instead of {wanted}")
    dark = sum(times for colour, times in picture.colours(*TEXT).items() if sum(colour) < 200)
    run.check(dark >= FEWEST_DARK_PIXELS, f"the text is missing: {dark} dark pixels")


def check_children(run, said):
    """A browser hides the end of a child process; its messages do not."""
    for sign in ("exited unexpectedly", "crashed", "exit_code=", "SIGABRT", "ExceptionHandler"):
        run.check(sign not in said, f"a child process ended badly: '{sign}' in its messages")


@program("chromium", does="a screenshot of a local page", needs=[("chromium", "chromium")], loaded=["chromium"],
         without=["bash", "chrome_crashpad_handler"])
def chromium(run):
    times = run.size(1, 2)
    for number in range(times):
        path = run.path(f"page{number}.png")
        done = run.guarded("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                           "--disable-background-networking", "--disable-component-update", "--disable-sync",
                           "--hide-scrollbars", "--force-color-profile=srgb", "--window-size=800,700",
                           f"--user-data-dir={run.path('chromium')}", f"--screenshot={path}",
                           "file://" + run.input("page.html"), limit=120)
        check_screenshot(run, path)
        check_children(run, done.err)
    run.did = f"{times} screenshot(s) of a page with script, canvas and SVG; colours compared"


@program("firefox", does="a screenshot of a local page", needs=[("firefox-esr", "firefox-esr")], loaded=["firefox-esr"])
def firefox(run):
    times = run.size(1, 2)
    profile = run.make_folder("firefox")
    run.write("firefox/user.js", "".join(f'user_pref("{name}", {value});\n' for name, value in (
        ("app.normandy.enabled", "false"), ("datareporting.policy.dataSubmissionEnabled", "false"),
        ("network.captive-portal-service.enabled", "false"), ("network.connectivity-service.enabled", "false"),
        ("browser.shell.checkDefaultBrowser", "false"), ("gfx.color_management.mode", "0"))))
    for number in range(times):
        path = run.path(f"page{number}.png")
        done = run.guarded("firefox-esr", "--headless", "--no-remote", "--profile", profile, "--window-size=800,700",
                           "--screenshot", path, "file://" + run.input("page.html"), limit=120)
        check_screenshot(run, path)
        check_children(run, done.err)
    run.did = f"{times} screenshot(s) of a page with script, canvas and SVG; colours compared"
