from severity.files.packed_rows import PackedRows


class Colliding(str):
    """A name whose hash is that of all others of its kind."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 1


def test_names_with_the_same_hash_are_different_names() -> None:
    rows = PackedRows(((Colliding(name), name.upper()) for name in "abc"), form=lambda name: name)

    assert len(rows) == 3
    assert [rows.find(Colliding(name)) for name in "cbad"] == [
        ("c", "C"),
        ("b", "B"),
        ("a", "A"),
        None,
    ]
