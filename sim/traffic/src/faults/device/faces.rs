//! The controller's side of the three protocols, sans-IO, in virtual time.

use clearway_contract::Protocol;
use clearway_field::Station;
use clearway_field::faces::modbus::pdu::{self, Exception, Request, Served, Table};
use clearway_field::faces::modbus::registers::{Commands, FRAME_LEN, crc16, input};
use clearway_field::faces::ntcip::Unit;
use clearway_field::faces::ntcip::objects::{Object, Reading};
use clearway_field::faces::rsmp::Site;
use clearway_network::{Controller, Network};
use clearway_ntcip::{Data, Name};
use clearway_rsmp::naming;
use clearway_rsmp::session::Instant;
use clearway_signals::{Channel, Millis, RowSet};

use super::{Lie, Outcome, Unsafe, Written, rsmp_settings};
use crate::faults::packet::{Packet, SnmpAnswer, SnmpAsk};

/// Lists of names whose objects are remembered.
const LISTS_MAX: usize = 8;
/// Columns of preemptTable: entry yellow.
const ENTRY_YELLOW: u32 = 22;
/// Connections of one Modbus device.
const CONNECTIONS_MAX: usize = 16;
/// The unit's backup time.
const BACKUP_TIME: u32 = 3;
/// RSMP: a site that was disconnected tries again after this time.
const RECONNECT: Millis = Millis::from_s(10);
/// A connection that does not come to stand is given up after this time.
const CONNECT_WITHIN: Millis = Millis::from_s(3);

/// What the face is told for one packet.
pub(crate) struct Seen<'a> {
    pub own: RowSet,
    pub lie: &'a Lie,
    pub hazard: Unsafe,
    pub instant: Instant,
    pub uptime: Millis,
}

/// What a list of names leads to.
#[derive(Debug)]
pub(crate) struct Resolved {
    names: Vec<Name>,
    objects: Vec<Option<Object>>,
}

/// The protocol in front of a controller.
#[derive(Debug)]
pub(crate) enum Face {
    Ntcip { unit: Box<Unit>, lists: Vec<Resolved> },
    Modbus { commands: Commands, open: Vec<u32> },
    Rsmp { site: Box<Site>, connection: u32, phase: Connecting },
}

/// Where an RSMP site's connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Connecting {
    /// To be tried at this time.
    Down(Millis),
    /// Asked for, given up at this time.
    Asked(Millis),
    Up,
}

impl Face {
    pub fn new(
        network: &Network,
        controller: &Controller,
        protocol: Protocol,
        station: &Station,
        now: Instant,
    ) -> Self {
        match protocol {
            Protocol::Ntcip => {
                Self::Ntcip { unit: Box::new(Unit::new(station.emulator())), lists: Vec::new() }
            }
            Protocol::Modbus => Self::Modbus { commands: Commands::default(), open: Vec::new() },
            Protocol::Rsmp => {
                let settings = rsmp_settings(controller.id);
                let site = Box::new(Site::new(network, controller, station, settings, now));
                Self::Rsmp { site, connection: 0, phase: Connecting::Down(now.at) }
            }
        }
    }

    /// As after a power cut; connection numbers go on, so that an old packet is not taken for a new one.
    pub fn reboot(
        &mut self,
        network: &Network,
        controller: &Controller,
        protocol: Protocol,
        station: &Station,
        now: Instant,
    ) {
        let connections = if let Self::Rsmp { connection, .. } = self { *connection } else { 0 };
        *self = Self::new(network, controller, protocol, station, now);
        if let Self::Rsmp { connection, .. } = self {
            *connection = connections;
        }
    }

