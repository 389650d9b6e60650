"""`python -m bench.hostile_messages [--wrong] [--unseen]`: a table; what was taken wrongly."""

from __future__ import annotations

import argparse

from bench.hostile_messages.sets import LANGUAGES, Message, messages, score


def main() -> None:
    """Print the shares by language, threat or not, and half; the wrong ones of a half if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", action="store_true", help="list what was taken wrongly")
    parser.add_argument("--unseen", action="store_true", help="that of the unseen half, too")
    given = parser.parse_args()
    every = messages()
    print(f"{'':28}{'seen':>16}{'unseen':>16}")
    for language in LANGUAGES:
        for threat in (True, False):
            part = [m for m in every if m.language == language and m.threat is threat]
            _line(f"{language} {'threats' if threat else 'harmless'}", part)
            for kind in dict.fromkeys(m.kind for m in part):
                _line(f"   {kind}", [m for m in part if m.kind == kind])
    if given.wrong:
        for message in score(every).wrong:
            if message.seen or given.unseen:
                print(f"{message.language} {message.kind:10} {message.text}")


def _line(name: str, part: list[Message]) -> None:
    shares = [score([m for m in part if m.seen is seen]) for seen in (True, False)]
    told = "".join(f"{s.of - len(s.wrong):>5}/{s.of:<4}{s.share:>7.3f}" for s in shares)
    print(f"{name:28}{told}")


if __name__ == "__main__":
    main()
