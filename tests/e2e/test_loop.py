"""The whole of Backchannel as a person uses it: a browser before everything that `backchannel demo` starts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.e2e.demo import Demo, running_demo
from tests.e2e.tour import FAULTS as FOUR_FAULTS
from tests.e2e.tour import PLANS
from tests.fakes.web.chromium import launch_options
from tests.waiting import HANG

pytestmark = pytest.mark.timeout(600)
expect.set_options(timeout=HANG * 1000)

FAULTS = (*FOUR_FAULTS, "Upload crashes the page")
OVER = ("took over", "was not promoted", "failed", "cancelled")


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, demo: Demo, name: str) -> Iterator[Page]:
    """The page as this person sees it; it must not throw."""
    context, wrong = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB"), list[str]()
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"http://127.0.0.1:{demo.port}/")
    expect(page.locator("#link.linked")).to_be_visible()
    page.fill("#name", name)
    page.press("#name", "Enter")
    yield page
    assert wrong == []
    context.close()


def write(page: Page, text: str) -> Locator:
    """Type a message and return it once the bot's side has it."""
    page.fill("#words", text)
    page.press("#words", "Enter")
    message = page.locator(".message:not(.bot)", has=page.get_by_text(text, exact=True))
    expect(message.locator(".note")).to_have_count(0)
    return message


def command(page: Page, text: str) -> Locator:
    """Type a command and return the bot's post that answers it."""
    count = page.locator(".message.bot").count()
    page.fill("#words", text)
    page.press("#words", "Escape")
    page.press("#words", "Enter")
    expect(page.locator(".message.bot")).to_have_count(count + 1)
    return page.locator(".message.bot").nth(count)


def reply(page: Page, message: Locator, text: str) -> Locator:
    """Type a command as a reply to a message."""
    message.hover()
    message.locator(".tool", has_text="Reply").click()
    return command(page, text)


def label(page: Page, message: Locator, name: str) -> None:
    """Put a label's emoji on a message by the picker."""
    message.hover()
    message.locator(".add").click()
    page.locator(".option", has_text=name).click()
    expect(message.locator(".chip")).to_have_count(1)


def learned(page: Page, count: int) -> None:
    """Wait until the panel says that the head knows so many labels."""
    expect(page.locator(".card.mode")).to_contain_text(f"Learned from {count} labelled")


def talk(page: Page) -> list[str]:
    """What the channel shows, in order, without what only this page has seen (the commands that were typed)."""
    shown = page.locator(".message:not(.command)")
    return [
        f"{text.strip()} {marks.strip()}"
        for text, marks in zip(
            shown.locator(".text").all_inner_texts(), shown.locator(".marks").all_inner_texts(), strict=True
        )
    ]


def watched(page: Page, post: Locator) -> tuple[list[str], set[str]]:
    """Everything that a progress message said until it was over, and every length of the bar in the panel."""
    said, lengths = list[str](), set[str]()
    bar = page.locator(".job .progress").first
    while not (said and any(word in said[-1] for word in OVER)):
        text = post.locator(".text").inner_text()
        said += [text] if text not in said[-1:] else []
        if bar.is_visible():
            lengths.add(bar.get_attribute("aria-valuenow") or "0")
        time.sleep(0.1)
    return said, lengths


def test_a_reaction_changes_the_next_answer_and_a_retrained_version_can_take_over_and_go(
    browser: Browser, tmp_path: Path
) -> None:
    with running_demo(tmp_path / "data") as demo, opened(browser, demo, "Ada") as page:
        first = write(page, "Let us have lunch outside today")
        expect(first.locator(".mark.guess")).to_contain_text("chatter")  # here people mean it as a proposal
        label(page, first, "idea")
        learned(page, 1)
        second = write(page, "Let us have lunch outside tomorrow")
        expect(second.locator(".mark:not(.guess)")).to_contain_text("idea")
        second.locator(".mark").click()  # confirms it
        learned(page, 2)

        for text in PLANS:
            label(page, write(page, text), "idea")
        for text in FAULTS:
            label(page, write(page, text), "bug")
        learned(page, 2 + len(PLANS) + len(FAULTS))

        said, lengths = watched(page, command(page, "/retrain lora epochs=20"))
        assert "Version 2 (lora)" in said[-1], said
        assert len(said) > 3, said  # the message moved,
        assert len(lengths) > 2, lengths  # and so did the bar
        expect(command(page, "/promote 2")).to_contain_text("Version 2")
        expect(page.locator(".version.active")).to_contain_text("v2")
        expect(command(page, "/classify The page crashes again")).to_contain_text("bug")
        expect(command(page, "/rollback")).to_contain_text("Back to version 1")
        expect(page.locator(".version.active")).to_contain_text("v1")

        explained = reply(page, first, "/explain")
        expect(explained).to_contain_text("All words together")
        expect(explained.locator("img.picture")).to_be_visible()
        expect(command(page, "/evaluate 2")).to_contain_text("that it never learned from")
        expect(page.locator(".message.bot img.picture")).to_have_count(2)

        before = talk(page)
        page.reload()
        expect(page.locator("#link.linked")).to_be_visible()
        assert talk(page) == before


def test_killed_processes_come_back_lose_nothing_and_end_with_ctrl_c(browser: Browser, tmp_path: Path) -> None:
    with running_demo(tmp_path / "data") as demo, opened(browser, demo, "Ada") as page:
        label(page, write(page, "The board crashes when I drag a card"), "bug")
        learned(page, 1)

        demo.kill("bot", "web")
        page.fill("#words", "The board crashes without a bot")
        page.press("#words", "Enter")  # waits in the page
        expect(page.locator("#link.linked")).to_be_visible()
        expect(page.locator(".message", has_text="without a bot").locator(".mark")).to_contain_text("bug")

        demo.kill("--queues", "classify,explain")
        with demo.standing_still("--queues", "classify,explain"):
            lost = write(page, "The board crashes without a worker")  # waits in the inbox
            expect(page.locator("#hint")).to_contain_text("Not read yet: 1")
        demo.kill("--queues", "labels,maintenance")
        label(page, lost, "bug")
        expect(lost.locator(".mark")).to_contain_text("bug")
        learned(page, 2)
        assert demo.said.count("starting it again") == 3

        page.reload()
        expect(page.locator("#link.linked")).to_be_visible()
        expect(page.locator(".message")).to_have_count(3)
        expect(page.locator(".chip")).to_have_count(2)

        family = demo.family()
        demo.interrupt()
        gone, left = psutil.wait_procs(family, timeout=HANG)
        assert left == [], [process.cmdline() for process in left]
        assert demo.process.returncode == 0, demo.said
        assert len(gone) > 6