    pub fn receive(&mut self, packet: Packet, station: &mut Station, seen: &Seen<'_>) -> Outcome {
        match (self, packet) {
            (Self::Ntcip { unit, lists }, Packet::SnmpRequest { id, ask }) => {
                let id = if matches!(seen.lie, Lie::WrongId) { id ^ 0x4000_0000 } else { id };
                let mut outcome = Outcome::default();
                let answer = match ask {
                    SnmpAsk::Get(names) => {
                        outcome.read = true;
                        SnmpAnswer::Values(get(unit, lists, names, station, seen))
                    }
                    SnmpAsk::Set(bindings) => set(unit, &bindings, station, seen, &mut outcome),
                };
                outcome.answers.push(Packet::SnmpResponse { id, answer });
                outcome
            }
            (Self::Modbus { open, .. }, Packet::Open(connection)) => {
                if open.len() == CONNECTIONS_MAX {
                    open.remove(0);
                }
                open.push(connection);
                Outcome { answers: vec![Packet::Opened(connection)], ..Outcome::default() }
            }
            (Self::Modbus { open, .. }, Packet::Close(connection)) => {
                open.retain(|known| *known != connection);
                Outcome::default()
            }
            (Self::Modbus { open, .. }, Packet::Bytes(connection, _)) if !open.contains(&connection) => {
                Outcome { answers: vec![Packet::Close(connection)], ..Outcome::default() }
            }
            (Self::Modbus { commands, .. }, Packet::Bytes(connection, bytes)) => {
                modbus(commands, connection, &bytes, station, seen)
            }
            (Self::Rsmp { site, connection, phase }, packet) => {
                rsmp(site, connection, phase, packet, station, seen)
            }
            _ => Outcome::default(),
        }
    }

    /// Whether a reading shows what is unsafe about the controller.
    pub fn shows_hazards(&self) -> bool {
        !matches!(self, Self::Rsmp { .. })
    }

    pub fn connection(&self) -> Option<u32> {
        match self {
            Self::Rsmp { connection, phase: Connecting::Up, .. } => Some(*connection),
            _ => None,
        }
    }

    /// Every connection is reset; what the other end is told.
    pub fn cut(&mut self, now: Instant) -> Vec<Packet> {
        match self {
            Self::Ntcip { .. } => Vec::new(),
            Self::Modbus { open, .. } => open.drain(..).map(Packet::Close).collect(),
            Self::Rsmp { site, connection, phase } => {
                if *phase == Connecting::Up {
                    site.disconnected(0, now);
                }
                *phase = Connecting::Down(now.at + RECONNECT);
                vec![Packet::Close(*connection)]
            }
        }
    }

    /// What the controller says by itself: only RSMP does.
    pub fn speak(&mut self, station: &mut Station, now: Instant) -> Vec<Packet> {
        let Self::Rsmp { site, connection, phase } = self else { return Vec::new() };
        let mut said = Vec::new();
        match *phase {
            Connecting::Down(at) if now.at >= at => {
                *connection += 1;
                *phase = Connecting::Asked(now.at + CONNECT_WITHIN);
                said.push(Packet::Open(*connection));
            }
            Connecting::Asked(until) if now.at >= until => *phase = Connecting::Down(now.at + RECONNECT),
            _ => {}
        }
        site.advance(station, now);
        drain(site, *connection, phase, now, &mut said);
        said
    }
}

/// Values of names: as they are, or as they were.
fn get(
    unit: &mut Unit,
    lists: &mut Vec<Resolved>,
    names: Vec<Name>,
    station: &Station,
    seen: &Seen<'_>,
) -> Vec<Option<Reading>> {
    let index = lists.iter().position(|list| list.names == names).unwrap_or_else(|| {
        if lists.len() == LISTS_MAX {
            lists.remove(0);
        }
        let objects = names.iter().map(|name| unit.find(name.arcs())).collect();
        lists.push(Resolved { names, objects });
        lists.len() - 1
    });
    // What shows what was is asked by way of a copy: reading moves the priority server on.
    let mut copy = matches!(seen.lie, Lie::Stale(_)).then(|| unit.clone());
    let unit = copy.as_mut().unwrap_or(unit);
    let shown = if let Lie::Stale(earlier) = seen.lie { earlier } else { station };
    let epoch_s = u32::try_from(seen.instant.unix_ms / 1000).unwrap_or(0);
    let read = |object: &Option<Object>| {
        let value = match ((*object)?, seen.hazard) {
            (Object::System(3), _) => Reading::TimeTicks(u32::try_from(seen.uptime.0 / 10).unwrap_or(0)),
            (Object::Unit(BACKUP_TIME), Unsafe::NoDeadMan) => Reading::Integer(0),
            (Object::Preempt(ENTRY_YELLOW, _), Unsafe::CutsYellow) => Reading::Integer(0),
            (Object::Module(5), Unsafe::OtherConfiguration) => {
                Reading::Octets(b"0.1.0 cfg=00000000".to_vec())
            }
            (object, _) => unit.read(object, shown.emulator(), epoch_s),
        };
        Some(value)
    };
    lists[index].objects.iter().map(read).collect()
}

