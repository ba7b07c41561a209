"""Circuits and cables that fail after half an hour of a town's night."""


def after_half_an_hour(kit, **kwargs):
    town = kit.Town(**kwargs)
    town.lost_replies = kwargs.pop("lost_replies", 0.0)
    assert town.play(30) == []
    return town


def break_cable(town, cabinet, circuit, pole):
    """The cable parts behind a pole."""
    here = town.index(cabinet, circuit, pole)
    town.is_powered[here + 1 : town.index(cabinet, circuit, town.n_poles) + 1] = False
    return f"L-{here:04d}", f"L-{here + 1:04d}"
