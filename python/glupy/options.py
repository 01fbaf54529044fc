"""Options that a translator declares: ``ttl = Option.time("cache-timeout", default="10s")``."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar, overload

import _gluster

T = TypeVar("T")


class Comparable(Protocol):
    """What has an order."""

    def __lt__(self, other: Any, /) -> bool:
        """Whether it comes before the other."""


C = TypeVar("C", bound=Comparable)


class OptionError(Exception):
    """Options of a volume that are wrong; a line for each says what is allowed."""


class Option(Generic[T]):
    """An option of a volume, as an attribute of its translator.

    Declared in the class body by ``Option.bool`` and its kin. In a translator the
    attribute is the option's value, or the default; None when there is neither, which
    is why the type of one without default has None in it.
    """

    def __init__(
        self,
        name: builtins.str,
        read: Callable[[builtins.str], T | None],
        allowed: builtins.str,
        default: object,
        help: builtins.str,  # noqa: A002  what GlusterFS calls it
    ) -> None:
        """Describes the option; ``read`` returns None for what is not ``allowed``."""
        self.name = name
        self.allowed = allowed
        self.help = help
        self._read = read
        # A default may be written as in a volfile: "10s".
        self.default = None if default is None else self.parse(_text(default))
        self.attribute = ""

    def parse(self, text: builtins.str) -> T:
        """The value of a text in a volfile; OptionError says what is wrong with it."""
        value = self._read(text)
        if value is None:
            raise OptionError(f"option {self.name}: {text!r} is not {self.allowed}")
        return value

    def __set_name__(self, owner: type, attribute: builtins.str) -> None:
        """Learns the attribute's name, under which values are kept."""
        self.attribute = attribute

    @overload
    def __get__(self, translator: None, owner: type) -> Option[T]: ...

    @overload
    def __get__(self, translator: object, owner: type) -> T: ...

    def __get__(self, translator: object, owner: type) -> Option[T] | T:
        """The declaration; a translator's value is in the translator itself."""
        if translator is None:
            return self
        raise AttributeError(
            f"{self.attribute} has no value before super().__init__(this) has been called"
        )

    def __repr__(self) -> builtins.str:
        """Name and what is allowed."""
        return f"<Option {self.name}: {self.allowed}>"

    # -- kinds ---------------------------------------------------------------------

    @overload
    @staticmethod
    def bool(
        name: builtins.str,
        *,
        default: builtins.bool | builtins.str,
        help: builtins.str = ...,
    ) -> Option[builtins.bool]: ...

    @overload
    @staticmethod
    def bool(
        name: builtins.str,
        *,
        default: None = None,
        help: builtins.str = ...,
    ) -> Option[builtins.bool | None]: ...

    @staticmethod
    def bool(
        name: builtins.str,
        *,
        default: builtins.bool | builtins.str | None = None,
        help: builtins.str = "",  # noqa: A002
    ) -> Option[Any]:
        """On or off, in all the words that GlusterFS knows for it."""
        allowed = "on or off (or yes, no, true, false, enable, disable, 1, 0)"
        return Option(name, _gluster.parse_bool, allowed, default, help)

    @overload
    @staticmethod
    def int(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str,
        min: builtins.int | builtins.str | None = ...,
        max: builtins.int | builtins.str | None = ...,
        help: builtins.str = ...,
    ) -> Option[builtins.int]: ...

    @overload
    @staticmethod
    def int(
        name: builtins.str,
        *,
        default: None = None,
        min: builtins.int | builtins.str | None = ...,
        max: builtins.int | builtins.str | None = ...,
        help: builtins.str = ...,
    ) -> Option[builtins.int | None]: ...

    @staticmethod
    def int(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str | None = None,
        min: builtins.int | builtins.str | None = None,  # noqa: A002
        max: builtins.int | builtins.str | None = None,  # noqa: A002
        help: builtins.str = "",  # noqa: A002
    ) -> Option[Any]:
        """A whole number."""
        return _limited(name, _gluster.parse_int, "a whole number", min, max, default, help)

    @overload
    @staticmethod
    def size(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str,
        min: builtins.int | builtins.str | None = ...,
        max: builtins.int | builtins.str | None = ...,
        help: builtins.str = ...,
    ) -> Option[builtins.int]: ...

    @overload
    @staticmethod
    def size(
        name: builtins.str,
        *,
        default: None = None,
        min: builtins.int | builtins.str | None = ...,
        max: builtins.int | builtins.str | None = ...,
        help: builtins.str = ...,
    ) -> Option[builtins.int | None]: ...

    @staticmethod
    def size(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str | None = None,
        min: builtins.int | builtins.str | None = None,  # noqa: A002
        max: builtins.int | builtins.str | None = None,  # noqa: A002
        help: builtins.str = "",  # noqa: A002
    ) -> Option[Any]:
        """A number of bytes: ``64MB``."""
        allowed = "a size such as 512, 128KB, 64MB or 1.5GB"
        return _limited(name, _gluster.parse_size, allowed, min, max, default, help)

    @overload
    @staticmethod
    def time(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str,
        min: builtins.int | builtins.str | None = ...,
        max: builtins.int | builtins.str | None = ...,
        help: builtins.str = ...,
    ) -> Option[builtins.int]: ...

    @overload
    @staticmethod
    def time(
        name: builtins.str,
        *,
        default: None = None,
        min: builtins.int | builtins.str | None = ...,
        max: builtins.int | builtins.str | None = ...,
        help: builtins.str = ...,
    ) -> Option[builtins.int | None]: ...

    @staticmethod
    def time(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str | None = None,
        min: builtins.int | builtins.str | None = None,  # noqa: A002
        max: builtins.int | builtins.str | None = None,  # noqa: A002
        help: builtins.str = "",  # noqa: A002
    ) -> Option[Any]:
        """A number of seconds: ``10s``, ``5min``, ``2hr``."""
        allowed = "a time such as 10s, 5m, 2h or 1d"
        return _limited(name, _gluster.parse_time, allowed, min, max, default, help)

    @overload
    @staticmethod
    def percent(
        name: builtins.str,
        *,
        default: float | builtins.str,
        min: float | builtins.str = ...,
        max: float | builtins.str = ...,
        help: builtins.str = ...,
    ) -> Option[float]: ...

    @overload
    @staticmethod
    def percent(
        name: builtins.str,
        *,
        default: None = None,
        min: float | builtins.str = ...,
        max: float | builtins.str = ...,
        help: builtins.str = ...,
    ) -> Option[float | None]: ...

    @staticmethod
    def percent(
        name: builtins.str,
        *,
        default: float | builtins.str | None = None,
        min: float | builtins.str = 0,  # noqa: A002
        max: float | builtins.str = 100,  # noqa: A002
        help: builtins.str = "",  # noqa: A002
    ) -> Option[Any]:
        """A percentage, with or without the sign: ``12.5%``."""
        return _limited(name, _gluster.parse_percent, "a percentage", min, max, default, help)

    @overload
    @staticmethod
    def str(
        name: builtins.str,
        *,
        default: builtins.str,
        help: builtins.str = ...,
    ) -> Option[builtins.str]: ...

    @overload
    @staticmethod
    def str(
        name: builtins.str,
        *,
        default: None = None,
        help: builtins.str = ...,
    ) -> Option[builtins.str | None]: ...

    @staticmethod
    def str(
        name: builtins.str,
        *,
        default: builtins.str | None = None,
        help: builtins.str = "",  # noqa: A002
    ) -> Option[Any]:
        """A text, as it is."""
        return Option(name, lambda text: text, "a text", default, help)

    @overload
    @staticmethod
    def path(
        name: builtins.str,
        *,
        default: builtins.str,
        help: builtins.str = ...,
    ) -> Option[builtins.str]: ...

    @overload
    @staticmethod
    def path(
        name: builtins.str,
        *,
        default: None = None,
        help: builtins.str = ...,
    ) -> Option[builtins.str | None]: ...

    @staticmethod
    def path(
        name: builtins.str,
        *,
        default: builtins.str | None = None,
        help: builtins.str = "",  # noqa: A002
    ) -> Option[Any]:
        """An absolute path; whether there is something is not looked at."""

        def read(text: builtins.str) -> builtins.str | None:
            return text if text.startswith("/") else None

        return Option(name, read, "an absolute path", default, help)

    @overload
    @staticmethod
    def enum(
        name: builtins.str,
        *,
        values: Iterable[builtins.str],
        default: builtins.str,
        help: builtins.str = ...,
    ) -> Option[builtins.str]: ...

    @overload
    @staticmethod
    def enum(
        name: builtins.str,
        *,
        values: Iterable[builtins.str],
        default: None = None,
        help: builtins.str = ...,
    ) -> Option[builtins.str | None]: ...

    @staticmethod
    def enum(
        name: builtins.str,
        *,
        values: Iterable[builtins.str],
        default: builtins.str | None = None,
        help: builtins.str = "",  # noqa: A002
    ) -> Option[Any]:
        """One of some words, in upper or lower case; the value is spelled as declared."""
        words = {value.lower(): value for value in values}
        allowed = f"one of {', '.join(words.values())}"
        return Option(name, lambda text: words.get(text.lower()), allowed, default, help)


def _text(default: object) -> str:
    """A default as a volfile would have it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default)


def _limited(
    name: str,
    read: Callable[[str], C | None],
    allowed: str,
    least: object,
    most: object,
    default: object,
    help: str,  # noqa: A002
) -> Option[Any]:
    """An option between limits, which may be written as in a volfile, too."""
    plain = Option(name, read, allowed, None, help)
    lowest = None if least is None else plain.parse(_text(least))
    highest = None if most is None else plain.parse(_text(most))

    def limited(text: str) -> C | None:
        value = read(text)
        if value is None or (lowest is not None and value < lowest):
            return None
        return None if highest is not None and highest < value else value

    if least is not None and most is not None:
        allowed += f" from {least} to {most}"
    elif least is not None:
        allowed += f" of at least {least}"
    elif most is not None:
        allowed += f" of at most {most}"
    return Option(name, limited, allowed, default, help)
