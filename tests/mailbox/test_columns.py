"""Columns find rows by text, bound and flag as looking at each row would."""

from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.columns import JoinedText, OrderedColumn
from mailrules.mailbox.rows import every_row, mask_of, rows_of

from .samples import header_snapshot

NUMBERS = st.lists(st.integers(min_value=0, max_value=50), max_size=300)


@given(st.lists(st.text(alphabet="abü", max_size=6), max_size=20), st.text(alphabet="abü", min_size=1, max_size=3))
def test_joined_texts_are_searched_one_by_one(texts: list[str], literal: str) -> None:
    joined = JoinedText(texts)

    assert list(joined.containing(literal)) == [index for index, text in enumerate(texts) if literal in text]
    assert len(joined) == len(texts)


@given(NUMBERS, st.lists(st.integers(min_value=-1, max_value=51), min_size=1, max_size=4))
def test_rows_answer_bounds_however_many_are_asked_for(numbers: list[int], bounds: list[int]) -> None:
    column = OrderedColumn(numbers, range(len(numbers)), count=len(numbers))

    for bound in bounds:
        assert rows_of(column.below(bound)) == [row for row, number in enumerate(numbers) if number < bound]
        assert rows_of(column.at_most(bound)) == [row for row, number in enumerate(numbers) if number <= bound]
    assert column.all == every_row(len(numbers))


@given(st.dictionaries(st.integers(min_value=0, max_value=99), st.integers(min_value=0, max_value=9)))
def test_rows_without_a_number_are_within_no_bound(number_of: dict[int, int]) -> None:
    column = OrderedColumn(list(number_of.values()), list(number_of), count=100)

    for bound in range(10):
        assert rows_of(column.below(bound)) == sorted(row for row, number in number_of.items() if number < bound)
    assert rows_of(column.all) == sorted(number_of)


@given(st.sets(st.integers(min_value=0, max_value=99)))
def test_masks_and_rows_are_the_same_thing(rows: set[int]) -> None:
    assert rows_of(mask_of(rows, count=100)) == sorted(rows)
    assert mask_of(iter(sorted(rows)), count=10_000) == mask_of(rows, count=100) == sum(1 << row for row in rows)


def test_each_distinct_value_stands_once_with_its_rows() -> None:
    snapshot = header_snapshot(
        "Subject: Hello\n", "Subject: other\nSubject: Hello\n", "X: y\n", "Subject:\n", fields=["subject"]
    )
    column = snapshot.columns.header("subject")

    assert list(column.values) == ["Hello", "other", ""]
    assert column.rows_with(column.by_text["hello"]) == 0b0011
    assert (column.present, column.filled) == (0b1011, 0b0011)


def test_field_names_are_taken_in_any_case() -> None:
    snapshot = header_snapshot("From: a@x.org\n", fields=["From"])

    assert snapshot.columns.header("FROM") is snapshot.columns.header("from")
    assert snapshot.columns.addresses("From").present == 0b1


def test_addresses_are_found_by_address_domain_and_parent_domain() -> None:
    snapshot = header_snapshot(
        "From: A <A@x.org>\n", "From: b@m.x.org, C <a@X.ORG>\n", "From: undisclosed:;\n", "X: y\n", fields=["from"]
    )
    column = snapshot.columns.addresses("from")

    assert column.rows_with(column.by_address["a@x.org"]) == 0b0011
    assert column.rows_with(column.by_domain["m.x.org"]) == 0b0010
    assert column.rows_with(column.by_parent_domain["x.org"]) == 0b0011
    assert (column.present, column.field_present) == (0b0011, 0b0111)
