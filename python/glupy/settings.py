"""A volume's options: Glupy's own, and those that a translator declares."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from glupy.options import Option, OptionError

#: Options that are Glupy's own.
OWN: dict[str, Option[Any]] = {
    option.name: option
    for option in (
        Option.str("module-name", help="The Python module."),
        Option.str("module-path", help="Folders to look for it in, with : between them."),
        Option.str("class-name", help="The translator in the module."),
        Option.bool("original", help="Give the module what the original Glupy gave."),
        Option.bool("strict-modes", default=True, help="Refuse modules that others can change."),
        Option.bool("pass-through", default=False, help="Take the translator out of the way."),
        Option.bool("latency-measurement", default=False, help="Time every call of Python."),
        Option.enum(
            "on-exception",
            values=["fail", "pass-through"],
            default="fail",
            help="What becomes of a request whose handler raises.",
        ),
    )
}

#: Read when the translator starts, and at no other time.
AT_START = ("module-name", "module-path", "class-name", "original")

#: Attributes that every translator has; an option can not be one of them.
TAKEN = ("this", "name", "type", "volume", "children", "options", "spawn")

#: What GlusterFS itself gives to any translator, or to the one below protocol/server.
GLUSTERFS = ("log-level", "auth.", "auth-path", "volume-id", "transport.")


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
            if attribute in TAKEN:
                raise OptionError(
                    f"option {option.name}: a translator has a `{attribute}` already; "
                    "declare it as another attribute"
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
    given = text if text.isprintable() else repr(text)
    return f"option {name} {given}: there is no such option; {hint}"


@dataclass(frozen=True)
class Settings:
    """Options that are the runtime's own."""

    pass_through: bool
    latency_measurement: bool
    on_exception: str

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Settings:
        """As a volume's options have them; OptionError if one is wrong."""
        names = (field.name for field in fields(cls))
        return cls(**{name: own(given, name.replace("_", "-")) for name in names})

    @property
    def passes_on_exception(self) -> bool:
        """Whether a request passes on as it came when its handler fails."""
        return self.on_exception == "pass-through"
