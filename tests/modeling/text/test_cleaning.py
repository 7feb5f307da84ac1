from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.text.cleaning import clean, is_held_out, text_hash

FRAGMENTS = [
    *("<@U123>", "<@U1|bob>", "<#C1|general>", "<!here>", "<http://x.com/a|label>", "http://foo.org/x?y=1", "www.a.b"),
    *("&amp;", "&lt;", "&#60;", "&#0;", "```", "`", ":party_parrot:", ":+1:", "@bob", "10:30:45", "...", "<", ">", "|"),
    *("\u200d", "\u200c", "\u202e", "\ud800", "\x00", "\ufeff", "\u00a0", "\n", ":", "@", "://", "ﬁ", "＠a", "´", "😂"),
    *("👨\u200d👩\u200d👧", "می\u200cخواهم", "e\u0301\u0301\u0301\u0301", "!" * 30, "a" * 90),
]
messy = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=6)), max_size=40).map("".join)


@given(messy, st.integers(-3, 80) | st.just(2000))
@settings(max_examples=400, deadline=None)
def test_any_text_is_cleaned_within_bounds_and_cleaning_again_changes_nothing(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= max(1, limit)
    assert clean(cleaned, limit) == cleaned
    assert "\x00" not in cleaned
    cleaned.encode()
    assert len(text_hash(text)) == 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hi <@U024BE7LH>, see <https://foo.com/a?b=1|the plan>", "hi @user , see the plan"),
        ("<!here> lunch in <#C024|random>", "everyone lunch in random"),
        ("https://www.example.co.uk/path?q=1#x broke", "example.co.uk broke"),
        ("ask @bob_smith or mail a@b.com", "ask @user or mail a@b.com"),
        ("@张三 你好", "@张三 你好"),
        (":party_parrot: done :tada::tada:", "party parrot done tada tada"),
        (":+1: at 10:30:45", "👍 at 10:30:45"),
        ("std::string::npos", "std::string::npos"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("run `make test` now", "run make test now"),
        ("don´t ‘worry’ ﬁne ＡＢＣ", "don't 'worry' fine ABC"),
        ("zero\u200bwidth \u202eevil\u202c \ufeff", "zerowidth evil"),
        ("👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽", "👨\u200d👩\u200d👧 ❤ 👍🏽"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("שלום \ud83d world", "שלום world"),
        ("hm!!!!!!!!!!!!", "hm!!!"),
        (" a \r\n\t b ", "a b"),
        (":10: and :-1: and :_: of :12:30:", ":10: and 👎 and :_: of :12:30:"),
        (":wave::skin-tone-3: you", "wave you"),
        ("<https://foo.com/a| > <https://foo.com/b|> <#C1| > <!here| >", "foo.com foo.com channel everyone"),
        ("<mailto:a@b.com> <tel:+123> <mailto:a@b.com|write>", "a@b.com +123 write"),
        ("a <b> c", "a <b> c"),
        ("http://localhost:80/x broke", "link broke"),
        ("ask @here and @Channel", "ask everyone and everyone"),
    ],
)
def test_noise_goes_and_words_and_emoji_stay(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize("text", ["", "   ", "\u200b\u200d\u2060", "\x00\x01", "\ud800", "\u202e", "\u3164", "\ufe0f"])
def test_nothing_to_read_becomes_nothing(text: str) -> None:
    assert clean(text) == ""


@pytest.mark.parametrize("text", ["🎉", "https://x.org/y", "<@U1>"])
def test_only_an_emoji_a_link_or_a_mention_still_says_something(text: str) -> None:
    assert clean(text)


def test_a_long_message_keeps_its_head_and_its_tail() -> None:
    cleaned = clean("first " + "word " * 40_000 + "last")
    assert len(cleaned) <= 2000
    assert cleaned.startswith("first")
    assert cleaned.endswith("last")


@pytest.mark.parametrize("limit", [1, 5, 9, 10, 11, 40])
def test_a_text_of_exactly_the_limit_stays_whole_and_one_more_is_cut(limit: int) -> None:
    text = ("abcdefghij" * 5)[:limit]
    assert clean(text, limit) == text
    assert len(cut := clean(text + "z", limit)) <= limit
    assert cut != text + "z"


def test_what_is_cut_keeps_a_third_for_the_tail() -> None:
    assert clean("a" * 50 + "b" * 50, 35) == "a" * 20 + " ... " + "b" * 10
    assert clean("a" * 50 + "b" * 50, 9) == "a" * 9, "too little room for both"
    assert clean("a" * 50 + "b" * 50, 10) == "aaaa ... b"


def test_a_code_block_keeps_its_beginning_and_its_last_line() -> None:
    cleaned = clean("look\n```python\nTraceback:\n" + "x = 1\n" * 200 + "ValueError: no such thing\n```\nhelp")
    assert cleaned.startswith("look Traceback:")
    assert cleaned.endswith("ValueError: no such thing help")
    assert len(cleaned) < 260


@pytest.mark.parametrize(
    "unit", ["<", "`", ":a", "@", "&amp;", "http://", "<http://a|", "😂", "``` x", ":a_b:", "e\u0301", "<@U1|", "&#"]
)
def test_hostile_repetition_ends(unit: str) -> None:
    """An expression that looks back on all of so many characters would go on for hours."""
    assert len(clean(unit * 400_000, limit=50_000)) <= 50_000


def test_the_held_out_share_is_kept_and_does_not_depend_on_case_or_noise() -> None:
    texts = [f"message number {number} about something" for number in range(4000)]
    held_out = [text for text in texts if is_held_out(text)]
    assert 0.17 < len(held_out) / len(texts) < 0.23
    assert all(is_held_out(clean(f"  {text.upper()}\u200b")) for text in held_out)
    assert not any(is_held_out(text, 0.0) for text in texts)
    assert all(is_held_out(text, 1.0) for text in texts)
