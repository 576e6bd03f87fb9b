"""pymodbus as a client over mutual TLS.

  PYTHON pymodbus_client.py PORT CA [CERTIFICATE KEY]

Reads the map version and writes one frame that calls preempt row 3; prints one JSON object:
{"read": value | "refused N", "write": "done" | "refused N"} or {"error": text}.
"""

import json
import ssl
import sys

from pymodbus.client import ModbusTlsClient
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU

from pymodbus_controller import crc16


def outcome(answer, value):
    return f"refused {answer.exception_code}" if answer.isError() else value(answer)


def main():
    port, authority, *identity = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(authority)
    if identity:
        context.load_cert_chain(*identity)
    # pymodbus names no server when it connects.
    context.check_hostname = False
    client = ModbusTlsClient("localhost", port=int(port), sslctx=context, timeout=3, retries=0)
    # Its own framer for TLS leaves the header of Modbus TCP out, against the standard.
    client.framer = client.transaction.framer = FramerSocket(DecodePDU(False))
    frame = [1, 1, 1, 300, 1 << 2, 0, 0, 0]
    try:
        if not client.connect():
            raise ConnectionError("no connection")
        read = client.read_input_registers(100, count=1, device_id=1)
        write = client.write_registers(0, frame + [crc16(frame[1:])], device_id=1)
        said = {"read": outcome(read, lambda a: a.registers[0]), "write": outcome(write, lambda a: "done")}
    except Exception as error:  # Whatever it is, the test wants to see it.
        said = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
