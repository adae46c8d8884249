"""What a cluster user puts into an account name must not become anybody's metric."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from slurm_exporter.exposition import parse
from slurm_exporter.sources.native import ADMISSIONS
from tests.fake_slurmctld import RECORDED

ADMISSION = ADMISSIONS["jobs-users-accts"]
FAMILIES = [
    "slurm_user_jobs",
    "slurm_user_jobs_running",
    *(
        "slurm_account_jobs" + suffix
        for suffix in ("", "_completed", "_cpus_alloc", "_failed", "_hold", "_pending", "_running")
    ),
]
FORGED = "999"
HONEST = {"physics": 5, "chem": 2, "bio": 3}

Samples = set[tuple[str, str, str]]


def numbers(jobs: int) -> dict[str, str]:
    """What slurmctld says of an account with so many jobs, one of which waits."""
    return {
        "": str(jobs),
        "_running": str(jobs - 1),
        "_pending": "1",
        "_cpus_alloc": str(16 * (jobs - 1)),
    }


def slurmctld_says(accounts: dict[str, int]) -> tuple[str, Samples]:
    """Write accounts as slurmctld does, and return the samples that are meant."""
    text, meant = "", set()
    for family in FAMILIES:
        text += f"# HELP {family} Number of jobs\n# TYPE {family} gauge\n"
        label = "username" if "user" in family else "account"
        names = {"alice": 3, "mallory": 2} if label == "username" else accounts
        for name, jobs in names.items():
            number = numbers(jobs).get(family.removeprefix("slurm_account_jobs"), "0")
            text += f'{family}{{{label}="{name}"}} {number}\n'
            meant.add((family, name, number))
    return text, meant


def served(text: str) -> Samples:
    return {
        (f.name, row[0], row[-1])
        for f in parse(text.encode(), ADMISSION).families
        for row in f.rows
    }


def test_a_real_attack_changes_no_number_and_costs_no_honest_account() -> None:
    """Recorded from slurmctld 26.05.5, where mallory named accounts to forge everything."""
    recorded = (RECORDED / "hostile" / "jobs-users-accts.txt").read_bytes()
    names = json.loads((RECORDED / "hostile" / "index.json").read_text())["accounts"]

    parsed = parse(recorded, ADMISSION)

    accounts = {row[0] for f in parsed.families for row in f.rows if "account" in f.labels}
    one_line = {name for name in names if "\n" not in name}
    assert accounts == {"physics", "chem"} | one_line
    assert all(len({row[0] for row in f.rows}) == len(f.rows) for f in parsed.families)
    assert not {"999", "424242"} & {row[-1] for f in parsed.families for row in f.rows}
    assert parsed.dropped["foreign"] == 30
    assert parsed.dropped["forged"] > 0
    assert parsed.dropped["malformed"] > 0


def test_no_attack_costs_an_honest_account_anything() -> None:
    """Copies of a victim's rows, a beginning and an end that look like them, alone or together."""
    attacks = {
        f'x"}} 1\nslurm_account_jobs{{account="physics"}} {FORGED}\nz': 2,
        f'physics"}} {FORGED}\nz': 2,
        f'bio"}} {FORGED}\nslurm_account_jobs_running{{account="q"}} 1\nz': 2,
        'x"} 1\nslurm_account_jobs_running{account="chem': 2,
        f'x"}} 1\nslurm_account_jobs {FORGED} #': 2,
        f'x"}} 1\nslurm_user_jobs_running{{}} {FORGED} #': 2,
        "x\n{, =y": 2,
    }
    text, meant = slurmctld_says({"": 1, "physics": 5, **attacks, "bio": 3, "chem": 2})

    assert served(text) == {sample for sample in meant if sample[1] not in attacks}


def test_a_harmless_line_break_costs_only_its_own_account() -> None:
    """An account name with a newline in it is no reason to distrust its neighbours."""
    text, meant = slurmctld_says({"physics": 5, "two\nlines": 2, "chem": 2})

    assert served(text) == {sample for sample in meant if sample[1] != "two\nlines"}


def test_a_forged_header_opens_no_family() -> None:
    """HELP and TYPE lines in a name bring no family, and no sample under it."""
    attack = (
        'x"} 1\n# HELP slurm_account_evil mine\n# TYPE slurm_account_evil counter\n'
        'slurm_account_evil{account="ghost"} 1\nz'
    )
    text, meant = slurmctld_says({"physics": 5, attack: 2, "chem": 2})

    assert served(text) == {sample for sample in meant if sample[1] != attack}


