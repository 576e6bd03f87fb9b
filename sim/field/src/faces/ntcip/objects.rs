//! The objects of NTCIP 1202 v03, 1201 and MIB-II that the controller serves, as data and readings.
//!
//! `docs/ntcip-objects.md` lists them. Numbers are public facts; the words are our own.
//! A signal group with number n is phase n: its colours stand in the status groups' bit n, a pedestrian
//! group in Walks, PedClears and DontWalks.

use clearway_signals::{Channel, GroupId, GroupKind, GroupSet, Millis, Mode, RequestRow, RowId, SignalGroup};

use super::prs;
use crate::emulator::{Aspect, Emulator, VOLUME_PERIOD};

/// A value before it is encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    /// INTEGER.
    Integer(i64),
    /// Counter.
    Counter(u32),
    /// OCTET STRING.
    Octets(Vec<u8>),
    /// Hundredths of seconds since the start.
    TimeTicks(u32),
    /// OBJECT IDENTIFIER.
    Name(Vec<u32>),
}

/// One readable instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Object {
    /// MIB-II system group, by column.
    System(u32),
    /// globalModuleTable, by column; one module.
    Module(u32),
    /// globalMaxModules.
    MaxModules,
    /// globalTime.
    GlobalTime,
    /// maxPhases, maxPhaseGroups.
    MaxPhases,
    MaxPhaseGroups,
    /// phaseTable: column, phase number.
    Phase(u32, u8),
    /// phaseStatusGroupTable: column, group of eight from 1.
    PhaseStatus(u32, u8),
    /// The unit's scalars, by number below P.1.3.
    Unit(u32),
    /// The coordinator's scalars, by number below P.1.4.
    Coord(u32),
    /// maxVehicleDetectors.
    MaxDetectors,
    /// vehicleDetectorStatusGroupActive, by group of eight.
    DetectorActive(u8),
    /// volumeOccupancySequence, volumeOccupancyPeriod, activeVolumeOccupancyDetectors, the period of v03.
    VolumeSequence,
    VolumePeriod,
    ActiveVolumeDetectors,
    /// detectorVolume, detectorOccupancy of a detector.
    Volume(u8),
    Occupancy(u8),
    /// maxPreempts.
    MaxPreempts,
    /// preemptTable: column, preempt number.
    Preempt(u32, u8),
    /// preemptControlState of a preempt number: the only writable object.
    PreemptControl(u8),
    /// preemptStatus.
    PreemptStatus,
    /// preemptStatusGroup, by group of eight.
    PreemptInputs(u8),
    /// maxChannels: every group has one, of its own number.
    MaxChannels,
    /// channelStatusGroupTable: column, group of eight.
    ChannelStatus(u32, u8),
    /// maxOverlaps: the emulated controllers have none.
    MaxOverlaps,
    /// overlapStatusGroupTable: column; one group of eight, all dark.
    OverlapStatus(u32),
    /// NTCIP 1211, by the object's number below prgObjects; only with a priority channel.
    Priority(u32),
}

/// The NTCIP device node: 1.3.6.1.4.1.1206.4.2.
pub const DEVICES: [u32; 9] = [1, 3, 6, 1, 4, 1, 1206, 4, 2];
/// The MIB-II system group: 1.3.6.1.2.1.1.
pub const SYSTEM: [u32; 7] = [1, 3, 6, 1, 2, 1, 1];

