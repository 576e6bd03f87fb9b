"""A minimal NTCIP 1202 object store behind net-snmp's snmpd (pass_persist).

  pass_persist .1.3.6.1.4.1.1206.4.2 PYTHON ntcip_pass_persist.py CONFIG.json LOG.jsonl

Serves what an arming gate reads, takes preemptControlState, and drops all calls when nobody has
written for unitBackupTime. Never writes to standard error: under snmpd that is the protocol's pipe.
"""

import sys
import time

import controller_model
from controller_model import monotonic_ms

BASE = (1, 3, 6, 1, 4, 1, 1206, 4, 2)
CONTROL = (1, 6, 3, 1, 2)


def seconds(ms):
    return -(-ms // 1000)


def tenths(ms):
    return -(-ms // 100)


def integer(value):
    return "integer", str(value)


def octets(values):
    return "octet", " ".join(f"{value:02X}" for value in values)


class Store:
    def __init__(self, controller):
        self.controller = controller
        self.written_at = None
        # Made once: an answer must not take longer than a client waits.
        self.fixed = self._identity() | self._phases()

    def objects(self):
        """Every instance below BASE, by its name: (type, value)."""
        self._watch_backup_timer()
        return self.fixed | self._unit() | self._status_groups() | self._preempts()

    def set(self, name, kind, value):
        """The answer of pass_persist to a SET."""
        number = name[-1]
        if name[:-1] != CONTROL or number not in self.controller.preempts:
            return "not-writable"
        if kind != "integer":
            return "wrong-type"
        if value not in ("0", "1"):
            return "wrong-value"
        self._watch_backup_timer()
        self.written_at = monotonic_ms()
        calls = set(self.controller.called()) - {number}
        self.controller.log.say("set", row=number, value=int(value))
        self.controller.set_calls(calls | ({number} if value == "1" else set()))
        return "DONE"

    def _backup(self):
        """Whether the central system has been silent for longer than the timer."""
        timer = self.controller.configuration["backup_ms"]
        return self.written_at is None or monotonic_ms() - self.written_at > timer

    def _watch_backup_timer(self):
        if self._backup() and self.controller.called():
            self.controller.log.say("backup")
            self.controller.set_calls(set())
        self.controller.step()

    def _unit(self):
        timer = seconds(self.controller.configuration["backup_ms"])
        return {
            (1, 3, 3, 0): integer(timer),
            (1, 3, 5, 0): integer(4 if self._backup() else 2),
            (1, 3, 6, 0): integer(2),
            (1, 3, 10, 0): integer(0),
            (1, 3, 19, 0): integer(0),
            (1, 4, 10, 0): integer(1),
            (1, 4, 11, 0): integer(2),
            (1, 4, 12, 0): integer(0),
            (1, 4, 13, 0): integer(0),
            (6, 3, 1, 0): ("counter", str(int(time.time()))),
        }

    def _identity(self):
        configuration = self.controller.configuration
        version = configuration.get("firmware") or f"interop cfg={configuration['configuration_hash']:08x}"
        return {
            (6, 1, 2, 0): integer(1),
            (6, 1, 3, 1, 1, 1): integer(1),
            (6, 1, 3, 1, 2, 1): ("objectid", ".1.3.6.1.4.1.1206.4.2.1"),
            (6, 1, 3, 1, 3, 1): ("string", "net-snmp"),
            (6, 1, 3, 1, 4, 1): ("string", "pass_persist"),
            (6, 1, 3, 1, 5, 1): ("string", version),
            (6, 1, 3, 1, 6, 1): integer(3),
        }

    def _phases(self):
        groups = self.controller.groups
        last = max(group["number"] for group in groups)
        found = {(1, 1, 1, 0): integer(last), (1, 1, 3, 0): integer(-(-last // 8))}
        by_number = {group["number"]: group for group in groups}
        for number in range(1, last + 1):
            group = by_number.get(number, {"kind": "none", "min_green_ms": 0, "yellow_ms": 0, "clearance_ms": 0})
            walks = group["kind"] == "pedestrian"
            columns = {
                1: number,
                2: seconds(group["min_green_ms"]) if walks else 0,
                3: seconds(group["clearance_ms"]),
                4: 0 if walks else seconds(group["min_green_ms"]),
                8: tenths(group["yellow_ms"]),
                9: 0,
            }
            found |= {(1, 1, 2, 1, column, number): integer(value) for column, value in columns.items()}
        return found

    def _status_groups(self):
        lights = self.controller.lights()
        walking = {g["number"] for g in self.controller.groups if g["kind"] == "pedestrian"}
        shown = {
            2: {n for n, light in lights.items() if light == "R"} - walking,
            3: {n for n, light in lights.items() if light == "Y"},
            4: {n for n, light in lights.items() if light == "G"} - walking,
            5: {n for n, light in lights.items() if light == "R"} & walking,
            6: {n for n, light in lights.items() if light == "C"},
            7: {n for n, light in lights.items() if light == "G"} & walking,
            8: set(),
            9: set(),
            10: {n for n, light in lights.items() if light != "R"},
            11: set(),
        }
        found = {}
        for eight in range(1, -(-max(lights) // 8) + 1):
            found[(1, 1, 4, 1, 1, eight)] = integer(eight)
            for column, numbers in shown.items():
                bits = sum(1 << (n - 8 * eight + 7) for n in numbers if 8 * eight - 7 <= n <= 8 * eight)
                found[(1, 1, 4, 1, column, eight)] = integer(bits)
        return found

    def _preempts(self):
        last = max(self.controller.preempts, default=0)
        active = self.controller.active
        found = {(1, 6, 1, 0): integer(last), (1, 6, 4, 0): integer(active or 0)}
        for eight in range(1, -(-last // 8) + 1):
            called = [n for n in self.controller.called() if 8 * eight - 7 <= n <= 8 * eight]
            found[(1, 6, 6, 1, 2, eight)] = integer(sum(1 << (n - 8 * eight + 7) for n in called))
        for number in range(1, last + 1):
            for column, value in self._preempt_columns(number).items():
                found[(1, 6, 2, 1, column, number)] = value
            found[CONTROL + (number,)] = integer(int(number in self.controller.called()))
        return found

    def _preempt_columns(self, number):
        row = self.controller.preempts.get(number)
        walking = {g["number"] for g in self.controller.groups if g["kind"] == "pedestrian"}
        dwell = row["dwell"] if row else []
        time_of = lambda key: integer(seconds(row[key]) if row else 0)
        columns = {column: integer(0) for column in (3, 9, 24, 25)}
        columns |= {column: octets([]) for column in (12, 15, 17, 18, 19, 20, 21)}
        # The entry's own times: the longest value, so that the phase's own, the lesser, holds.
        columns |= {column: integer(255) for column in (6, 7, 8, 22, 23)}
        return columns | {
            1: integer(number),
            2: integer(0b10001 if row else 0b00001),
            4: time_of("delay_ms"),
            5: time_of("min_duration_ms"),
            10: time_of("min_dwell_ms"),
            11: time_of("max_presence_ms"),
            13: octets([n for n in dwell if n not in walking]),
            14: octets([n for n in dwell if n in walking]),
            16: integer(self.controller.preempt_state(number) if row else 2),
            26: integer(number),
            28: integer(4),
        }


def parse(oid):
    return tuple(int(part) for part in oid.strip().lstrip(".").split("."))


def text(below):
    return "." + ".".join(str(part) for part in BASE + below)


def answer(store, request, read):
    """The lines that answer one request."""
    name = parse(read())[len(BASE) :]
    if request == "set":
        kind, _, value = read().strip().partition(" ")
        return [store.set(name, kind.lower(), value.strip().strip('"'))]
    objects = store.objects()
    if request == "getnext":
        name = min((other for other in objects if other > name), default=None)
    if name not in objects:
        return ["NONE"]
    return [text(name), *objects[name]]


def main():
    store = Store(controller_model.load(sys.argv[1], sys.argv[2]))
    read = sys.stdin.readline
    while request := read():
        request = request.strip().lower()
        if request == "ping":
            lines = ["PONG"]
        elif request in ("get", "getnext", "set"):
            lines = answer(store, request, read)
        else:
            continue
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
