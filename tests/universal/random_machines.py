"""Machines and tapes of all kinds, for hypothesis.

What is drawn is what a machine is made of: the type checker of the tests draws numbers of its
own when one is made, which hypothesis does not allow meanwhile.
"""

from hypothesis import strategies as st

LETTERS = "_abcdefgh"


@st.composite
def machines(draw, most_symbols=5):
    """The arguments of a `Machine` with some of its transitions, and a tape for it."""
    states = tuple("ABCD"[: draw(st.integers(1, 4))])
    symbols = tuple(draw(st.permutations(LETTERS[: draw(st.integers(2, most_symbols))])))
    one = st.tuples(st.sampled_from(symbols), st.sampled_from("LRRLS"), st.sampled_from(states))
    cases = [(q, a) for q in states for a in symbols]
    given_ = draw(st.lists(st.sampled_from(cases), unique=True, min_size=len(cases) // 2))
    transitions = tuple((*case, *draw(one)) for case in given_)
    return (states, symbols, "_", states[0], transitions), draw(st.text(symbols, max_size=6))


@st.composite
def automata(draw):
    """The arguments of an `Automaton`, and words for it."""
    states = tuple("ABCD"[: draw(st.integers(1, 4))])
    symbols = tuple("abc"[: draw(st.integers(1, 3))])
    cases = [(q, a) for q in states for a in symbols]
    given_ = draw(st.lists(st.sampled_from(cases), unique=True))
    transitions = tuple((*case, draw(st.sampled_from(states))) for case in given_)
    accept = tuple(draw(st.sets(st.sampled_from(states))))
    words = draw(st.lists(st.text(symbols, max_size=9), min_size=1, max_size=5))
    return (states, symbols, states[0], transitions, accept), words
