"""What type checkers make of a translator's options. Checked, never run."""

from __future__ import annotations

from typing import assert_type

from gluster import Option, Translator


class Declares(Translator):
    """Options with a default, and without."""

    on = Option.bool("on", default=True)
    number = Option.int("number", default="3", min=-5)
    room = Option.size("room", default="1MB", max="1GB")
    ttl = Option.time("ttl", default="10s")
    share = Option.percent("share", default=50)
    text = Option.str("text", default="some")
    folder = Option.path("folder", default="/tmp", help="Where.")
    colour = Option.enum("colour", values=["red", "green"], default="red")

    maybe_on = Option.bool("maybe-on")
    maybe_number = Option.int("maybe-number", min=3)
    maybe_room = Option.size("maybe-room")
    maybe_ttl = Option.time("maybe-ttl", help="How long.")
    maybe_share = Option.percent("maybe-share", max=30)
    maybe_text = Option.str("maybe-text")
    maybe_folder = Option.path("maybe-folder")
    maybe_colour = Option.enum("maybe-colour", values=["red"])

    def values(self) -> None:
        assert_type(self.on, bool)
        assert_type(self.number, int)
        assert_type(self.room, int)
        assert_type(self.ttl, int)
        assert_type(self.share, float)
        assert_type(self.text, str)
        assert_type(self.folder, str)
        assert_type(self.colour, str)

        assert_type(self.maybe_on, bool | None)
        assert_type(self.maybe_number, int | None)
        assert_type(self.maybe_room, int | None)
        assert_type(self.maybe_ttl, int | None)
        assert_type(self.maybe_share, float | None)
        assert_type(self.maybe_text, str | None)
        assert_type(self.maybe_folder, str | None)
        assert_type(self.maybe_colour, str | None)


assert_type(Declares.number, Option[int])
assert_type(Declares.maybe_number, Option[int | None])
