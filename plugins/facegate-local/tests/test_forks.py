"""Forks wait for OpenCV, and OpenCV for forks."""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def run(script: str) -> None:
    # In a process of its own: forking the one that runs the tests would warn about its threads.
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)], check=True, timeout=120
    )


def test_a_fork_waits_until_nobody_is_inside() -> None:
    run("""
        import os, threading, time
        from facegate_local.forks import held_back

        entered, left = threading.Event(), threading.Event()
        def work():
            with held_back():
                entered.set()
                time.sleep(0.5)
                left.set()
        threading.Thread(target=work, daemon=True).start()
        entered.wait()
        child = os.fork()
        if not child:
            os._exit(0 if left.is_set() else 1)
        assert os.waitpid(child, 0)[1] == 0
    """)


def test_nobody_is_inside_in_the_child_and_the_parent_goes_on() -> None:
    run("""
        import os, signal, threading
        from facegate_local.forks import held_back

        done = threading.Event()
        def work():
            while not done.is_set():
                with held_back():
                    pass
        workers = [threading.Thread(target=work, daemon=True) for _ in range(4)]
        for worker in workers:
            worker.start()
        for _ in range(50):
            child = os.fork()
            if not child:
                signal.alarm(60)  # ends a child that hangs
                with held_back():
                    os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        for worker in workers:
            worker.join()
    """)


def test_forks_at_the_same_time_leave_opencv_the_threads_that_it_had() -> None:
    run("""
        import os, threading, time
        import cv2
        from facegate_local.forks import held_back

        cv2.setNumThreads(3)
        def fork():
            child = os.fork()
            if not child:
                os._exit(0 if cv2.getNumThreads() == 3 else 1)
            ends.append(os.waitpid(child, 0)[1])
        ends = []
        forks = [threading.Thread(target=fork) for _ in range(3)]
        with held_back():
            for each in forks:
                each.start()
            time.sleep(0.5)  # by then all of them wait
        for each in forks:
            each.join()
        assert ends == [0, 0, 0]
        assert cv2.getNumThreads() == 3
    """)
