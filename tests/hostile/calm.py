"""What the figures are when nothing happens."""

import time

from arena import scenario


@scenario("secret")
def calm_encrypted(arena):
    """Nothing happens, and nothing is lost."""
    time.sleep(2)


@scenario("clear")
def calm_in_clear(arena):
    """Nothing happens, and nothing is lost."""
    time.sleep(2)
