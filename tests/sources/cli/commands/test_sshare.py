"""Reading sshare."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.errors import EmptyError
from slurm_exporter.sources.cli.commands.sshare import SSHARE
from tests.sources.cli.programs import answered
from tests.sources.cli.recordings import BY_HAND, RELEASES, recorded, records

if TYPE_CHECKING:
    from pathlib import Path

    from slurm_exporter.sources.cli.records import Share


def read(row: str) -> Share:
    (share,) = records(SSHARE, f"{row}\n")
    return share


@pytest.mark.parametrize("release", RELEASES)
def test_accounts_and_users_of_each_release(release: str) -> None:
    """An account's name is indented by its depth, and nothing else tells where it stands."""
    text = recorded(SSHARE, release, BY_HAND)
    shares = {(s.account, s.user, s.partition): s for s in records(SSHARE, text)}

    assert len(shares) == 18
    assert {account for account, user, _ in shares if not user} == {
        "root",
        "bio",
        "chem",
        "ml",
        "ml-sub",
        "physics",
    }
    assert shares["physics", "", ""].shares == 10
    assert shares["physics", "", ""].fairshare is None
    assert shares["bio", "bob", "batch"].shares == 3
    assert shares["bio", "bob", "gpu"].shares == 4
    assert shares["ml-sub", "", ""].level == math.inf


@pytest.mark.parametrize("release", RELEASES)
def test_shares_of_the_parent_are_nobodys_own(release: str) -> None:
    """Chem's Carol has none herself; that is not 0, with which she could not run at all."""
    (carol,) = (s for s in records(SSHARE, recorded(SSHARE, release, BY_HAND)) if s.user == "carol")

    assert carol.shares is None
    assert carol.norm_shares == 0.243902


def test_what_is_no_number_is_none() -> None:
    """Slurm divides by nothing here and there."""
    share = read("1|nan|-nan||0.000000|NaN|inf||dan| bio")

    assert (share.norm_shares, share.usage, share.norm_usage, share.fairshare) == (None,) * 4
    assert (share.shares, share.effective_usage, share.level) == (1, 0, math.inf)


def test_odd_names_are_kept() -> None:
    """Even with the character that is between fields."""
    share = read('1|||||||p|CORP\\dan|   a|b "c" é,')

    assert (share.account, share.user, share.partition) == ('a|b "c" é,', "CORP\\dan", "p")


def test_rows_that_cannot_be_read_are_counted() -> None:
    """Whether they lack a field or have a word for a number."""
    table = SSHARE.read("many|||||||||root\n1|||||||||bio\n1|||\n", "")

    assert table.malformed == 2
    assert [share.account for share in table.records] == ["bio"]


def test_a_cluster_without_accounting_has_no_shares(tmp_path: Path) -> None:
    """sshare then says nothing and ends well, which must not look like an answer."""
    with pytest.raises(EmptyError) as raised:
        answered(SSHARE, tmp_path, "")

    assert str(raised.value) == (
        "sshare printed nothing: a cluster without slurmdbd has no shares, "
        "and PrivateData=usage hides them from all but operators"
    )


@given(st.text(alphabet=st.sampled_from("|1.0 \ninfabE²-"), max_size=80))
def test_any_text_is_read(text: str) -> None:
    """What cannot be read costs its row."""
    table = SSHARE.parse(text, "")

    rows = [line for line in text.split("\n") if line]
    assert len(table.records) + table.malformed == len(rows)
