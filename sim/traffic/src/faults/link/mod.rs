//! The centre's link to one controller: the protocol's own exchange, over virtual packets.

pub(crate) mod modbus;
pub(crate) mod ntcip;
pub(crate) mod rsmp;

use clearway_contract::{Answer, Ask, Pace, Protocol, Site};
use clearway_signals::Millis;

use super::device::rsmp_binding;
use super::packet::Packet;
use super::wire::Wire;
use modbus::ModbusLink;
use ntcip::NtcipLink;
use rsmp::RsmpLink;

/// A link.
#[derive(Debug)]
pub(crate) enum Link {
    Ntcip(Box<NtcipLink>),
    Modbus(Box<ModbusLink>),
    Rsmp(Box<RsmpLink>),
}

impl Link {
    /// A link of the centre's life `life` to a site.
    pub fn new(site: &Site, life: u32, seed: u64) -> Self {
        match site.protocol {
            Protocol::Ntcip => Self::Ntcip(Box::new(NtcipLink::new(site.clone()))),
            Protocol::Modbus => Self::Modbus(Box::new(ModbusLink::new(site.clone(), life << 16))),
            Protocol::Rsmp => {
                let binding = rsmp_binding(site.controller);
                Self::Rsmp(Box::new(RsmpLink::new(site.clone(), binding, seed ^ u64::from(life) << 40)))
            }
        }
    }

    /// Carry out an ask; the answer comes now or later.
    pub fn begin(&mut self, ask: &Ask, wire: &mut Wire<'_>) -> Option<Answer> {
        match self {
            Self::Ntcip(link) => link.begin(ask, wire),
            Self::Modbus(link) => link.begin(ask, wire),
            Self::Rsmp(link) => link.begin(ask, wire),
        }
    }

    pub fn receive(&mut self, packet: Packet, wire: &mut Wire<'_>) -> Option<Answer> {
        match self {
            Self::Ntcip(link) => link.receive(packet, wire),
            Self::Modbus(link) => link.receive(packet, wire),
            Self::Rsmp(link) => link.receive(packet, wire),
        }
    }

    /// Time passed.
    pub fn wake(&mut self, wire: &mut Wire<'_>) -> Option<Answer> {
        match self {
            Self::Ntcip(link) => link.wake(wire),
            Self::Modbus(link) => link.wake(wire),
            Self::Rsmp(link) => link.wake(wire),
        }
    }

    pub fn deadline(&self) -> Millis {
        match self {
            Self::Ntcip(link) => link.deadline(),
            Self::Modbus(link) => link.deadline(),
            Self::Rsmp(link) => link.deadline(),
        }
    }
}

/// The tempo of a protocol.
pub(crate) const fn pace(protocol: Protocol) -> Pace {
    match protocol {
        Protocol::Ntcip => clearway_ntcip::PACE,
        Protocol::Modbus => clearway_modbus::PACE,
        Protocol::Rsmp => clearway_rsmp::PACE,
    }
}
