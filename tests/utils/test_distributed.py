"""Tests of sums over processes: two processes give the results of one."""

import json
import subprocess
import sys

import pytest
import torch
from torch import nn

from ai_mixer.console import load_console
from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.metrics.knob_skill import HEADLINE_KNOBS, knob_errors
from ai_mixer.training.skill_metric import KnobSkillMetric
from ai_mixer.training.system import MixSystem
from ai_mixer.utils.distributed import all_reduce_sum, rank

SCRIPT = """
import importlib.util, json, os, sys, torch.distributed as dist
spec = importlib.util.spec_from_file_location("here", sys.argv[1])
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
folder = sys.argv[2]
rank = int(os.fork() == 0)  # after the imports, which take seconds
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
counted = here.counted(here.batches()[rank::2])
with open(f"{folder}/{rank}.json", "w") as file:
    json.dump(counted, file)
dist.destroy_process_group()
rank or os.wait()
"""


def batches():
    """Five batches of unequal size: two processes have unequal shares."""
    draw = torch.Generator().manual_seed(0)
    made = []
    for size in (3, 4, 5, 2, 6):
        knobs, mask = (torch.rand(size, len(load_console().knobs), generator=draw) for _ in "ab")
        silence = torch.zeros(size, 2, 8)
        made.append(
            Batch(
                rough=silence,
                finished=silence,
                reference=silence,
                condition=torch.randint(len(CONDITIONS), (size,), generator=draw),
                knobs=knobs,
                mask=mask < 0.7,
                genre=torch.zeros(size, dtype=torch.long),
                sample_rate=44100,
                song_id=["song"] * size,
            )
        )
    return made


def predict(batch):
    return 0.4 + 0.3 * batch.knobs


def counted(part):
    """Skill, sums and counts of some batches."""
    console = load_console()
    system = MixSystem(nn.Identity(), console, None, None, None)
    for step in range(3):  # the same number of steps in each process
        system._count_targets(part[min(step, 1)])
    for batch in part:
        system.skill.update(batch, predict(batch), torch.full((len(console.knobs),), 0.5))
    return {
        "skill": system.skill.compute(),
        "sum": system.knob_sum.tolist(),
        "count": system.knob_count.tolist(),
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Results of each of two processes that share the batches."""
    folder = tmp_path_factory.mktemp("two")
    subprocess.run([sys.executable, "-c", SCRIPT, __file__, folder], check=True, timeout=120)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.slow
def test_skill_of_two_processes_equals_that_of_one(both):
    alone = counted(batches())["skill"]
    assert set(alone) == {"skill", *(f"skill_{condition}" for condition in CONDITIONS)}
    for one in both:
        assert one["skill"] == pytest.approx(alone, rel=1e-12)


@pytest.mark.slow
def test_target_sums_of_two_processes_equal_those_of_one(both):
    first, second = (batches()[rank::2] for rank in (0, 1))
    seen = [part[min(step, 1)] for part in (first, second) for step in range(3)]
    expected = torch.cat([batch.knobs * batch.mask for batch in seen]).double().sum(0)
    counts = torch.cat([batch.mask for batch in seen]).sum(0)
    for one in both:
        torch.testing.assert_close(torch.tensor(one["sum"], dtype=torch.float64), expected)
        assert one["count"] == counts.tolist()


def test_a_single_process_returns_its_own_value():
    value = torch.arange(3.0)
    assert all_reduce_sum(value).equal(value)
    assert rank() == 0


@pytest.mark.slow
def test_skill_is_one_minus_error_over_the_mean_knobs_error():
    """Equality with a direct computation from all examples."""
    knobs = load_console().knobs
    meter = KnobSkillMetric(knobs)
    floor = torch.full((len(knobs),), 0.5)
    for batch in batches():
        meter.update(batch, predict(batch), floor)
    whole = batches()[0].concatenate(*batches()[1:])
    skill = meter.compute()
    for index, condition in enumerate(CONDITIONS):
        part = whole.select(whole.condition == index)
        errors, mean_errors = (
            knob_errors(knobs, positions, part.knobs, part.mask)
            for positions in (predict(part), floor.expand_as(part.knobs))
        )
        names = [f"error/{name}" for name in HEADLINE_KNOBS if f"error/{name}" in errors]
        skills = torch.stack([1 - errors[n].nanmean() / mean_errors[n].nanmean() for n in names])
        assert skill[f"skill_{condition}"] == pytest.approx(skills.nanmean().item(), rel=1e-9)
    meter.reset()
    assert not meter.sums.any()
