"""A small traffic signal controller for interoperability tests, in Python on purpose.

It shares no code with the project: its tables come from a JSON file that a test writes from the
network model, its behaviour is written anew from docs/modbus-register-map.md and from what NTCIP
1202 says of preempts. It is a protocol peer, no signal controller: entry is a fixed all-red time.

Configuration (times in milliseconds):
  {"name": str, "configuration_hash": int, "firmware": str or absent, "backup_ms": int, "ttl_max_ms": int,
   "cycle_ms": int, "offset_ms": int,
   "groups": [{"number", "kind", "min_green_ms", "yellow_ms", "clearance_ms",
               "windows": [[start_ms, length_ms], …]}, …],
   "rows": [{"number", "kind", "channel", "ours", "dwell": [group number, …],
             "delay_ms", "min_duration_ms", "min_dwell_ms", "max_presence_ms"}, …]}
"""

import json
import time

ENTRY_MS = 3000
EXIT_MS = 2000

NOT_ACTIVE = 2
NOT_ACTIVE_WITH_CALL = 3
ENTRY_STARTED = 4
DWELL = 6
EXIT_STARTED = 8
MAX_PRESENCE = 9


def monotonic_ms():
    return time.monotonic_ns() // 1_000_000


class Log:
    """One JSON line for each thing that a test may want to see, with monotonic milliseconds."""

    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8", buffering=1)

    def say(self, what, **fields):
        self._file.write(json.dumps({"at_ms": monotonic_ms(), "what": what, **fields}) + "\n")


class Controller:
    """Preempt calls in, preempt states and signal states out."""

    def __init__(self, configuration, log):
        self.configuration = configuration
        self.log = log
        self.groups = configuration["groups"]
        self.preempts = {r["number"]: r for r in configuration["rows"] if r["channel"] == "preempt"}
        self.called_at = {}
        self.active = None
        self.state = NOT_ACTIVE
        self.since = monotonic_ms()

    def set_calls(self, numbers):
        """The preempt numbers that are called from now on."""
        now = monotonic_ms()
        self.step(now)
        if set(numbers) != set(self.called_at):
            self.log.say("calls", rows=sorted(numbers))
        self.called_at = {n: self.called_at.get(n, now) for n in numbers}
        self.step(now)

    def called(self):
        return sorted(self.called_at)

    def _valid(self, now):
        """Calls that are not older than their row's maximum presence; the lowest number wins."""
        return sorted(n for n, at in self.called_at.items() if now - at <= self.preempts[n]["max_presence_ms"])

    def _enter(self, state, now, active):
        if state != self.state or active != self.active:
            self.log.say("state", state=state, row=active or 0)
        self.state, self.active, self.since = state, active, now

    def step(self, now=None):
        now = monotonic_ms() if now is None else now
        valid = self._valid(now)
        spent = now - self.since
        if self.state == NOT_ACTIVE and valid:
            self._enter(ENTRY_STARTED, now, valid[0])
        elif self.state == ENTRY_STARTED and spent >= ENTRY_MS:
            self._enter(DWELL, now, self.active)
        elif self.state == DWELL and self.active not in valid:
            if spent >= self.preempts[self.active]["min_dwell_ms"]:
                self._enter(EXIT_STARTED, now, self.active)
        elif self.state == EXIT_STARTED and spent >= EXIT_MS:
            self._enter(NOT_ACTIVE, now, None)

    def preempt_state(self, number):
        if number == self.active:
            return self.state
        at = self.called_at.get(number)
        if at is None:
            return NOT_ACTIVE
        expired = monotonic_ms() - at > self.preempts[number]["max_presence_ms"]
        return MAX_PRESENCE if expired else NOT_ACTIVE_WITH_CALL

    def lights(self):
        """Group number to "G", "Y", "C" (pedestrian clearance) or "R"."""
        now = monotonic_ms()
        self.step(now)
        if self.state == DWELL:
            dwell = self.preempts[self.active]["dwell"]
            return {g["number"]: "G" if g["number"] in dwell else "R" for g in self.groups}
        if self.state != NOT_ACTIVE:
            return {g["number"]: "R" for g in self.groups}
        at = (now - self.configuration["offset_ms"]) % self.configuration["cycle_ms"]
        return {g["number"]: self._planned(g, at) for g in self.groups}

    def _planned(self, group, at):
        cycle = self.configuration["cycle_ms"]
        for start, length in group["windows"]:
            passed = (at - start) % cycle
            if passed < length:
                return "G"
            if passed < length + group["clearance_ms"]:
                return "C"
            if passed < length + group["yellow_ms"]:
                return "Y"
        return "R"


def load(path, log_path):
    with open(path, encoding="utf-8") as file:
        return Controller(json.load(file), Log(log_path))
