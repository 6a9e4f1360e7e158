"""The hand-over from the scheduler thread to a reader that may be slow."""

import asyncio
import threading

import numpy as np
import pytest

from zoo_server.engine.events import Preview, Progress, Result
from zoo_server.engine.mailbox import Mailbox

PIXELS = np.zeros((1, 1, 1), np.uint8)


def progress(step):
    return Progress(queue_position=0, step=step, steps=10, items_done=0, items=1)


def preview(index, step):
    return Preview(index=index, step=step, steps=10, image=PIXELS)


def result(index):
    return Result(index=index, outputs={})


def read(write, *, eager=True):
    """What a reader finds that looks only after `write` has posted everything."""

    async def scene():
        mailbox = Mailbox(asyncio.get_running_loop(), eager=eager)
        write(mailbox)
        return [event async for event in mailbox.events()]

    return asyncio.run(scene())


def test_a_late_reader_gets_the_first_and_the_newest_progress():
    def write(mailbox):
        for step in range(10):
            mailbox.post(progress(step))
        mailbox.close()

    assert read(write) == [progress(0), progress(9)]


def test_a_late_reader_gets_the_newest_preview_of_each_item():
    def write(mailbox):
        for step in (3, 6):
            mailbox.post(preview(0, step))
            mailbox.post(preview(1, step))
        mailbox.close()

    assert read(write) == [preview(0, 6), preview(1, 6)]


@pytest.mark.parametrize("eager", [True, False])
def test_results_are_never_dropped(eager):
    def write(mailbox):
        for index in range(100):
            mailbox.post(result(index))
        mailbox.close()

    assert read(write, eager=eager) == [result(index) for index in range(100)]


def test_what_comes_after_the_end_is_dropped_and_a_second_end_is_none():
    def write(mailbox):
        mailbox.close()
        mailbox.post(result(0))
        mailbox.close(ValueError())

    assert read(write) == []


def test_an_error_comes_after_what_was_there_before():
    async def scene():
        mailbox = Mailbox(asyncio.get_running_loop(), eager=True)
        mailbox.post(result(0))
        mailbox.close(ValueError("late"))
        events = mailbox.events()
        assert await anext(events) == result(0)
        with pytest.raises(ValueError, match="late"):
            await anext(events)

    asyncio.run(scene())


def test_a_reader_that_keeps_up_gets_everything_from_another_thread():
    async def scene():
        mailbox = Mailbox(asyncio.get_running_loop(), eager=True)
        read_one = threading.Semaphore(0)

        def write():
            for step in range(5):
                mailbox.post(progress(step))
                read_one.acquire()
            mailbox.close()

        writer = threading.Thread(target=write)
        writer.start()
        found = []
        async for event in mailbox.events():
            found.append(event.step)
            read_one.release()
        writer.join()
        return found

    assert asyncio.run(scene()) == [0, 1, 2, 3, 4]


def test_a_closed_loop_does_not_stop_the_writer():
    async def make():
        return Mailbox(asyncio.get_running_loop(), eager=True)

    mailbox = asyncio.run(make())
    mailbox.post(result(0))
    mailbox.close()
