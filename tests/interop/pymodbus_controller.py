"""A controller behind pymodbus: the register map of docs/modbus-register-map.md.

  PYTHON pymodbus_controller.py CONFIG.json LOG.jsonl PORT_FILE [WAY]

WAY: nothing for Modbus TCP; `rtu_tcp`: serial frames over TCP; `tls CA CERTIFICATE KEY ROLE`:
Modbus/TCP Security, requests of another role than ROLE are answered with IllegalFunction;
`serial DEVICE`. Listens on a free loopback port, which it writes to PORT_FILE (0 for a line).
"""

import asyncio
import os
import ssl
import sys

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

import controller_model
from controller_model import monotonic_ms

FRAME = 9
READ_INPUT, WRITE_MULTIPLE = 4, 16
VERSION, CRC, SEQUENCE, TTL, ROW = 1, 2, 3, 4, 5


def crc16(words):
    """CRC-16 with the Modbus polynomial over words as they travel."""
    crc = 0xFFFF
    for byte in b"".join(word.to_bytes(2, "big") for word in words):
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def bits(numbers, first=1):
    """Numbers first … first+15 as a word."""
    return sum(1 << (number - first) for number in numbers if first <= number < first + 16)


def seconds(ms):
    return -(-ms // 1000)


class Device:
    def __init__(self, controller):
        self.controller = controller
        self.started = monotonic_ms()
        self.accepted = None
        self.alive_until = 0
        self.refused = 0
        self.reason = 0

    async def action(self, function, start, address, count, registers, values):
        """Called by pymodbus at each access: readings before a read, judgement before a write."""
        self._watch_ttl()
        if function == READ_INPUT:
            for register in range(address, address + count):
                registers[register - start] = self.input(register)
        if function == WRITE_MULTIPLE:
            return self._write(address, values)
        return None

    def _write(self, address, frame):
        if address != 0 or len(frame) != FRAME:
            return ExcCodes.ILLEGAL_ADDRESS
        reason = self._judge(frame)
        if reason:
            self.refused = (self.refused + 1) % 0x10000
            self.reason = reason
            self.controller.log.say("refused", reason=reason)
            return ExcCodes.ILLEGAL_VALUE
        if frame == self.accepted:
            return None
        self.accepted = list(frame)
        self.alive_until = monotonic_ms() + 100 * frame[3]
        self.controller.log.say("frame", sequence=frame[1], calls=frame[4], priority=frame[5])
        self.controller.set_calls({n for n in range(1, 17) if frame[4] >> (n - 1) & 1})
        return None

    def _judge(self, frame):
        """0, or why the frame is refused."""
        if frame[0] != 1:
            return VERSION
        if crc16(frame[1:8]) != frame[8]:
            return CRC
        if frame == self.accepted:
            return 0
        if self.accepted and not 1 <= (frame[1] - self.accepted[1]) % 0x10000 <= 0x7FFF:
            return SEQUENCE
        if not 1 <= frame[3] <= self.controller.configuration["ttl_max_ms"] // 100:
            return TTL
        rows = self.controller.configuration["rows"]
        ours = {(row["channel"], row["number"]) for row in rows if row["ours"]}
        calls = {("preempt", n) for n in range(1, 17) if frame[4] >> (n - 1) & 1}
        if frame[5] >> 8:
            calls.add(("priority", frame[5] >> 8))
        level_fits = frame[5] & 0xFF <= 14
        return 0 if calls <= ours and level_fits else ROW

    def _watch_ttl(self):
        if self._left() == 0 and self.controller.called():
            self.controller.log.say("ttl")
            self.controller.set_calls(set())
        self.controller.step()

    def _left(self):
        return max(0, -(-(self.alive_until - monotonic_ms()) // 100))

    def input(self, register):
        if register <= 25:
            return self._status(register)
        if register < 100:
            return 0
        return self._identity(register) if register < 200 else self._row(*divmod(register - 200, 12))

    def _status(self, register):
        lights = self.controller.lights()
        shown = lambda light: [number for number, shows in lights.items() if shows == light]
        frame = self.accepted or [0] * FRAME
        active = self.controller.active
        low = {4: "G", 5: "Y", 6: "R", 11: "C"}
        if register in low:
            return bits(shown(low[register]))
        for first, light in ((12, "G"), (15, "Y"), (18, "R"), (21, "C")):
            if first <= register < first + 3:
                return bits(shown(light), 17 + 16 * (register - first))
        values = {
            1: frame[1],
            2: active or 0,
            3: self.controller.state,
            7: self._left(),
            8: (monotonic_ms() - self.started) // 100 % 0x10000,
            9: bits(self.controller.called()),
            10: frame[5] if self._left() else 0,
            24: self.refused,
            25: self.reason,
        }
        return values.get(register, 0)

    def _identity(self, register):
        configuration = self.controller.configuration
        digest = configuration["configuration_hash"]
        rows = len(configuration["rows"])
        ttl = configuration["ttl_max_ms"] // 100
        values = [1, 0x4357, 0, 1, digest >> 16, digest & 0xFFFF, len(configuration["groups"]), rows, ttl]
        return values[register - 100]

    def _row(self, index, offset):
        row = self.controller.configuration["rows"][index]
        flags = 0b11 | bool(row["ours"]) << 2 | (row["channel"] == "priority") << 3
        values = [
            row["number"],
            {"rail": 1, "emergency": 2, "transit": 3}[row["kind"]],
            flags,
            seconds(row["max_presence_ms"]),
            seconds(row["min_duration_ms"]),
            seconds(row["min_dwell_ms"]),
            seconds(row["delay_ms"]),
            *(bits(row["dwell"], first) for first in (1, 17, 33, 49)),
            1,
        ]
        return values[offset]


def block(first, count):
    return SimData(first, values=[0] * count, datatype=DataType.REGISTERS)


# DER of the object identifier 1.3.6.1.4.1.50316.802.1.
ROLE_EXTENSION = bytes.fromhex("060b2b0601040183890c862201")
UTF8_STRING = 0x0C


def role_of(certificate):
    """The role in a DER certificate: the UTF8String inside the extension's OCTET STRING."""
    at = certificate.find(ROLE_EXTENSION)
    if at < 0:
        return None
    value = certificate[at + len(ROLE_EXTENSION) :]
    if value[0] != 0x04 or value[2] != UTF8_STRING:
        return None
    return value[4 : 4 + value[3]].decode()


class SecureHandler(ServerRequestHandler):
    """Serves the clients whose certificate carries the right role."""

    async def handle_request(self):
        role = role_of(self.transport.get_extra_info("ssl_object").getpeercert(True))
        if role == self.server.role or not self.last_pdu:
            return await super().handle_request()
        asked = self.last_pdu
        refusal = ExceptionResponse(asked.function_code, ExcCodes.ILLEGAL_FUNCTION, asked.dev_id)
        refusal.transaction_id = asked.transaction_id
        self.last_pdu = None
        self.server_send(refusal, None)


class SecureServer(ModbusTlsServer):
    role = None

    def callback_new_connection(self):
        return SecureHandler(self, self.trace_packet, self.trace_pdu, self.trace_connect)


def server_for(simulated, way):
    nowhere = ("127.0.0.1", 0)
    match way:
        case []:
            return ModbusTcpServer(simulated, address=nowhere)
        case ["rtu_tcp"]:
            return ModbusTcpServer(simulated, address=nowhere, framer=FramerType.RTU)
        case ["serial", path]:
            return ModbusSerialServer(simulated, port=path, baudrate=115200)
        case ["tls", authority, certificate, key, role]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(authority)
            context.load_cert_chain(certificate, key)
            server = SecureServer(simulated, address=nowhere, framer=FramerType.SOCKET, sslctx=context)
            server.role = role
            return server
    raise SystemExit(__doc__)


async def serve(device, port_file, way):
    rows = len(device.controller.configuration["rows"])
    inputs = [block(0, 26), block(30, 64), block(100, 9), block(200, 12 * rows)]
    unused = [SimData(0, values=False, datatype=DataType.BITS)]
    simulated = SimDevice(1, simdata=(unused, unused, [block(0, FRAME)], inputs), action=device.action)
    server = server_for(simulated, way)
    await server.serve_forever(background=True)
    sockets = getattr(server.transport, "sockets", None)
    port = sockets[0].getsockname()[1] if sockets else 0
    # Whoever waits for the file must never read half of it.
    with open(port_file + ".new", "w", encoding="utf-8") as file:
        file.write(str(port))
    os.rename(port_file + ".new", port_file)
    await asyncio.Event().wait()


def main():
    device = Device(controller_model.load(sys.argv[1], sys.argv[2]))
    asyncio.run(serve(device, sys.argv[3], sys.argv[4:]))


if __name__ == "__main__":
    main()
