"""What is of one chat is not shown in another, and a file with people's texts goes to whoever asked, alone."""

from __future__ import annotations

from tests.places.conftest import EMOJI, Place


async def label_in_both(place: Place) -> None:
    """A labelled message in each of the two chats."""
    bug, question = EMOJI[place.platform]
    await place.react("Bo", await place.say("Bo", "the page is blank"), bug)
    await place.react("Ada", await place.say("Ada", "who gets the bonus?", "secret"), question, "secret")


async def test_export_is_of_this_chat_and_goes_to_the_asker_alone(place: Place):
    await label_in_both(place)
    await place.type("Ada", "export")
    assert place.files() == []
    [file] = place.private_files("Ada")
    assert "the page is blank" in file
    assert "bonus" not in file


async def test_an_asker_who_can_t_be_written_to_gets_a_sentence_and_nobody_the_file(place: Place):
    await label_in_both(place)
    place.shut("Ada")
    await place.type("Ada", "export")
    assert {"slack": "im:write", "telegram": "press Start"}[place.platform] in place.private("Ada")[-1]
    assert place.files() == []
    await place.type("Ada", "help export")
    assert "labels.jsonl" not in place.private("Ada")[-1], "the bot is still there"


async def test_export_all_is_for_those_who_run_the_bot_and_asks_first(place: Place):
    await label_in_both(place)
    await place.type("Ada", "export all")
    assert "the people who run this bot" in place.private("Ada")[-1]
    await place.type("Root", "export all")
    assert "private ones too" in place.private("Root")[-1]
    assert place.private_files("Root") == []
    await place.press("Root", "Yes")
    [file] = place.private_files("Root")
    assert "the page is blank" in file
    assert "bonus" in file
    assert [place.files(where) for where in ("team", "secret")] == [[], []]


async def test_figures_are_of_the_chat_in_which_they_are_asked_for(place: Place):
    await label_in_both(place)
    await place.say("Ada", "the bonus is a secret", "secret")
    await place.type("Bo", "stats")
    assert "In this chat: 1 messages, 1 labelled, 0 disputed." in place.private("Bo")[-1]
    await place.type("Bo", "stats", "secret")
    assert "In this chat: 2 messages, 1 labelled, 0 disputed." in place.private("Bo")[-1]
    await place.type("Bo", "labels")
    bug, question = EMOJI[place.platform]
    assert place.private("Bo")[-1].splitlines()[0].startswith(f"{bug} bug · 1")
    assert place.private("Bo")[-1].splitlines()[1].startswith(f"{question} question · 0")
    await place.type("Bo", "models")
    assert "Version 1" in place.private("Bo")[-1]
    await place.type("Bo", "jobs")
    said = "\n".join(place.private("Bo"))
    assert "bonus" not in said


async def test_questions_are_about_messages_of_the_chat_in_which_they_are_asked_for(place: Place):
    await place.say("Ada", "the bonus is a secret", "secret")
    await place.say("Bo", "the page is blank")
    await place.type("Bo", "ask 9")
    said = place.posts()[-1]
    assert "the page is blank" in said
    assert "bonus" not in "\n".join(place.posts())