def test_the_headers_of_honest_families_are_not_the_attackers_to_write() -> None:
    """Though his name stands before the true headers of most families."""
    attack = (
        'x"} 1\n# HELP slurm_account_jobs_running Buy my coins\n'
        "# TYPE slurm_account_jobs_running counter\nz"
    )
    text, meant = slurmctld_says({"physics": 5, attack: 2, "chem": 2})

    families = {family.name: family for family in parse(text.encode(), ADMISSION).families}

    assert "coins" not in "".join(family.help for family in families.values())
    assert served(text) <= meant


def test_a_bad_row_costs_that_row_and_not_its_neighbours() -> None:
    """Garbage instead of a row, beside a row, or a row that is lost."""
    text, meant = slurmctld_says(HONEST)
    row = 'slurm_account_jobs_failed{account="chem"} 0\n'
    lost = ("slurm_account_jobs_failed", "chem", "0")

    assert served(text.replace(row, "garbage\n")) == meant - {lost}
    assert served(text.replace(row, "")) == meant - {lost}
    assert served(text.replace(row, f"{row}garbage\n")) == meant
    assert served(text.replace(row, row + row)) == meant - {lost}
    assert served(f"{text}\n# EOF") == meant


def test_a_single_family_is_read_as_it_stands() -> None:
    """There is nothing to compare it with; rows of others are still foreign."""
    text = (
        "# HELP slurm_account_jobs Jobs\n# TYPE slurm_account_jobs gauge\n"
        'slurm_account_jobs{account="x"} 1\nslurm_jobs_running 424242\n'
        'slurm_account_jobs{account="y"} 2\n'
    )

    assert served(text) == {("slurm_account_jobs", "x", "1"), ("slurm_account_jobs", "y", "2")}
    assert parse(text.encode(), ADMISSION).dropped == {"foreign": 1}


LINES = st.one_of(
    st.builds(
        '{}{{account="{}"}} {}'.format,
        st.sampled_from([*FAMILIES, "slurm_account_evil"]),
        st.sampled_from(["physics", "ghost", "chem"]),
        st.sampled_from([FORGED, "0", "1", "2"]),
    ),
    st.sampled_from(
        [
            f"slurm_account_jobs {FORGED}",
            f'slurm_user_jobs{{username="alice"}} {FORGED}',
            f"slurm_jobs_running {FORGED}",
            "# HELP slurm_account_jobs Number of jobs",
            "# TYPE slurm_account_jobs gauge",
            "# HELP slurm_account_evil forged",
            "# TYPE slurm_account_evil counter",
            "# EOF",
            "",
            "anything",
            "{, =y",
            f"slurm_account_jobs {FORGED} #",
            "slurm_user_jobs{} 5 #",
        ]
    ),
)
BEGINNINGS = st.sampled_from(["x", 'ghost"} 999', 'ghost"} 1', 'physics"} 999', 'bio"} 0', ""])
ENDINGS = st.sampled_from(
    ["z", "# HELP slurm_account_evil x", "", "slurm_account_jobs 999 #", "slurm_user_jobs{} 5 #"]
    + [f'{family}{{account="{name}' for family in FAMILIES for name in ("ghost", "physics")]
)
ATTACKS = st.builds(
    lambda begin, lines, end: "\n".join([begin, *lines, end]),
    BEGINNINGS,
    st.lists(LINES, max_size=6),
    ENDINGS,
)


@settings(max_examples=500)
@given(
    attacks=st.lists(st.tuples(ATTACKS, st.integers(1, 4)), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
)
@example(attacks=[('x\nslurm_account_jobs{account="ghost', 2)], order=None)
def test_no_name_whatsoever_makes_a_wrong_number(
    attacks: list[tuple[str, int]], order: object
) -> None:
    """Every sample that is served is one that slurmctld meant."""
    accounts = [*HONEST.items(), *attacks]
    if order is not None:
        order.shuffle(accounts)
    text, meant = slurmctld_says(dict(accounts))

    assert served(text) <= meant
    # slurmctld without accounting lower-cases account names, so they cannot hold a header; one
    # that did could make honest numbers disappear.
    if not any("# HELP" in name for name, _ in attacks):
        assert {sample for sample in meant if sample[1] in HONEST} <= served(text)
    assert {sample for sample in meant if sample[1] in {"alice", "mallory"}} >= {
        sample for sample in served(text) if sample[0].startswith("slurm_user")
    }
