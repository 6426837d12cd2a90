"""A meter that hangs keeps neither the command nor its signals waiting, and leaves a gap that is told."""

from __future__ import annotations

import signal
import threading

import pytest
from powercap_tree import TWO_PACKAGES, tree_in_memory, writing
from wrapped import Wrapper

from carbonprint.measuring.patience import Patience, StalledError


def test_a_call_gives_what_it_gives_and_raises_what_it_raises():
    patience = Patience(10)
    assert patience.call(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        patience.call(lambda: 1 / 0)
    assert patience.call(lambda: 4) == 4
    patience.end()
    assert "carbonprint-meter" not in {thread.name for thread in threading.enumerate()}


def test_a_call_that_hangs_is_given_up_and_so_is_any_other_until_it_has_come_back():
    goes_on, patience = threading.Event(), Patience(0.05)
    with pytest.raises(StalledError):
        patience.call(goes_on.wait)
    with pytest.raises(StalledError):
        patience.call(lambda: 1)
    hung = patience._last
    goes_on.set()
    assert hung.is_done.wait(10)
    assert patience.call(lambda: 2) == 2
    patience.end()


HANGS = """
import carbonprint.measuring.codecarbon_meter as meter, time
read = meter.CodecarbonMeter.read
count = 0
def slow(self, *arguments):
    global count
    count += 1
    if count == 3:
        time.sleep({seconds})
    return read(self, *arguments)
meter.CodecarbonMeter.read = slow
"""


def test_a_meter_that_hangs_for_good_is_told_and_signals_still_reach_the_command(tmp_path):
    wrapper = Wrapper(tmp_path)
    wrapper.put_before({"sitecustomize.py": HANGS.format(seconds=1000)})
    process = wrapper.start(
        "--interval", "0.1", "--", "sh", "-c", "trap 'exit 4' USR1; echo $$; while :; do sleep 0.1; done"
    )
    process.stdout.readline()
    threading.Event().wait(3)  # by then it hangs, and has been given up
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=20)
    assert process.returncode == 4
    record = wrapper.record()
    assert "meter-fault" in {caveat["code"] for caveat in record["caveats"]}
    assert record["measurement"]["energy_kwh"]["total"] > 0


def test_a_meter_that_comes_back_is_counted_from_then_on_and_the_gap_is_modelled_once(tmp_path):
    wrapper = Wrapper(tmp_path)
    wrapper.put_before({"sitecustomize.py": HANGS.format(seconds=1.5)})
    with tree_in_memory(TWO_PACKAGES) as tree, writing(tree):
        wrapper.environment["CARBONPRINT_POWERCAP_DIR"] = str(tree.root)
        wrapper.run("--interval", "0.2", "--", "sleep", "5")
    measurement = wrapper.record()["measurement"]
    assert measurement["quality"]["cpu"] == "counted"
    assert 1.0 < measurement["extrapolated_s"] < 3.0
    # 135 W are counted outside the gap; in it the model has its say, which knows nothing of these counters.
    counted_s = 5 - measurement["extrapolated_s"]
    assert measurement["machine_energy_kwh"]["cpu"] * 3.6e6 < 135 * 5.1
    assert measurement["machine_energy_kwh"]["cpu"] * 3.6e6 > 135 * (counted_s - 0.5)
