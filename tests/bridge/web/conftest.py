"""A server of the page with small weights, and a browser that may reach nothing else; skipped where one is missing."""

from functools import partial

import pytest
from visits import CHROMIUM, FLAGS, SCORED_MS
from web_server import Server

UPLOAD_MB = 2


@pytest.fixture(scope="session")
def server(tiny_weights, tmp_path_factory):
    pytest.importorskip("gradio")
    arguments = ["--weights", tiny_weights, "--upload-mb", UPLOAD_MB]
    server = Server("bridge.web", arguments, tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser):
    """A function that opens an address as a person of her own; what the page asks of other machines is an error."""
    contexts, foreign = [], []

    def opened(address, width=1280):
        context = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
        context.set_default_timeout(SCORED_MS)
        contexts.append(context)

        def look(route):
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                foreign.append(route.request.url)
                route.abort()

        context.route("**/*", look)
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("button")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert foreign == []


@pytest.fixture
def visit(visitor, server):
    """A function that opens the page to work on."""
    return partial(visitor, server.address)
