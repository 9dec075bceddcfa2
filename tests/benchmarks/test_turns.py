from benchmarks.turns import take_turns


def test_turns_alternate_and_a_quick_function_is_repeated() -> None:
    order: list[str] = []

    def slow() -> None:
        order.append("slow")
        sum(range(4_000_000))

    def quick() -> None:
        order.append("quick")
        sum(range(20_000))

    slow_ms, quick_ms = take_turns((slow, quick), rounds=3)
    turns = [name for name, before in zip(order, ["", *order], strict=False) if name != before]
    # The first of each is the trial that says how often to repeat; then forwards, backwards, forwards.
    assert turns == ["slow", "quick", "slow", "quick", "slow", "quick"]
    assert len(slow_ms) == len(quick_ms) == 3
    assert min(slow_ms) > max(quick_ms) > 0
    assert order.count("quick") > 10 * order.count("slow")
