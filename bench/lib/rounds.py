"""Alternating rounds and the statistics over them."""


def trimmed_median(values):
    """The mean of the middle half: as robust as the median, steadier with few rounds."""
    ordered = sorted(values)
    cut = len(ordered) // 4
    middle = ordered[cut:len(ordered) - cut]
    return sum(middle) / len(middle)


def quantile(ordered, share):
    """Of a sorted list; nearest rank."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def alternate(sides, count, measure):
    """`count` rounds of all `sides`, the order reversed in every other round.

    Returns one list per side; values of equal index were measured next to each other.
    """
    values = [[] for _ in sides]
    for number in range(count):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for index in order:
            values[index].append(measure(sides[index]))
    return values


def compare(ours, theirs):
    """Ratios of neighbours: their trimmed median and quartiles."""
    ratios = sorted(a / b for a, b in zip(ours, theirs))
    return {
        "ratio": trimmed_median(ratios),
        "quartiles": [quantile(ratios, 0.25), quantile(ratios, 0.75)],
        "ours": trimmed_median(ours),
        "theirs": trimmed_median(theirs),
        "rounds": len(ratios),
    }
