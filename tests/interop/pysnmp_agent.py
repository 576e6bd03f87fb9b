"""The object store of ntcip_pass_persist.py behind pysnmp's agent: a second SNMP stack.

  PYTHON pysnmp_agent.py CONFIG.json LOG.jsonl PORT_FILE

Community `administrator` in versions 1 and 2c; users `engine` (SHA-256, AES-128) and `reeder`
(SHA-1, AES-256 with the key lengthened after Reeder), passwords `authentication` and `encryption`.
"""

import os
import sys

from pyasn1.type import univ
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.api import v2c
from pysnmp.smi import error, instrum

import controller_model
from ntcip_pass_persist import BASE, Store

TYPES = {
    "integer": lambda text: v2c.Integer(int(text)),
    "counter": lambda text: v2c.Counter32(int(text)),
    "octet": lambda text: v2c.OctetString(bytes.fromhex(text)),
    "string": v2c.OctetString,
    "objectid": lambda text: v2c.ObjectIdentifier(text.lstrip(".")),
}
USERS = (
    ("engine", config.USM_AUTH_HMAC192_SHA256, config.USM_PRIV_CFB128_AES),
    ("reeder", config.USM_AUTH_HMAC96_SHA, config.USM_PRIV_CFB256_AES),
)


class Instrumentation(instrum.AbstractMibInstrumController):
    def __init__(self, store):
        self.store = store

    def read_variables(self, *bindings, **_):
        objects = self.store.objects()
        return [(name, self._value(objects, name)) for name, _ in bindings]

    def read_next_variables(self, *bindings, **_):
        objects = self.store.objects()
        return [self._next(objects, name) for name, _ in bindings]

    def write_variables(self, *bindings, **_):
        for index, (name, value) in enumerate(bindings):
            below = tuple(name)[len(BASE) :]
            kind = "integer" if isinstance(value, univ.Integer) else "octet"
            answer = self.store.set(below, kind, value.prettyPrint())
            if answer != "DONE":
                refusals = {"wrong-value": error.WrongValueError, "wrong-type": error.WrongTypeError}
                raise refusals.get(answer, error.NotWritableError)(idx=index)
        return list(bindings)

    @staticmethod
    def _value(objects, name):
        found = objects.get(tuple(name)[len(BASE) :]) if tuple(name)[: len(BASE)] == BASE else None
        return TYPES[found[0]](found[1]) if found else v2c.NoSuchInstance()

    def _next(self, objects, name):
        later = [other for other in objects if BASE + other > tuple(name)]
        if not later:
            return name, v2c.EndOfMibView()
        following = v2c.ObjectIdentifier(BASE + min(later))
        return following, self._value(objects, following)


def main():
    store = Store(controller_model.load(sys.argv[1], sys.argv[2]))
    snmp = engine.SnmpEngine()
    transport = udp.UdpTransport().open_server_mode(("127.0.0.1", 0))
    config.add_transport(snmp, udp.DOMAIN_NAME, transport)
    config.add_v1_system(snmp, "area", "administrator")
    everything = (1, 3, 6, 1)
    for model in (1, 2):
        config.add_vacm_user(snmp, model, "area", "noAuthNoPriv", everything, everything)
    for name, auth, privacy in USERS:
        config.add_v3_user(snmp, name, auth, "authentication", privacy, "encryption")
        config.add_vacm_user(snmp, 3, name, "authPriv", everything, everything)
    served = context.SnmpContext(snmp)
    served.unregister_context_name(v2c.OctetString(""))
    served.register_context_name(v2c.OctetString(""), Instrumentation(store))
    for responder in (cmdrsp.GetCommandResponder, cmdrsp.SetCommandResponder, cmdrsp.NextCommandResponder):
        responder(snmp, served)

    async def tell_port():
        await transport._lport
        port = transport.transport.get_extra_info("sockname")[1]
        with open(sys.argv[3] + ".new", "w", encoding="utf-8") as file:
            file.write(str(port))
        os.rename(sys.argv[3] + ".new", sys.argv[3])

    snmp.transport_dispatcher.loop.create_task(tell_port())
    snmp.transport_dispatcher.job_started(1)
    snmp.open_dispatcher()


if __name__ == "__main__":
    main()
