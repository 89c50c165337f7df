"""What the tests of chat share: the one bot that a module opens for all of its tests, with nothing left to hear."""

import pytest

from talk import Talk


@pytest.fixture
def talk(one_bot: Talk) -> Talk:
    one_bot.quiet()
    return one_bot
