//! VDV R09.16 telegrams over UDP: what trams and buses radio to signal controllers.
//!
//! A datagram is one telegram as its receiver frames it: nine octets and two of checksum. A telegram names
//! a line, a run and a reporting point, and no position: the configuration says where each point lies, which
//! way vehicles pass it, and whether they stand there. The reporting point's lowest two bits say what is
//! reported: coming, signing on, signing off, doors closed.

use std::collections::HashMap;
use std::sync::Arc;

use clearway_signals::{GeoPoint, Millis, VehicleId};

use crate::fix::{Arrival, FeedEvent, TransitEvent, TransitUpdate};
use crate::plausible::{Candidate, Plausibility, Rules};
use crate::registry::{R09Id, Registry, VehicleClass};
use crate::reject::Reject;

/// Octets of a telegram, its checksum included.
pub const OCTETS: usize = 11;
/// Octets of the checksum.
const CHECKSUM_OCTETS: usize = 2;
/// The generator of the checksum, its highest term included.
const GENERATOR: u32 = 0x1_6F63;
/// Mode and type of the first octet.
const MODE_AND_TYPE: u8 = 0x91;
/// The length in the second octet: of R09.14, R09.16, R09.18.
const LENGTHS: [u8; 3] = [4, 6, 8];
const LENGTH_OF_16: u8 = 6;
/// A radio telegram is sent more than once; its copies come within this time.
const COPIES: Millis = Millis::from_s(2);
/// Who signed on this long ago has signed off, whether that was heard or not.
const SIGNED_ON_MAX: Millis = Millis::from_s(600);
/// Reporting points of one feed.
pub const POINTS_MAX: usize = 4_096;

/// What a telegram reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Report {
    /// The vehicle comes.
    PreRegistration,
    /// It signs on.
    Registration,
    /// It signs off: it has passed.
    Deregistration,
    /// Its doors are closed, it is ready to go.
    DoorClosed,
}

impl Report {
    const fn of(number: u16) -> Self {
        match number & 3 {
            0 => Self::PreRegistration,
            1 => Self::Registration,
            2 => Self::Deregistration,
            _ => Self::DoorClosed,
        }
    }
}

/// The fields of a telegram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Telegram {
    /// Minutes off the timetable, -7 to 7; a site's own convention says which sign is late.
    pub delay_min: i8,
    /// The reporting point: junction × 40 + direction × 4 + what is reported.
    pub point: u16,
    /// Priority that is asked for, 0 to 3.
    pub priority: u8,
    /// Direction that the driver asks for, 0 to 3.
    pub direction_request: u8,
    /// Line, 0 to 999, and run on it, 0 to 99.
    pub id: R09Id,
    /// Number of the destination, 0 to 999.
    pub destination: u16,
    /// The reserved bit.
    pub reserved: bool,
    /// Length of the train, 0 to 7.
    pub train_length: u8,
}

impl Telegram {
    /// What is reported.
    #[must_use]
    pub const fn report(&self) -> Report {
        Report::of(self.point)
    }

    /// The place that is signed on at: the point without what is reported.
    const fn place(&self) -> u16 {
        self.point >> 2
    }
}

/// Where a reporting point lies.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// Its number.
    pub number: u16,
    /// Where a vehicle is when it reports it.
    pub place: GeoPoint,
    /// The direction of the line there, 0 or 1 as in GTFS.
    pub direction: u8,
    /// Vehicles stand here at a stop, their doors open, until they report them closed.
    pub at_stop: bool,
}

/// How a site speaks.
#[derive(Clone, Debug, Default)]
pub struct Dialect {
    /// Its reporting points; of two of one number the later counts.
    pub points: Vec<Point>,
    /// A positive delay is early; else it is late.
    pub positive_is_early: bool,
}

/// What is remembered of one vehicle.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    last: Option<(Telegram, Millis)>,
    signed_on: Option<(u16, Millis)>,
}

/// The feed's memory.
#[derive(Clone, Debug)]
pub struct State {
    plausibility: Plausibility,
    points: HashMap<u16, Point>,
    positive_is_early: bool,
    memory: Vec<Memory>,
}

