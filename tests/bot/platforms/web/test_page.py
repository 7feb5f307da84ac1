"""The page itself, in headless Chromium, before a scripted far side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.fakes.web.browser import FarSide, open_page, person
from tests.fakes.web.chromium import launch_options
from tests.waiting import HANG, soon
from workers.core.events import Button, Command, Delete, Edit, Message, MessageRef, Reaction
from workers.core.replies import Document

expect.set_options(timeout=HANG * 1000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        yield browser
        await browser.close()


@asynccontextmanager
async def opened(browser: Browser, far: FarSide, *, width: int = 1280, name: str = "Ada", **context: Any):
    """The page, connected, as somebody; it fails if the page throws or asks for anything from elsewhere."""
    assert far.platform is not None
    options: dict[str, Any] = {"locale": "en-GB", **context}
    made = await browser.new_context(viewport={"width": width, "height": 800}, **options)
    page, wrong, home = await made.new_page(), list[str](), f"http://127.0.0.1:{far.platform.port}/"
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and "Content" in said.text else None
    )
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith((home, "blob:")) else None)
    await page.goto(home)
    await expect(page.locator("#link.linked")).to_be_visible()
    await page.fill("#name", name)
    await page.press("#name", "Enter")
    yield page
    assert wrong == []
    await made.close()


async def type_in(page: Page, text: str) -> None:
    await page.fill("#words", text)
    await page.press("#words", "Enter")


async def test_what_i_type_is_shown_with_my_name_and_the_bots_emoji_with_its_probability(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far) as page:
        await expect(page.locator("#empty")).to_contain_text("Put an emoji on a message")
        await type_in(page, "the board crashes when I drag")
        message = page.locator(".message")
        await expect(message).to_have_count(1)
        await expect(message.locator(".name")).to_have_text("Ada")
        await expect(message.locator(".text")).to_have_text("the board crashes when I drag")
        await expect(message.locator(".mark")).to_contain_text("bug")
        await expect(message.locator(".mark .sure")).to_have_text("80%")
        await type_in(page, "it crashes")
        await expect(message.nth(1).locator(".mark.guess .sure")).to_have_text("guess 42%")
        await expect(page.locator("#empty")).to_be_hidden()
        await page.reload()
        await expect(message.locator(".mark")).to_have_count(2)


async def test_markup_in_a_message_a_name_and_a_label_stays_text(browser: Browser) -> None:
    far = FarSide()
    nasty = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    async with open_page(far), opened(browser, far, name="<b>Eve</b>") as page:
        await type_in(page, nasty)
        await expect(page.locator(".message .text")).to_have_text(nasty)
        await expect(page.locator(".message .name")).to_have_text("<b>Eve</b>")
        assert await page.locator(".message .text img, .message script, .name b").count() == 0
        assert await page.title() == "Backchannel"


async def test_the_picker_of_labels_gives_a_reaction_that_a_click_withdraws_and_others_join(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far) as page, opened(browser, far, name="Grace") as other:
        await type_in(page, "it crashes")
        before = await page.locator(".message").bounding_box()
        await page.locator(".message").hover()
        await page.locator(".add").click()
        await expect(page.locator(".picker")).to_contain_text("An emoji is a label")
        await page.locator(".option", has_text="praise").click()
        chip = page.locator(".chip")
        await expect(chip).to_have_text("❤\ufe0f1")
        assert await page.locator(".message").bounding_box() == before  # nothing jumps
        [first] = far.of(Reaction)
        assert (first.emoji, first.annotator.name, first.added) == ("❤", "Ada", True)
        await other.locator(".chip").click()
        await expect(chip).to_have_text("❤\ufe0f2")
        await chip.click()
        await expect(chip).to_have_text("❤\ufe0f1")
        assert [event.added for event in far.of(Reaction)] == [True, True, False]
        await other.locator(".mark").click()  # confirms the bot
        await soon(lambda: far.of(Reaction)[-1].emoji == "👾")


async def test_commands_are_completed_by_keyboard_alone(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far) as page:
        field, offers = page.locator("#words"), page.locator(".offer")
        await field.focus()
        await page.keyboard.type("/")
        await expect(offers).to_have_count(10)
        await page.keyboard.press("ArrowDown")
        await expect(offers.nth(1)).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("Escape")
        await expect(page.locator("#completion")).to_be_hidden()
        await page.keyboard.type("retr")
        await expect(offers).to_contain_text(["Train a new version"])
        await page.keyboard.press("Tab")
        await expect(field).to_have_value("/retrain ")
        await field.fill("/labels a")
        await page.keyboard.press("Enter")
        await expect(field).to_have_value("/labels add ")
        await field.fill("/mode s")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        await expect(field).to_have_value("/mode suggest")
        await page.keyboard.press("Enter")
        await expect(page.locator(".bot .text")).to_have_text("You typed /mode suggest.")
        assert far.of(Command)[0].text == "mode suggest"
        await page.locator(".bot .verb").click()  # a verb that the bot names can be clicked into the field
        await expect(field).to_have_value("/mode suggest")


async def test_a_message_can_be_reached_labelled_and_answered_by_keyboard(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far) as page:
        await type_in(page, "it crashes")
        await expect(page.locator(".mark")).to_be_visible()
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("2")
        await expect(page.locator(".chip")).to_have_text("🤔1")
        await page.keyboard.press("Enter")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Enter")
        await soon(lambda: [event.emoji for event in far.of(Reaction)] == ["🤔", "🤔"])
        await page.keyboard.press("Escape")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("r")
        await expect(page.locator("#replying")).to_contain_text("Replying to Ada: it crashes")
        await page.keyboard.type("/label bug")
        await page.keyboard.press("Enter")
        [command] = await soon(lambda: far.of(Command))
        assert (command.text, command.reply_to) == ("label bug", far.of(Message)[0].ref)


async def test_ones_own_message_can_be_edited_and_deleted_and_anothers_not(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far) as page, opened(browser, far, name="Grace") as other:
        await type_in(page, "it crashes")
        await other.locator(".message").hover()
        await expect(other.locator(".tool")).to_have_text(["Reply"])
        await page.locator(".message").hover()
        await page.locator(".tool", has_text="Edit").click()
        await page.keyboard.type(" when I love it")
        await page.keyboard.press("Enter")
        await expect(other.locator(".text")).to_have_text("it crashes when I love it")
        await expect(other.locator(".byline")).to_contain_text("edited")
        await page.locator(".tool", has_text="Delete").click()
        await page.locator(".tool", has_text="Delete it?").click()
        await expect(other.locator(".text")).to_have_text("This message was deleted.")
        assert (len(far.of(Edit)), len(far.of(Delete))) == (1, 1)


async def test_progress_moves_in_the_post_and_in_the_panel(browser: Browser) -> None:
    far, step = FarSide(), asyncio.Semaphore(0)
    far.step = step.acquire
    async with open_page(far), opened(browser, far) as page:
        await type_in(page, "/retrain")
        for steps, percent in ((1, 10), (4, 50), (4, 90)):
            for _ in range(steps):
                step.release()
            for panel in (".message", ".job"):
                await expect(page.locator(f"{panel} .progress")).to_have_attribute("aria-valuenow", f"{percent}")
        step.release()
        await expect(page.locator(".bot .text", has_text="Version 2 is active")).to_be_visible()
        await expect(page.locator(".job .badge")).to_have_text("done")
        await expect(page.locator(".message .progress")).to_have_count(0)


async def test_a_button_under_a_post_comes_back_and_the_post_changes(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far) as platform, opened(browser, far) as page:
        await type_in(page, "/ask")
        await page.locator(".choice", has_text="none of these").click()
        await expect(page.locator(".bot .text")).to_have_text("Noted: q1:none")
        await expect(page.locator(".choice")).to_have_count(0)
        assert far.of(Button)[0].presser == person("Ada")
        await platform.send(Document(chat=platform.chat, filename="labels.jsonl", content="{}\n"), "doc", None)
        async with page.expect_download() as download:
            await page.locator("a.choice").click()
        assert (await download.value).suggested_filename == "labels.jsonl"


async def test_after_a_lost_connection_nothing_is_missing_and_nothing_is_there_twice(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far) as platform, opened(browser, far) as page:
        await type_in(page, "before")
        await expect(page.locator(".message:not(.sending)")).to_have_count(1)
        far.broken = True
        await type_in(page, "while it was broken")
        await page.evaluate("backchannel.drop()")
        await type_in(page, "without a connection")
        ref = MessageRef(**platform.chat.model_dump(), message_id="x1")
        far.broken = False
        await platform.channel.publish(
            Message(key="x", at=platform.channel.clock.now(), ref=ref, author=person("Bob"), text="meanwhile")
        )
        await expect(page.locator(".message:not(.sending)")).to_have_count(4)
        texts = await page.locator(".message .text").all_text_contents()
        assert sorted(texts) == ["before", "meanwhile", "while it was broken", "without a connection"]
        assert sorted(event.text for event in far.of(Message)) == sorted(texts)


async def test_a_channel_that_is_not_enabled_says_so_and_can_be_enabled(browser: Browser) -> None:
    far = FarSide(enabled=False)
    async with open_page(far), opened(browser, far) as page:
        await type_in(page, "hello?")
        await expect(page.locator(".byline .warn")).to_have_text("not stored: this channel is not enabled")
        await page.click("#enable")
        await expect(page.locator("#banner")).to_be_hidden()
        assert [event.text for event in far.of(Command)] == ["here"]


@pytest.mark.parametrize("width", [360, 390])
async def test_on_a_phone_nothing_sticks_out_and_the_panel_is_a_drawer(browser: Browser, width: int) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far, width=width, has_touch=True, is_mobile=True) as page:
        await type_in(page, "https://example.org/" + "x" * 300 + " would be nice")
        await expect(page.locator(".mark")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await page.evaluate("document.querySelector('#scroll').scrollWidth <= innerWidth")
        await expect(page.locator("#panel")).to_be_hidden()
        await page.tap("#drawer")
        await expect(page.locator("#panel .bar")).to_have_count(6)
        await expect(page.locator("#panel")).to_be_visible()
        await page.tap("#drawer")
        await expect(page.locator("#panel")).to_be_hidden()
        await page.tap(".add")
        await page.tap(".option >> nth=0")
        await expect(page.locator(".chip")).to_be_visible()


async def test_the_page_speaks_the_browsers_language_and_the_one_that_is_chosen(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far, locale="zh-CN") as page:
        await expect(page.locator("#playFirst")).to_have_text("播放示例对话")
        assert await page.get_attribute("html", "lang") == "zh-CN"
        await page.click(".tongue >> nth=0")
        await expect(page.locator("#playFirst")).to_have_text("Play a sample conversation")
        await page.reload()
        await expect(page.locator("#playFirst")).to_have_text("Play a sample conversation")


@pytest.mark.parametrize(
    ("coverage", "precision", "english", "chinese"),
    [
        (0.63, 0.92, "Speaks about 63% of messages, right 92% of the time.", "对 63% 的消息给出标签，其中 92% 正确。"),
        (
            0.63,
            None,
            "Speaks about 63% of messages; how often that is right is not known yet.",
            "对 63% 的消息给出标签，正确率尚不清楚。",
        ),
        (None, None, "How often it speaks is not known yet.", "给出标签的比例尚不清楚。"),
    ],
)
async def test_the_panel_says_how_often_the_bot_speaks_beside_how_often_it_is_right(
    browser: Browser, coverage: float | None, precision: float | None, english: str, chinese: str
) -> None:
    far = FarSide(coverage=coverage, precision=precision)
    async with open_page(far), opened(browser, far) as page:
        spoken = page.locator(".card.accuracy .spoken")
        await expect(spoken).to_have_text(english)
        await page.locator(".tongue[lang=zh]").click()
        await expect(spoken).to_have_text(chinese)
        far.labels, far.coverage, far.precision = 0, 0.5, 1.0  # no curve, and figures that moved
        await expect(spoken).to_have_text("对 50% 的消息给出标签，其中 100% 正确。")


async def test_the_sample_fills_the_channel_until_it_is_stopped(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far) as page:
        await page.click("#playFirst")
        await expect(page.locator(".message").nth(5)).to_be_visible()
        await expect(page.locator("#play")).to_contain_text("Stop")
        await page.click("#play")
        await expect(page.locator("#play")).to_have_text("Play sample")


async def test_a_huge_message_is_folded(browser: Browser) -> None:
    far = FarSide()
    async with open_page(far), opened(browser, far) as page:
        await type_in(page, "word " * 20_000)
        await expect(page.locator(".link-button")).to_have_text("Show all")
        await expect(page.locator(".message:not(.sending)")).to_have_count(1)
        assert len(await page.locator(".text span").text_content() or "") < 2000
        await page.locator(".link-button").click()
        await expect(page.locator(".link-button")).to_have_text("Show less")
        assert len(far.of(Message)[0].text) == 100_000