fn set(
    unit: &mut Unit,
    bindings: &[(Name, Data)],
    station: &mut Station,
    seen: &Seen<'_>,
    outcome: &mut Outcome,
) -> SnmpAnswer {
    let objects: Vec<Option<Object>> = bindings.iter().map(|(name, _)| unit.find(name.arcs())).collect();
    // A selector of the status buffer changes no signal.
    let selects = objects.iter().all(|object| *object == Some(Object::Priority(3)));
    let number_is_own = |number: u8, channel: Channel| {
        station.emulator().row_numbered(number, channel).is_some_and(|row| seen.own.contains(row))
    };
    let allowed = objects.iter().zip(bindings).all(|(object, (_, data))| match (object, data) {
        (Some(Object::PreemptControl(number)), Data::Integer(0 | 1)) => {
            number_is_own(*number, Channel::Preempt)
        }
        (Some(Object::Priority(1 | 2 | 3 | 5 | 6 | 8 | 9)), Data::Octets(block)) => {
            block.get(20).is_some_and(|strategy| number_is_own(*strategy, Channel::Priority))
        }
        _ => false,
    });
    let mut written = Written { allowed, taken: false, lives: departure(&objects, bindings) };
    let answer = match seen.lie {
        Lie::Refusing => SnmpAnswer::Refused,
        Lie::Deaf => SnmpAnswer::Done,
        _ => {
            let value = |data: &Data| match data {
                Data::Integer(value) => Reading::Integer((*value).into()),
                Data::Octets(octets) => Reading::Octets(octets.clone()),
            };
            let set: Vec<(&[u32], Reading)> =
                bindings.iter().map(|(name, data)| (name.arcs(), value(data))).collect();
            written.taken = unit.set(&set, station.emulator_mut()).is_ok();
            if written.taken { SnmpAnswer::Done } else { SnmpAnswer::Refused }
        }
    };
    outcome.written = (!selects).then_some(written);
    answer
}

/// When the vehicle of a priority request will have left, from now.
fn departure(objects: &[Option<Object>], bindings: &[(Name, Data)]) -> Millis {
    let seconds = objects.iter().zip(bindings).filter_map(|(object, (_, data))| match (object, data) {
        (Some(Object::Priority(1 | 2 | 8 | 9)), Data::Octets(block)) => {
            let octets = block.get(23..25)?;
            Some(i64::from(octets[0]) << 8 | i64::from(octets[1]))
        }
        _ => None,
    });
    Millis::from_s(seconds.max().unwrap_or(0))
}

fn modbus(
    commands: &mut Commands,
    connection: u32,
    bytes: &[u8],
    station: &mut Station,
    seen: &Seen<'_>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((header, pdu)) = bytes.split_at_checked(7) else {
        outcome.answers.push(Packet::Close(connection));
        return outcome;
    };
    let answer = pdu::decode(pdu).and_then(|request| match request {
        Request::Read { table: Table::Inputs, first, count } => {
            outcome.read |= first == 0;
            let shown = if let Lie::Stale(earlier) = seen.lie { earlier } else { &*station };
            read_inputs(first, count, commands, shown, seen.hazard)
        }
        Request::WriteRegisters(0, words) => {
            let frame = <[u16; FRAME_LEN]>::try_from(words.as_slice()).map_err(|_| Exception::Address)?;
            let allowed = frame_is_ours(&frame, station, seen.own);
            let (taken, answer) = match seen.lie {
                Lie::Refusing => (false, Err(Exception::Function)),
                Lie::Deaf => (false, Ok(Served::Written)),
                _ => match commands.write(frame, station.emulator_mut()) {
                    Ok(()) => (true, Ok(Served::Written)),
                    Err(_) => (false, Err(Exception::Value)),
                },
            };
            outcome.written = Some(Written { allowed, taken, lives: Millis(i64::from(frame[3]) * 100) });
            answer
        }
        _ => Err(Exception::Function),
    });
    let pdu = pdu::encode(pdu, &answer);
    let mut transaction = [header[0], header[1]];
    if matches!(seen.lie, Lie::WrongId) {
        transaction[0] ^= 0x40;
    }
    let length = u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX).to_be_bytes();
    let framed = [&transaction[..], &[0, 0], &length, &[header[6]], &pdu].concat();
    outcome.answers.push(Packet::Bytes(connection, framed));
    outcome
}

