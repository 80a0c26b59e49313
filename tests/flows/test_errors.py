"""What becomes of a failure that may quote a name."""

import traceback

import pytest

from flows.errors import InboxError, UnexpectedError, quoting_nothing

NAME = "Doe^Jane"


async def test_an_unexpected_error_is_named_without_what_it_quotes():
    @quoting_nothing
    async def fails() -> None:
        int(NAME)

    with pytest.raises(UnexpectedError, match="ValueError in fails") as caught:
        await fails()

    lines = "".join(traceback.format_exception(caught.value))
    assert "int(NAME)" in lines, "it says where it came from"
    assert NAME not in lines


async def test_an_error_of_the_program_keeps_its_message_and_loses_its_cause():
    @quoting_nothing
    async def fails() -> None:
        try:
            int(NAME)
        except ValueError as error:
            raise InboxError("the inbox does not answer") from error

    with pytest.raises(InboxError, match="does not answer") as caught:
        await fails()

    assert NAME not in "".join(traceback.format_exception(caught.value))
