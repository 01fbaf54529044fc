"""Options that a translator declares: ``ttl = Option.time("cache-timeout", default="10s")``."""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Callable, Iterable, Mapping
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
    attribute is the option's value, or the default; None when there is neither.
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

    @staticmethod
    def bool(
        name: builtins.str,
        *,
        default: builtins.bool | builtins.str | None = None,
        help: builtins.str = "",  # noqa: A002
    ) -> Option[builtins.bool]:
        """On or off, in all the words that GlusterFS knows for it."""
        allowed = "on or off (or yes, no, true, false, enable, disable, 1, 0)"
        return Option(name, _gluster.parse_bool, allowed, default, help)

    @staticmethod
    def int(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str | None = None,
        min: builtins.int | None = None,  # noqa: A002
        max: builtins.int | None = None,  # noqa: A002
        help: builtins.str = "",  # noqa: A002
    ) -> Option[builtins.int]:
        """A whole number."""
        read, limits = _within(_gluster.parse_int, min, max)
        return Option(name, read, f"a whole number{limits}", default, help)

    @staticmethod
    def size(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str | None = None,
        min: builtins.int | None = None,  # noqa: A002
        max: builtins.int | None = None,  # noqa: A002
        help: builtins.str = "",  # noqa: A002
    ) -> Option[builtins.int]:
        """A number of bytes: ``64MB``."""
        read, limits = _within(_gluster.parse_size, min, max)
        allowed = f"a size such as 512, 128KB, 64MB or 1.5GB{limits and limits + ' bytes'}"
        return Option(name, read, allowed, default, help)

    @staticmethod
    def time(
        name: builtins.str,
        *,
        default: builtins.int | builtins.str | None = None,
        min: builtins.int | None = None,  # noqa: A002
        max: builtins.int | None = None,  # noqa: A002
        help: builtins.str = "",  # noqa: A002
    ) -> Option[builtins.int]:
        """A number of seconds: ``10s``, ``5min``, ``2hr``."""
        read, limits = _within(_gluster.parse_time, min, max)
        allowed = f"a time such as 10s, 5m, 2h or 1d{limits and limits + ' seconds'}"
        return Option(name, read, allowed, default, help)

    @staticmethod
    def percent(
        name: builtins.str,
        *,
        default: float | builtins.str | None = None,
        min: float = 0,  # noqa: A002
        max: float = 100,  # noqa: A002
        help: builtins.str = "",  # noqa: A002
    ) -> Option[float]:
        """A percentage, with or without the sign: ``12.5%``."""
        read, limits = _within(_gluster.parse_percent, min, max)
        return Option(name, read, f"a percentage{limits}", default, help)

    @staticmethod
    def str(
        name: builtins.str,
        *,
        default: builtins.str | None = None,
        help: builtins.str = "",  # noqa: A002
    ) -> Option[builtins.str]:
        """A text, as it is."""
        return Option(name, lambda text: text, "a text", default, help)

    @staticmethod
    def path(
        name: builtins.str,
        *,
        default: builtins.str | None = None,
        help: builtins.str = "",  # noqa: A002
    ) -> Option[builtins.str]:
        """An absolute path; whether there is something is not looked at."""

        def read(text: builtins.str) -> builtins.str | None:
            return text if text.startswith("/") else None

        return Option(name, read, "an absolute path", default, help)

    @staticmethod
    def enum(
        name: builtins.str,
        *,
        values: Iterable[builtins.str],
        default: builtins.str | None = None,
        help: builtins.str = "",  # noqa: A002
    ) -> Option[builtins.str]:
        """One of some words, in upper or lower case; the value is spelled as declared."""
        words = {value.lower(): value for value in values}
        allowed = f"one of {', '.join(words.values())}"
        return Option(name, lambda text: words.get(text.lower()), allowed, default, help)


def _text(default: object) -> str:
    """A default as a volfile would have it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default)


def _within(
    read: Callable[[str], C | None], least: C | None, most: C | None
) -> tuple[Callable[[str], C | None], str]:
    """Reads values between limits; and the limits in words."""

    def limited(text: str) -> C | None:
        value = read(text)
        if value is None or (least is not None and value < least):
            return None
        return None if most is not None and most < value else value

    if least is not None and most is not None:
        return limited, f" from {least} to {most}"
    if least is not None:
        return limited, f" of at least {least}"
    return limited, "" if most is None else f" of at most {most}"


#: Options that are Glupy's own.
OWN: dict[str, Option[Any]] = {
    option.name: option
    for option in (
        Option.str("module-name", help="The Python module."),
        Option.str("module-path", help="Folders to look for it in, with : between them."),
        Option.str("class-name", help="The translator in the module."),
        Option.bool("strict-modes", default=True, help="Refuse modules that others can change."),
        Option.bool("pass-through", default=False, help="Take the translator out of the way."),
    )
}

#: Read when the translator starts, and at no other time.
AT_START = ("module-name", "module-path", "class-name")

#: What GlusterFS itself gives to any translator, or to the one below protocol/server.
GLUSTERFS = ("log-level", "auth.", "auth-path", "latency-measurement", "volume-id", "transport.")


def own(options: Mapping[str, str], name: str) -> Any:
    """The value of one of Glupy's own options; OptionError if it is wrong."""
    option = OWN[name]
    return option.parse(options[name]) if name in options else option.default


def declared(translator: type) -> dict[str, Option[Any]]:
    """The options that a class and its bases declare, by name."""
    found: dict[str, Option[Any]] = {}
    for attribute in dir(translator):
        option = getattr(translator, attribute, None)
        if isinstance(option, Option):
            other = found.setdefault(option.name, option)
            if other is not option:
                raise OptionError(
                    f"option {option.name} is declared twice: "
                    f"{other.attribute} and {option.attribute}"
                )
            if option.name in OWN:
                raise OptionError(f"option {option.name} ({attribute}) is one of Glupy's own")
    return found


def values(translator: type, options: Mapping[str, str]) -> dict[str, Any]:
    """The attributes that a volume's options give to a translator.

    OptionError says of each option that is wrong what is allowed. A class that
    declares no option takes all of them.
    """
    known = declared(translator)
    wrong: list[str] = []
    attributes = {option.attribute: option.default for option in known.values()}
    for name, text in options.items():
        option = OWN.get(name) or known.get(name)
        try:
            if option is not None:
                value = option.parse(text)
                if name not in OWN:
                    attributes[option.attribute] = value
            elif known and not name.startswith(GLUSTERFS):
                wrong.append(_unknown(name, text, [*known, *OWN]))
        except OptionError as error:
            wrong.append(str(error))
    if wrong:
        raise OptionError("\n".join(wrong))
    return attributes


def _unknown(name: str, text: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
    return f"option {name} {text}: there is no such option; {hint}"
