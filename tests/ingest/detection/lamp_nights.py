"""A town's night and day for the codes of single lamps."""


def at_night(kit, minutes=40, **kwargs):
    town = kit.Town(**kwargs)
    assert town.play(minutes) == []
    return town