/// Every instance that the controller has, sorted by name.
#[must_use]
pub fn instances(emulator: &Emulator) -> Vec<(Vec<u32>, Object)> {
    let mut list = Vec::new();
    for column in [1, 2, 3, 5] {
        list.push(([&SYSTEM[..], &[column, 0]].concat(), Object::System(column)));
    }
    let mut add = |below: &[u32], object| list.push(([&DEVICES[..], below].concat(), object));
    add(&[6, 1, 2, 0], Object::MaxModules);
    for column in 1..=6 {
        add(&[6, 1, 3, 1, column, 1], Object::Module(column));
    }
    add(&[6, 3, 1, 0], Object::GlobalTime);
    for unit in [3, 5, 6, 10, 19] {
        add(&[1, 3, unit, 0], Object::Unit(unit));
    }
    for coord in [10, 11, 12, 13] {
        add(&[1, 4, coord, 0], Object::Coord(coord));
    }
    add_phases(&mut add, emulator);
    add_detectors(&mut add, emulator);
    add_preempts(&mut add, emulator);
    add_outputs(&mut add, emulator);
    if prs::is_there(emulator) {
        prs::object::ALL.into_iter().for_each(|number| add(&[11, 2, number, 0], Object::Priority(number)));
    }
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

fn add_phases(add: &mut impl FnMut(&[u32], Object), emulator: &Emulator) {
    add(&[1, 1, 1, 0], Object::MaxPhases);
    add(&[1, 1, 3, 0], Object::MaxPhaseGroups);
    for phase in 1..=max_phases(emulator) {
        for column in [1, 2, 3, 4, 5, 6, 8, 9, 22, 23] {
            add(&[1, 1, 2, 1, column, phase.into()], Object::Phase(column, phase));
        }
    }
    for group in 1..=eights(max_phases(emulator)) {
        for column in 1..=11 {
            add(&[1, 1, 4, 1, column, group.into()], Object::PhaseStatus(column, group));
        }
    }
}

fn add_detectors(add: &mut impl FnMut(&[u32], Object), emulator: &Emulator) {
    add(&[1, 2, 1, 0], Object::MaxDetectors);
    let last = max_detectors(emulator);
    for group in 1..=eights(last) {
        add(&[1, 2, 4, 1, 2, group.into()], Object::DetectorActive(group));
    }
    add(&[1, 2, 5, 1, 0], Object::VolumeSequence);
    add(&[1, 2, 5, 2, 0], Object::VolumePeriod);
    add(&[1, 2, 5, 3, 0], Object::ActiveVolumeDetectors);
    for number in 1..=last {
        add(&[1, 2, 5, 4, 1, 1, number.into()], Object::Volume(number));
        add(&[1, 2, 5, 4, 1, 2, number.into()], Object::Occupancy(number));
    }
}

fn add_preempts(add: &mut impl FnMut(&[u32], Object), emulator: &Emulator) {
    add(&[1, 6, 1, 0], Object::MaxPreempts);
    let last = max_preempts(emulator);
    for number in 1..=last {
        for column in (1..=26).chain([28]) {
            add(&[1, 6, 2, 1, column, number.into()], Object::Preempt(column, number));
        }
        add(&[1, 6, 3, 1, 2, number.into()], Object::PreemptControl(number));
    }
    add(&[1, 6, 4, 0], Object::PreemptStatus);
    for group in 1..=eights(last) {
        add(&[1, 6, 6, 1, 2, group.into()], Object::PreemptInputs(group));
    }
}

fn add_outputs(add: &mut impl FnMut(&[u32], Object), emulator: &Emulator) {
    add(&[1, 8, 1, 0], Object::MaxChannels);
    for group in 1..=eights(max_phases(emulator)) {
        for column in 1..=4 {
            add(&[1, 8, 4, 1, column, group.into()], Object::ChannelStatus(column, group));
        }
    }
    add(&[1, 9, 1, 0], Object::MaxOverlaps);
    for column in 1..=4 {
        add(&[1, 9, 4, 1, column, 1], Object::OverlapStatus(column));
    }
}

/// Read an instance but those of the priority server, which the face keeps. `epoch_s` is the wall clock in seconds since 1970.
#[must_use]
pub fn read(object: Object, emulator: &Emulator, epoch_s: u32) -> Reading {
    use Reading::{Counter, Integer};
    let text = |text: &str| Reading::Octets(text.as_bytes().to_vec());
    match object {
        Object::System(1) => text("Clearway emulated traffic signal controller"),
        Object::System(2) => Reading::Name([&DEVICES[..], &[1]].concat()),
        Object::System(3) => Reading::TimeTicks(u32::try_from(emulator.now().0 / 10).unwrap_or(u32::MAX)),
        Object::System(_) => text(emulator.name()),
        Object::MaxModules => Integer(1),
        Object::Module(column) => module(column, emulator),
        Object::GlobalTime => Counter(epoch_s),
        Object::MaxPhases => Integer(max_phases(emulator).into()),
        Object::MaxPhaseGroups => Integer(eights(max_phases(emulator)).into()),
        Object::Phase(23, phase) => Reading::Octets(concurrent(phase, emulator)),
        Object::Phase(column, phase) => Integer(phase_value(column, phase, emulator)),
        Object::PhaseStatus(column, group) => Integer(phase_status(column, group, emulator)),
        Object::Unit(number) => Integer(unit(number, emulator)),
        Object::Coord(number) => Integer(coord(number, emulator)),
        Object::MaxDetectors => Integer(max_detectors(emulator).into()),
        Object::DetectorActive(group) => Integer(bits_of(
            group,
            emulator.detectors().iter().filter(|detector| detector.occupied).map(|detector| detector.number),
        )),
        Object::VolumeSequence => Integer(emulator.volume_sequence().into()),
        Object::VolumePeriod => Integer(VOLUME_PERIOD.0 / 1000),
        Object::ActiveVolumeDetectors => Integer(max_detectors(emulator).into()),
        Object::Volume(number) => Integer(detector(number, emulator, |d| d.volume)),
        Object::Occupancy(number) => Integer(detector(number, emulator, |d| d.occupancy)),
        Object::MaxPreempts => Integer(max_preempts(emulator).into()),
        Object::Preempt(column, number) => preempt(column, number, emulator),
        Object::PreemptControl(number) => Integer(
            preempt_row(number, emulator).is_some_and(|row| emulator.status().remote.contains(row)).into(),
        ),
        Object::PreemptStatus => Integer(
            emulator
                .serving()
                .and_then(|row| emulator.rows().get(row.index()))
                .map_or(0, |r| r.number.into()),
        ),
        Object::PreemptInputs(group) => {
            let status = emulator.status();
            let called = status.remote.iter().chain(status.physical.iter());
            Integer(bits_of(group, called.filter_map(|row| Some(emulator.rows().get(row.index())?.number))))
        }
        Object::MaxChannels => Integer(max_phases(emulator).into()),
        Object::ChannelStatus(column, group) => Integer(channel_status(column, group, emulator)),
        Object::MaxOverlaps => Integer(0),
        Object::OverlapStatus(column) => Integer(i64::from(column == 1)),
        Object::Priority(_) => Reading::Octets(Vec::new()),
    }
}

/// The preempt row of a number, where the controller has one bound.
#[must_use]
pub fn preempt_row(number: u8, emulator: &Emulator) -> Option<RowId> {
    emulator.row_numbered(number, Channel::Preempt)
}

fn module(column: u32, emulator: &Emulator) -> Reading {
    let text = |text: String| Reading::Octets(text.into_bytes());
    match column {
        1 => Reading::Integer(1),
        2 => Reading::Name([&DEVICES[..], &[1]].concat()),
        3 => text("Clearway".into()),
        4 => text("emulated controller".into()),
        5 => text(format!("{} cfg={:08x}", env!("CARGO_PKG_VERSION"), emulator.configuration_hash())),
        _ => Reading::Integer(3),
    }
}

/// Times are rounded up to the object's resolution, as a device configured with the model would hold them.
fn phase_value(column: u32, phase: u8, emulator: &Emulator) -> i64 {
    let Some((id, _, group)) = emulator.groups().find(|(_, number, _)| *number == phase) else {
        return if column == 1 { phase.into() } else { 0 };
    };
    let walks = group.kind == GroupKind::Pedestrian;
    let ring = emulator.ring_phases().find(|ring| ring.group == id);
    match column {
        5 => ring.map_or(0, |ring| tenths(ring.passage)),
        6 => ring.map_or(0, |ring| seconds(ring.max_green)),
        22 => ring.map_or(0, |ring| ring.ring.into()),
        1 => phase.into(),
        2 if walks => seconds(group.min_green),
        3 if walks => seconds(group.clearance),
        4 if !walks => seconds(group.min_green),
        8 if !walks => tenths(group.yellow),
        9 if !walks => tenths(red_clearance(id, group, emulator)),
        _ => 0,
    }
}

/// The numbers of the phases of other rings that may be green with this one.
fn concurrent(phase: u8, emulator: &Emulator) -> Vec<u8> {
    let id = emulator.groups().find(|(_, number, _)| *number == phase).map(|(id, _, _)| id);
    let Some(own) = id.and_then(|id| emulator.ring_phases().find(|ring| ring.group == id)) else {
        return Vec::new();
    };
    let with = |id: &GroupId| {
        let mut rings = emulator.ring_phases();
        rings.any(|other| other.group == *id && other.ring != own.ring && other.barrier == own.barrier)
    };
    emulator.groups().filter(|(id, _, _)| with(id)).map(|(_, number, _)| number).collect()
}

/// What every conflicting group waits at least after the yellow.
fn red_clearance(group: GroupId, data: &SignalGroup, emulator: &Emulator) -> Millis {
    let waits = emulator.conflicts(group).iter().filter_map(|other| emulator.intergreen(group, other));
    waits.min().map_or(Millis::ZERO, |least| least.since(data.ending()))
}

fn phase_status(column: u32, eight: u8, emulator: &Emulator) -> i64 {
    let status = emulator.status();
    let walking: GroupSet = emulator
        .groups()
        .filter(|(_, _, group)| group.kind == GroupKind::Pedestrian)
        .map(|(id, _, _)| id)
        .collect();
    let shown = match column {
        1 => return eight.into(),
        2 => status.reds.difference(walking),
        3 => status.yellows,
        4 => status.greens.difference(walking),
        5 => status.reds.intersection(walking),
        6 => status.clearing,
        7 => status.greens.intersection(walking),
        8 => emulator.called_groups(),
        10 => status.greens.union(status.yellows).union(status.clearing),
        11 => starting(emulator),
        _ => GroupSet::EMPTY,
    };
    let numbers = emulator.groups().filter(|(id, _, _)| shown.contains(*id)).map(|(_, number, _)| number);
    bits_of(eight, numbers)
}

fn channel_status(column: u32, eight: u8, emulator: &Emulator) -> i64 {
    let status = emulator.status();
    let shown = match column {
        1 => return eight.into(),
        2 => status.reds,
        // A pedestrian channel has no yellow: its clearance flashes red.
        3 => status.yellows,
        _ => status.greens,
    };
    let numbers = emulator.groups().filter(|(id, _, _)| shown.contains(*id)).map(|(_, number, _)| number);
    bits_of(eight, numbers)
}

/// PhaseNexts: what turns green next for certain.
fn starting(emulator: &Emulator) -> GroupSet {
    let red_yellow = |id: &GroupId| emulator.aspects().get(id.index()) == Some(&Aspect::RedYellow);
    emulator.groups().map(|(id, _, _)| id).filter(red_yellow).collect()
}

fn unit(number: u32, emulator: &Emulator) -> i64 {
    let mode = emulator.mode();
    match number {
        3 => seconds(emulator.backup_time()),
        5 => match mode {
            Mode::Normal => 2,
            Mode::Backup => 4,
            Mode::Manual => 5,
            _ => 1,
        },
        6 => match mode {
            Mode::Normal | Mode::Backup | Mode::Manual => 2,
            Mode::Flash => 4,
            Mode::Fault => 5,
            Mode::Startup => 7,
            Mode::Dark | Mode::Unknown => 1,
        },
        // unitControl (10): remote commands are not disabled; unitUserDefinedBackupTime (19): not used.
        _ => 0,
    }
}

fn coord(number: u32, emulator: &Emulator) -> i64 {
    let status = emulator.status();
    let runs = matches!(status.mode, Mode::Normal | Mode::Backup);
    match number {
        10 if runs && emulator.is_free() => 254,
        10 if runs => 1,
        10 => 255,
        11 if runs && emulator.is_free() => 3,
        11 if runs => 2,
        11 => 1,
        12 => (emulator.cycle() - status.cycle_position).0 / 1000,
        _ => status.cycle_position.0 / 1000,
    }
}

fn preempt(column: u32, number: u8, emulator: &Emulator) -> Reading {
    use Reading::{Integer, Octets};
    let row = preempt_row(number, emulator);
    let data = row.and_then(|row| emulator.rows().get(row.index()));
    let of = |value: &dyn Fn(&RequestRow) -> i64| Integer(data.map_or(0, value));
    match column {
        1 => Integer(number.into()),
        // Non-locking memory, and enabled where the row is bound.
        2 => Integer(if data.is_some() { 0b1_0001 } else { 0b0_0001 }),
        4 => of(&|row| seconds(row.delay)),
        5 => of(&|row| seconds(row.min_duration)),
        // Minimum green, walk, clearance, yellow of the entry: the longest value, so that the phase's
        // own, which is the lesser, holds.
        6..=8 | 22 | 23 => Integer(255),
        10 => of(&|row| seconds(row.min_dwell)),
        11 => of(&|row| seconds(row.max_presence)),
        13 => Octets(dwell_numbers(data, emulator, false)),
        14 => Octets(dwell_numbers(data, emulator, true)),
        12 | 15 | 17..=21 => Octets(Vec::new()),
        16 => Integer(row.map_or(2, |row| emulator.preempt_state(row).code().into())),
        26 => Integer(number.into()),
        // The exit leads back to coordination.
        28 => Integer(4),
        // Link, track green and its clearances: none.
        _ => Integer(0),
    }
}

fn dwell_numbers(row: Option<&RequestRow>, emulator: &Emulator, pedestrian: bool) -> Vec<u8> {
    let dwell = row.map_or(GroupSet::EMPTY, |row| row.dwell);
    emulator
        .groups()
        .filter(|(id, _, group)| dwell.contains(*id) && (group.kind == GroupKind::Pedestrian) == pedestrian)
        .map(|(_, number, _)| number)
        .collect()
}

fn detector(number: u8, emulator: &Emulator, value: impl Fn(&crate::emulator::Detector) -> u8) -> i64 {
    emulator.detectors().iter().find(|d| d.number == number).map_or(0, |d| value(d).into())
}

/// Bits of a status group of eight: bit 0 is number 8(G−1)+1.
fn bits_of(eight: u8, numbers: impl Iterator<Item = u8>) -> i64 {
    let first = (i64::from(eight) - 1) * 8 + 1;
    numbers
        .map(|n| i64::from(n) - first)
        .filter(|bit| (0..8).contains(bit))
        .fold(0, |bits, bit| bits | 1 << bit)
}

fn max_phases(emulator: &Emulator) -> u8 {
    emulator.groups().map(|(_, number, _)| number).max().unwrap_or(0)
}

fn max_detectors(emulator: &Emulator) -> u8 {
    emulator.detectors().iter().map(|detector| detector.number).max().unwrap_or(0)
}

fn max_preempts(emulator: &Emulator) -> u8 {
    let preempts = emulator.rows().iter().filter(|row| row.channel == Channel::Preempt);
    preempts.map(|row| row.number).max().unwrap_or(0)
}

fn eights(count: u8) -> u8 {
    count.div_ceil(8)
}

fn seconds(time: Millis) -> i64 {
    (time.0 + 999) / 1000
}

fn tenths(time: Millis) -> i64 {
    (time.0 + 99) / 100
}
