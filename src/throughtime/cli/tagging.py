"""What `--tag` changes of the other options of `throughtime train`."""

from typing import NamedTuple

from throughtime.errors import OptionError


class Asked(NamedTuple):
    """The options that have to do with a class or a number at every step, as they are given."""

    tag: str | None
    pooling: str | None
    spans: bool
    causal: bool
    way: str

    @property
    def direction(self) -> str:
        """Of the layers: tags that are to be seen live cannot wait for what comes after."""
        return "forward" if self.causal else self.way

    @property
    def shown(self) -> str | None:
        """What the output network sees; None for every step."""
        return self.pooling or (None if self.tag else "max")

    def check(self, direction_given: bool) -> None:
        """**Raises:** `OptionError` for options that do not go together."""
        for option, given in {"--spans": self.spans, "--causal": self.causal}.items():
            if given and self.tag is None:
                raise OptionError(
                    f"{option} is given without --tag; expected tags, because it is about a class "
                    f"or a number at every step. Leave out {option}."
                )
        if self.tag is not None and self.pooling is not None:
            raise OptionError(
                f"--pooling {self.pooling} is given with --tag; expected it left out, because the "
                "output network answers at every step and sees each by itself. Leave out --pooling."
            )
        if self.causal and direction_given and self.way != "forward":
            raise OptionError(
                f"--causal is given with --direction {self.way}; expected forward, because what "
                "comes after a step is not known when its tag is seen live. Leave one out."
            )
