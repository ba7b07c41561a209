"""Two agents of one name with different lamps: a record lies on the lamps of its own agent, or waits for its birth."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ingest.sparkplug.other_births import LONGEST_WAIT_S, MAX_OTHERS
from tests.ingest.name_stand import LAMPS, NAME, NameStand
from tests.ingest.seeded_blocks import town

OLD, NEW = (1 << 63) + 5, 7777  # epochs
SAME_LENGTH, SHORTER = LAMPS[4:], LAMPS[5:7]


@pytest.fixture
def stand(tmp_path: Path) -> NameStand:
    return NameStand(tmp_path)


@pytest.mark.parametrize("lamp_ids", [SAME_LENGTH, SHORTER, LAMPS[3::-1]])
@pytest.mark.parametrize("make", [1, 2], ids=["same numbering", "another numbering"])
@pytest.mark.parametrize("n_each", [1, 12], ids=["one by one", "in bulk"])
def test_each_agents_readings_lie_on_its_own_lamps(
    stand: NameStand, lamp_ids: tuple[str, ...], make: int, n_each: int
) -> None:
    first, second = stand.agent(OLD, LAMPS[:4]), stand.agent(NEW, lamp_ids, make=make)
    first.birth()
    second.birth()
    for _ in range(6):
        for agent in (first, second):
            for _ in range(n_each):
                stand.sweep(agent)
        stand.turn()
    stand.check_whole()
    assert stand.n_rebirths == 0
    assert stand.complaints("duplicate_controller") > 0
    assert stand.complaints("gap") == stand.complaints("unborn_epoch") == 0


def test_a_record_before_its_birth_waits_with_its_agent(stand: NameStand) -> None:
    first, second = stand.agent(OLD, LAMPS[:4]), stand.agent(NEW, SAME_LENGTH)
    first.birth()
    stand.sweep(first)
    stand.sweep(second)  # its birth was lost
    stand.turn()
    assert set(stand.stored) == {(OLD, 1)}
    assert len(second.outbox) == 1
    assert not first.outbox
    assert stand.complaints("unborn_epoch") == 1
    stand.turn()
    assert (first.n_rebirths, second.n_rebirths) == (1, 1)
    stand.resend()
    stand.turn()
    stand.check_whole()
    assert stand.n_rebirths == 1


def test_a_new_outbox_whose_data_comes_before_its_birth_loses_nothing(stand: NameStand) -> None:
    agent = stand.agent(OLD, LAMPS[:4])
    agent.birth()
    stand.sweep(agent)
    stand.turn()
    agent.epoch, agent.sequence = NEW, 0
    agent.outbox.clear()
    agent.acknowledged = 0
    stand.sweep(agent)
    stand.turn()
    stand.turn()
    stand.resend()
    stand.sweep(agent)
    stand.turn()
    stand.check_whole()
    assert stand.n_rebirths == 1
    assert stand.complaints("duplicate_controller") == 0


def test_an_epoch_that_is_never_born_is_asked_for_less_and_less(stand: NameStand) -> None:
    agent, stranger = stand.agent(OLD, LAMPS[:4]), stand.agent(NEW, LAMPS[:4])
    stranger.birth = lambda: None  # type: ignore[method-assign]
    agent.birth()
    for _ in range(360):
        stand.sweep(agent)
        stand.sweep(stranger)
        stand.turn(dt_s=10.0)
    assert not agent.outbox
    assert len(stranger.outbox) == 360
    assert 5 <= stand.n_rebirths <= 7 + 3600 / LONGEST_WAIT_S
    stand.check_stored()


def test_agents_that_take_the_connection_from_each_other_are_distinguished_from_one_whose_card_came_back(
    stand: NameStand,
) -> None:
    first, second = stand.agent(OLD, LAMPS[:4], bd_seq=3), stand.agent(NEW, SAME_LENGTH, bd_seq=9)
    for number, agent in enumerate((first, second, first, second, first)):
        agent.birth()
        stand.sweep(agent)
        stand.turn()
        assert (stand.complaints("duplicate_controller") > 0) == (number >= 3)
        agent.death()
        agent.bd_seq += 1
    stand.check_whole()


def test_a_copied_outbox_is_reported(stand: NameStand) -> None:
    first, second = stand.agent(OLD, LAMPS[:4]), stand.agent(OLD, SAME_LENGTH)
    first.birth()
    for _ in range(3):
        stand.sweep(first)
    stand.turn()
    assert stand.complaints("duplicate_controller") == 0
    second.sequence = 1  # as the first one's was when the SD card was copied
    second.birth()
    stand.turn()
    assert stand.complaints("duplicate_controller") == 1


def test_the_death_of_one_leaves_the_other(stand: NameStand) -> None:
    first, second = stand.agent(OLD, LAMPS[:4], bd_seq=3), stand.agent(NEW, SAME_LENGTH, bd_seq=9)
    first.birth()
    second.birth()
    first.death()
    stand.sweep(second)
    stand.turn()
    assert (stand.n_rebirths, stand.complaints("stale_death")) == (0, 0)
    stand.agents.remove(first)
    stand.sweep(first)
    stand.turn()
    assert (OLD, 1) not in stand.stored, "nothing is read by the birth of an ended connection"
    second.death()
    stand.sweep(second)
    stand.turn()
    assert (NEW, 2) not in stand.stored
    for _ in range(2):
        stand.resend()
        stand.turn(dt_s=10.0)
    assert (NEW, 2) in stand.stored
    stand.check_stored()


def test_a_register_that_changes_numbers_every_birth_anew(stand: NameStand) -> None:
    first, second = stand.agent(OLD, LAMPS[:4]), stand.agent(NEW, SAME_LENGTH)
    first.birth()
    second.birth()
    stand.turn()
    stand.host.replace_directory(town(1, 6))  # two of the second one's are now strangers, and have other numbers
    for _ in range(2):
        for agent in (first, second):
            stand.sweep(agent)
        stand.turn()
    stand.check_whole()


def test_births_under_ever_new_epochs_keep_bounded_state_and_lose_nothing(stand: NameStand) -> None:
    agent, other = stand.agent(OLD, LAMPS[:4]), stand.agent(NEW, SAME_LENGTH)
    agent.birth()
    stand.sweep(agent)
    for epoch in range(100, 120):
        other.epoch = epoch
        other.birth()
    stand.sweep(agent)
    stand.turn()
    assert len(stand.host._other_births._of[NAME]) == MAX_OTHERS
    stand.agents.remove(other)
    for _ in range(3):
        stand.resend()
        stand.turn(dt_s=20.0)
    stand.check_whole()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_lost_on_the_way_nothing_lands_elsewhere_and_all_arrives(stand: NameStand, seed: int) -> None:
    dice = random.Random(seed)
    agents = [
        stand.agent(100 + i, lamp_ids, make=dice.choice((1, 1, 2)), bd_seq=i)
        for i, lamp_ids in enumerate((LAMPS[:4], SAME_LENGTH, LAMPS[7:3:-1])[: dice.choice((2, 2, 3))])
    ]
    for _ in range(40):
        for agent in dice.choices(agents, k=dice.randrange(1, 30)):
            happens = dice.random()
            if happens < 0.05:
                agent.birth()
            elif happens < 0.08:
                agent.death()
            elif happens < 0.10:
                agent.death()
                agent.bd_seq += 10
                agent.birth()
            elif happens < 0.15 and agent.outbox:
                agent.send(dice.choice(list(agent.outbox)), is_historical=True)
            else:
                stand.sweep(agent)
        stand.air.messages = [message for message in stand.air.messages if dice.random() > 0.1]
        if dice.random() < 0.05:
            stand.host.forget()
        stand.turn(dt_s=dice.choice((1.0, 5.0, 15.0)))
        stand.check_stored()
    for _ in range(8):
        stand.resend()
        stand.turn(dt_s=60.0)
    stand.check_whole()
    n_rebirths = stand.n_rebirths
    for _ in range(20):
        for agent in agents:
            stand.sweep(agent)
        stand.turn(dt_s=60.0)
    stand.check_whole()
    assert stand.n_rebirths == n_rebirths, "births in a loop"


def test_a_birth_that_does_not_say_its_epoch_takes_that_of_its_first_record(stand: NameStand) -> None:
    agent, other = stand.agent(OLD, LAMPS[:4]), stand.agent(NEW, SAME_LENGTH)
    agent.epoch = 0  # as none: what is not reported reads as 0
    agent.birth()
    agent.epoch = OLD
    for sender in (agent, other, agent):
        stand.sweep(sender)
    stand.turn()
    assert set(stand.stored) == {(OLD, 1), (OLD, 2)}
    stand.check_stored()