impl State {
    /// An empty memory for these vehicles.
    #[must_use]
    pub fn new(registry: Arc<Registry>, rules: Rules, dialect: &Dialect) -> Self {
        let memory = vec![Memory::default(); registry.vehicles().len()];
        Self {
            plausibility: Plausibility::new(registry, rules),
            points: dialect.points.iter().map(|point| (point.number, *point)).collect(),
            positive_is_early: dialect.positive_is_early,
            memory,
        }
    }

    fn vehicle(&self, telegram: &Telegram) -> Result<VehicleId, Reject> {
        let registry = self.plausibility.registry();
        let id = registry.by_r09(telegram.id).ok_or(Reject::UnknownVehicle)?;
        let class = registry.get(id).ok_or(Reject::UnknownVehicle)?.class;
        if class == VehicleClass::Emergency { Err(Reject::ClassMismatch) } else { Ok(id) }
    }

    /// Refuse copies, and who signs off without having signed on.
    fn remember(&mut self, vehicle: VehicleId, telegram: &Telegram, now: Millis) -> Result<(), Reject> {
        let memory = self.memory.get_mut(vehicle.index()).ok_or(Reject::UnknownVehicle)?;
        if memory.last.is_some_and(|(last, at)| last == *telegram && now.since(at) <= COPIES) {
            return Err(Reject::Duplicate);
        }
        memory.last = Some((*telegram, now));
        match telegram.report() {
            Report::Deregistration => {
                let here = |(place, at): &(u16, Millis)| {
                    *place == telegram.place() && now.since(*at) <= SIGNED_ON_MAX
                };
                memory.signed_on.take_if(|open| here(open)).map(|_| ()).ok_or(Reject::NotSignedOn)
            }
            Report::PreRegistration | Report::Registration | Report::DoorClosed => {
                memory.signed_on = Some((telegram.place(), now));
                Ok(())
            }
        }
    }
}

/// Reads one datagram: the state of a transit vehicle at a reporting point.
///
/// # Errors
/// The first rule that it breaks; then nothing of it is used.
pub fn parse(datagram: &[u8], state: &mut State, at: Arrival) -> Result<FeedEvent, Reject> {
    let telegram = decode(datagram)?;
    let vehicle = state.vehicle(&telegram)?;
    let point = *state.points.get(&telegram.point).ok_or(Reject::UnknownPoint)?;
    state.remember(vehicle, &telegram, at.received)?;
    let candidate = Candidate {
        source_time: None,
        resolution_ms: 0,
        stale_max_ms: None,
        place: point.place,
        heading_deg: None,
        speed_mps: None,
        degraded: true,
    };
    let fix = state.plausibility.judge(vehicle, &candidate, at)?;
    let late = if state.positive_is_early { -telegram.delay_min } else { telegram.delay_min };
    let report = telegram.report();
    let doors_open = match report {
        Report::DoorClosed => Some(false),
        Report::PreRegistration | Report::Registration => point.at_stop.then_some(true),
        Report::Deregistration => None,
    };
    let event = match report {
        Report::DoorClosed => TransitEvent::DoorsClosed,
        Report::PreRegistration | Report::Registration => TransitEvent::SignalRequest,
        Report::Deregistration => TransitEvent::Position,
    };
    Ok(FeedEvent::Transit(TransitUpdate {
        vehicle,
        received: at.received,
        line: telegram.id.line.to_string(),
        direction: Some(point.direction),
        lateness_s: Some(i32::from(late) * 60),
        load_pct: None,
        doors_open,
        next_stop: None,
        event,
        fix: Some(fix),
        in_service: true,
    }))
}

