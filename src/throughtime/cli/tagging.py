"""What an answer at every step, or ahead, changes of the other options of `throughtime train`."""

from typing import NamedTuple

from throughtime.errors import OptionError


class Asked(NamedTuple):
    """The options that have to do with a class or a number at every step, as they are given.

    - `by`: what asks for it: `--tag`, or the name of a made data set; None where nothing does.
    - `way`: the direction of the layers; None where it is not given.
    - `forward`: whether it is forward unless given, so that the network is a map from one state to
      the next and can be taken apart as such.
    - `ahead`: whether the steps to come are asked for: nothing runs backward from there.
    """

    by: str | None
    pooling: str | None
    spans: bool
    causal: bool
    way: str | None
    forward: bool = False
    ahead: bool = False

    @property
    def direction(self) -> str:
        """Of the layers: tags that are to be seen live cannot wait for what comes after."""
        return (
            "forward"
            if self.causal or self.ahead
            else self.way or ("forward" if self.forward else "both")
        )

    @property
    def shown(self) -> str | None:
        """What the output network sees; None for every step."""
        return self.pooling or (None if self.by or self.ahead else "max")

    def check(self) -> None:
        """**Raises:** `OptionError` for options that do not go together."""
        for option, given in {"--spans": self.spans, "--causal": self.causal}.items():
            if given and self.by is None:
                raise OptionError(
                    f"{option} is given without --tag; expected tags, because it is about a class "
                    f"or a number at every step. Leave out {option}."
                )
        if self.by is not None and self.pooling is not None:
            raise OptionError(
                f"--pooling {self.pooling} is given with {self.by}; expected it left out, because "
                "the output network answers at every step and sees each by itself. Leave out "
                "--pooling."
            )
        if self.ahead and self.way not in (None, "forward"):
            raise OptionError(
                f"--forecast is given with --direction {self.way}; expected forward, because what "
                "comes after a step is not known when it is forecast. Leave out --direction."
            )
        if self.ahead and self.pooling not in (None, "last"):
            raise OptionError(
                f"--pooling {self.pooling} is given with --forecast; expected it left out, because "
                "a forecast goes on from the last state. Leave out --pooling."
            )
        if self.causal and self.way not in (None, "forward"):
            raise OptionError(
                f"--causal is given with --direction {self.way}; expected forward, because what "
                "comes after a step is not known when its tag is seen live. Leave one out."
            )
