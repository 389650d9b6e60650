"""What is nobody's business is masked before the model, the same everywhere, and comes back."""

from __future__ import annotations

import pytest

from core.text.pii import mask, mask_all


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail me at jane.doe+x@example.co.kr.", "mail me at [EMAIL_1]."),
        ("카드 4111-1111-1111-1111 결제 실패", "카드 [CARD_1] 결제 실패"),
        ("card 5555 5555 5555 4444 please", "card [CARD_1] please"),
        ("제 주민번호는 971013-9019902 입니다", "제 주민번호는 [RRN_1] 입니다"),
        ("9710139019902", "[RRN_1]"),
        ("전화 010-1234-5678 로 주세요", "전화 [PHONE_1] 로 주세요"),
        ("call +1 650 253 0000", "call [PHONE_1]"),
        ("my password is hunter2!", "my password is [SECRET_1]"),
        ("mi contraseña es hunter2!", "mi contraseña es [SECRET_1]"),
        ("비밀번호는 abcd1234 예요", "비밀번호는 [SECRET_1] 예요"),
        ("pin 5512, cvc 123", "pin [SECRET_1], cvc [SECRET_2]"),
        ("인증번호 482913 이 왔어요", "인증번호 [SECRET_1] 이 왔어요"),
        ("key sk-abcdEFGH1234567890ijkl", "key [SECRET_1]"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN [IBAN_1]"),
    ],
)
def test_it_is_masked(text: str, masked: str) -> None:
    locale = "ko" if any("가" <= c <= "힣" for c in text) else "en"
    assert mask(text, locale=locale).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "Order 2026-11-22-000123 has not arrived",
        "my password is wrong",
        "비밀번호는 어떻게 바꾸나요?",
        "It costs 1234567 won",
        "운송장 번호 123456789012",
        "version 3.11.4 and 2.0.1",
        "open 09:00-18:00 on 2026-11-22",
        "PIN is required?",
        "see [1] and [2]",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask(text).text == text


def test_the_same_value_has_the_same_placeholder_in_all_texts() -> None:
    first, second = mask_all(("a@b.com and c@d.com", "again c@d.com"))
    assert first.text == "[EMAIL_1] and [EMAIL_2]"
    assert second.text == "again [EMAIL_2]"
    assert second.restore("to [EMAIL_2], not [EMAIL_1]") == "to c@d.com, not a@b.com"


def test_a_card_comes_back_by_its_last_digits_only() -> None:
    masked = mask("4111 1111 1111 1111, password: s3cret!")
    assert masked.restore("Card [CARD_1] is blocked") == "Card •••• 1111 is blocked"
    assert "s3cret" not in masked.restore(masked.text)


def test_a_placeholder_of_the_models_own_is_seen() -> None:
    masked = mask("a@b.com")
    assert masked.invented("write to [EMAIL_7]")
    assert not masked.invented("write to [EMAIL_1] [1]")


def test_a_search_does_not_see_placeholders() -> None:
    assert mask("why is card 4111111111111111 declined").bare() == "why is card declined"