/// Reads a telegram.
///
/// # Errors
/// [`Reject::Checksum`]; an error is never corrected, for a correction can invent a request.
/// [`Reject::Unsupported`] for R09.14 and R09.18; [`Reject::Malformed`].
pub fn decode(octets: &[u8]) -> Result<Telegram, Reject> {
    if octets.len() <= CHECKSUM_OCTETS {
        return Err(Reject::Malformed);
    }
    if remainder(octets) != 0 {
        return Err(Reject::Checksum);
    }
    let length = octets[1] & 0x0f;
    if octets[0] != MODE_AND_TYPE || !LENGTHS.contains(&length) {
        return Err(Reject::Malformed);
    }
    if length != LENGTH_OF_16 {
        return Err(Reject::Unsupported);
    }
    let b: &[u8; OCTETS] = octets.try_into().map_err(|_| Reject::Malformed)?;
    let minutes = (b[1] >> 4 & 7).cast_signed();
    let line = number(&[b[4] & 15, b[5] >> 4, b[5] & 15])?;
    let run = number(&[b[6] >> 4, b[6] & 15])?;
    Ok(Telegram {
        delay_min: if b[1] & 0x80 == 0 { minutes } else { -minutes },
        point: u16::from_be_bytes([b[2], b[3]]),
        priority: b[4] >> 6,
        direction_request: b[4] >> 4 & 3,
        id: R09Id { line, run: u8::try_from(run).map_err(|_| Reject::Malformed)? },
        destination: number(&[b[7] >> 4, b[7] & 15, b[8] >> 4])?,
        reserved: b[8] & 8 != 0,
        train_length: b[8] & 7,
    })
}

/// Decimal digits, one of four bits each.
fn number(digits: &[u8]) -> Result<u16, Reject> {
    let next = |number: u16, digit: &u8| (*digit <= 9).then_some(number * 10 + u16::from(*digit));
    digits.iter().try_fold(0, next).ok_or(Reject::Malformed)
}

/// The telegram as it is sent; numbers beyond their digits are cut off.
#[must_use]
pub fn encode(telegram: &Telegram) -> Vec<u8> {
    let digit = |number: u16, place: u16| u8::try_from(number / place % 10).unwrap_or(0);
    let (line, run, destination) = (telegram.id.line, u16::from(telegram.id.run), telegram.destination);
    let sign = if telegram.delay_min < 0 { 0x80 } else { 0 };
    let [high, low] = telegram.point.to_be_bytes();
    let content = [
        MODE_AND_TYPE,
        sign | telegram.delay_min.unsigned_abs().min(7) << 4 | LENGTH_OF_16,
        high,
        low,
        telegram.priority << 6 | (telegram.direction_request & 3) << 4 | digit(line, 100),
        digit(line, 10) << 4 | digit(line, 1),
        digit(run, 10) << 4 | digit(run, 1),
        digit(destination, 100) << 4 | digit(destination, 10),
        digit(destination, 1) << 4 | u8::from(telegram.reserved) << 3 | telegram.train_length & 7,
    ];
    sealed(&content)
}

/// Octets and their checksum.
#[must_use]
pub fn sealed(content: &[u8]) -> Vec<u8> {
    // An inverted checksum of zero leaves as remainder what the checksum must be.
    let mut octets = [content, &[0xff; CHECKSUM_OCTETS]].concat();
    let sum = remainder(&octets);
    // It is sent like the rest, from the lowest bit of an octet on, its highest term first.
    for term in (0..16).filter(|term| sum >> (15 - term) & 1 != 0) {
        octets[content.len() + term / 8] ^= 1 << (term % 8);
    }
    octets
}

/// What remains of a telegram and its inverted checksum: zero when they fit. Octets are taken in their
/// order, each from its lowest bit on, as they are sent.
fn remainder(octets: &[u8]) -> u32 {
    let sent_from = octets.len().saturating_sub(CHECKSUM_OCTETS);
    let bits = octets.iter().enumerate().flat_map(|(n, octet)| {
        let octet = if n < sent_from { *octet } else { !*octet };
        (0..8).map(move |bit| u32::from(octet >> bit & 1))
    });
    bits.fold(0, |rest, bit| {
        let rest = rest << 1 | bit;
        if rest & 0x1_0000 == 0 { rest } else { rest ^ GENERATOR }
    })
}

#[cfg(test)]
mod tests;