fn read_inputs(
    first: u16,
    count: u16,
    commands: &Commands,
    station: &Station,
    hazard: Unsafe,
) -> Result<Served, Exception> {
    const TTL_LIMIT: u16 = 108;
    const HASH_LOW: u16 = 105;
    const ROWS: u16 = 200;
    let register = |number: u16| {
        let value = input(number, commands, station.emulator())?;
        Some(match hazard {
            Unsafe::NoDeadMan if number == TTL_LIMIT => 0,
            Unsafe::OtherConfiguration if number == HASH_LOW => !value,
            Unsafe::CutsYellow if number >= ROWS && (number - ROWS) % 12 == 11 => 0,
            _ => value,
        })
    };
    let last = first.checked_add(count - 1).ok_or(Exception::Address)?;
    (first..=last).map(register).collect::<Option<Vec<u16>>>().map(Served::Values).ok_or(Exception::Address)
}

/// Whether a command frame calls own rows alone. A frame that was damaged on its way says nothing of us.
fn frame_is_ours(frame: &[u16; FRAME_LEN], station: &Station, own: RowSet) -> bool {
    let is_own = |number: u8, channel: Channel| {
        station.emulator().row_numbered(number, channel).is_some_and(|row| own.contains(row))
    };
    if crc16(&frame[1..8]) != frame[8] {
        return true;
    }
    let [priority, _] = frame[5].to_be_bytes();
    let calls = (1..=16u8).filter(|number| frame[4] >> (number - 1) & 1 == 1);
    calls.into_iter().all(|number| is_own(number, Channel::Preempt))
        && (priority == 0 || is_own(priority, Channel::Priority))
}

fn rsmp(
    site: &mut Site,
    connection: &mut u32,
    phase: &mut Connecting,
    packet: Packet,
    station: &mut Station,
    seen: &Seen<'_>,
) -> Outcome {
    let now = seen.instant;
    let mut outcome = Outcome::default();
    match packet {
        Packet::Opened(of) if of == *connection && matches!(phase, Connecting::Asked(_)) => {
            *phase = Connecting::Up;
            site.connected(0, now);
        }
        Packet::Close(of) if of == *connection && *phase == Connecting::Up => {
            *phase = Connecting::Down(now.at + RECONNECT);
            site.disconnected(0, now);
        }
        Packet::Close(of) if of == *connection => *phase = Connecting::Down(now.at + RECONNECT),
        Packet::Bytes(of, bytes) if of == *connection && *phase == Connecting::Up => {
            let text = String::from_utf8_lossy(&bytes);
            site.receive(0, &bytes, station, now);
            site.advance(station, now);
            drain(site, *connection, phase, now, &mut outcome.answers);
            let says = |word: &str| {
                outcome.answers.iter().any(|packet| match packet {
                    Packet::Bytes(_, bytes) => String::from_utf8_lossy(bytes).contains(word),
                    _ => false,
                })
            };
            outcome.read = says("\"StatusResponse\"");
            if text.contains("\"CommandRequest\"") {
                // What was damaged on its way is not acknowledged, and answered by nothing.
                let (allowed, taken) = (!commands_refused(&text), says("\"CommandResponse\""));
                outcome.written = Some(Written { allowed, taken, lives: arrival(&text) });
            }
        }
        _ => {}
    }
    outcome
}

/// The latest arrival that the commands in a piece of a stream announce, from now.
fn arrival(text: &str) -> Millis {
    let etas = text.match_indices(r#""n":"eta""#).filter_map(|(at, _)| {
        let argument = text[at..].split('}').next()?;
        argument.split(r#""v":""#).nth(1)?.split('"').next()?.parse::<i64>().ok()
    });
    // A piece that was damaged on its way says nothing: the controller closes.
    Millis::from_s(etas.max().unwrap_or(0).clamp(0, 255))
}

/// Whether a piece of a stream holds commands that are not ours to give.
fn commands_refused(text: &str) -> bool {
    let codes = text.match_indices("\"cCI\":\"").map(|(at, key)| &text[at + key.len()..]);
    codes.into_iter().any(|rest| !rest.starts_with("M0022")) || !text.contains(naming::REQUEST_PREFIX)
}

fn drain(site: &mut Site, connection: u32, phase: &mut Connecting, now: Instant, said: &mut Vec<Packet>) {
    if *phase != Connecting::Up {
        return;
    }
    let output = site.take_output(0);
    if !output.is_empty() {
        said.push(Packet::Bytes(connection, output));
    }
    if site.closing(0).is_some() {
        said.push(Packet::Close(connection));
        *phase = Connecting::Down(now.at + RECONNECT);
        site.disconnected(0, now);
    }
}
