"""What was not used for longest goes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.recent import Recent

STEPS = st.lists(st.tuples(st.sampled_from(["get", "put", "pop", "clear"]), st.integers(0, 5)), max_size=60)


@given(most=st.integers(0, 4), steps=STEPS)
def test_the_last_used_keys_are_kept_and_no_others(most: int, steps: list[tuple[str, int]]) -> None:
    recent, used = Recent[int, int](most), list[int]()
    values: dict[int, int] = {}
    for number, (step, key) in enumerate(steps):
        if step == "clear":
            recent.clear()
            used = []
        elif step == "pop":
            recent.pop(key)
            used = [each for each in used if each != key]
        elif step == "put":
            recent.put(key, number)
            values[key] = number
            used = [*(each for each in used if each != key), key][-most:] if most else []
        else:
            assert recent.get(key) == (values[key] if key in used else None)
            used = [*(each for each in used if each != key), key] if key in used else used
