//! From the keeper's asks to reads and writes of objects, and back. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use clearway_contract::{Answer, Ask, Entry, GateReading, Intervals, RowReading, Site, StatusReading, Write};
use clearway_signals::{Channel, ControllerStatus, Millis, PreemptState, RequestRow, RowId, RowSet};

use crate::codec::{bit, configuration_hash, eight_of, groups, listed, mode};
use crate::frame::{self, Name, Object, Value};
use crate::profile::{Profile, Version};

/// One message to the device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Read these instances.
    Get(Vec<Name>),
    /// Write these, all in one message.
    Set(Vec<(Name, i32)>),
}

/// Values that were read.
pub type Values = BTreeMap<Name, Value>;

/// The exchange with one controller over one connection.
#[derive(Clone, Debug)]
pub struct Exchange {
    site: Site,
    profile: Profile,
    /// Instances that the device does not have; it is not asked for them again.
    absent: BTreeSet<Name>,
    volume_sequence: Option<i64>,
}

impl Exchange {
    /// For a site and the quirks of its controller.
    #[must_use]
    pub fn new(site: Site, profile: Profile) -> Self {
        Self { site, profile, absent: BTreeSet::new(), volume_sequence: None }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The device has no such instance.
    pub fn mark_absent(&mut self, name: Name) {
        self.absent.insert(name);
    }

    /// Whether the device was found to have no such instance.
    #[must_use]
    pub fn is_absent(&self, name: &Name) -> bool {
        self.absent.contains(name)
    }

    /// The messages for an ask, in order; none for one that the protocol cannot carry. A fresh
    /// connection forgets what the device was found not to have.
    pub fn requests(&mut self, ask: &Ask) -> Vec<Request> {
        match ask {
            Ask::Connect => {
                self.absent.clear();
                self.volume_sequence = None;
                Vec::new()
            }
            Ask::Gate => self.reads(self.gate_names()),
            Ask::Status => self.reads(self.status_names()),
            Ask::Counts => self.reads(self.counts_names()),
            Ask::Write(write) => {
                let bindings = self.bindings(write);
                if bindings.is_empty() { Vec::new() } else { vec![Request::Set(bindings)] }
            }
        }
    }

    /// The answer to an ask that reads, from the values that came.
    pub fn answer(&mut self, ask: &Ask, values: &Values) -> Answer {
        let names = match ask {
            Ask::Gate => self.gate_names(),
            Ask::Status => self.status_names(),
            Ask::Counts => self.counts_names(),
            Ask::Connect | Ask::Write(_) => Vec::new(),
        };
        if let Some(missing) =
            names.iter().find(|name| !values.contains_key(*name) && !self.absent.contains(*name))
        {
            return Answer::Failed(format!("the answer lacks {missing}"));
        }
        match ask {
            Ask::Gate => Answer::Gate(Box::new(self.gate(values))),
            Ask::Status => Answer::Status(self.status(values)),
            Ask::Counts => self.counts(values),
            Ask::Connect | Ask::Write(_) => Answer::Connected,
        }
    }

    fn reads(&self, names: Vec<Name>) -> Vec<Request> {
        let present: Vec<Name> = names.into_iter().filter(|name| !self.absent.contains(name)).collect();
        present.chunks(self.profile.names_max.max(1)).map(|chunk| Request::Get(chunk.to_vec())).collect()
    }

    fn bindings(&self, write: &Write) -> Vec<(Name, i32)> {
        let call = write.call().map(|call| (call.row, 1));
        let clear = write.clear().iter().map(|row| (row, 0));
        let number = |row: RowId| {
            let row = self.site.rows.get(row.index())?;
            (row.channel == Channel::Preempt).then_some(row.number)
        };
        clear
            .chain(call)
            .filter_map(|(row, value)| Some((frame::PREEMPT_CALL.of(number(row)?), value)))
            .collect()
    }

    /// The rows of the site on the preempt channel.
    fn preempts(&self) -> impl Iterator<Item = (RowId, &RequestRow)> {
        let rows = (0..=u8::MAX).map(RowId).zip(&self.site.rows);
        rows.filter(|(_, row)| row.channel == Channel::Preempt)
    }

    fn is_own(&self, row: RowId) -> bool {
        self.site.own_rows().contains(row)
    }
}

/// The names that are read.
impl Exchange {
    fn status_names(&self) -> Vec<Name> {
        let mut names: Vec<Name> = [frame::CONTROL_STATUS, frame::FLASH_STATUS, frame::UPTIME]
            .iter()
            .map(|object| self.profile.scalar(object))
            .collect();
        for eight in self.eights(&self.site.group_numbers) {
            names.extend(
                [frame::GREENS, frame::YELLOWS, frame::WALKS, frame::PED_CLEARS]
                    .map(|object| object.of(eight)),
            );
        }
        for (id, row) in self.preempts() {
            names.push(frame::PREEMPT_STATE.of(row.number));
            if self.is_own(id) {
                names.push(frame::PREEMPT_CALL.of(row.number));
            }
        }
        names
    }

    fn counts_names(&self) -> Vec<Name> {
        if self.site.detectors.is_empty() {
            return Vec::new();
        }
        let mut names = vec![self.profile.scalar(&frame::VOLUME_SEQUENCE)];
        names.extend(self.eights(&self.site.detectors).map(|eight| frame::DETECTORS_ACTIVE.of(eight)));
        names.extend(self.site.detectors.iter().map(|number| frame::VOLUME.of(*number)));
        names
    }

    fn gate_names(&self) -> Vec<Name> {
        let module = [frame::MODULE_MAKE, frame::MODULE_MODEL, frame::MODULE_VERSION];
        let mut names: Vec<Name> = module.iter().map(|object| object.of(self.profile.module_row)).collect();
        let mut unit = vec![frame::BACKUP_TIME, frame::CONTROL_STATUS, frame::FLASH_STATUS];
        if self.profile.version == Version::V03 {
            unit.extend([frame::UNIT_CONTROL, frame::USER_BACKUP_TIME]);
        }
        names.extend(unit.iter().map(|object| self.profile.scalar(object)));
        for number in &self.site.group_numbers {
            names.extend(PHASE_COLUMNS.map(|column| column.of(*number)));
        }
        for (id, row) in self.preempts() {
            names.push(frame::PREEMPT_CONTROL.of(row.number));
            if self.is_own(id) {
                names.extend(ROW_COLUMNS.map(|column| column.of(row.number)));
            }
        }
        names
    }

    fn eights(&self, numbers: &[u8]) -> impl Iterator<Item = u8> {
        let eights: BTreeSet<u8> = numbers.iter().filter(|n| **n > 0).map(|n| eight_of(*n)).collect();
        let last = self.profile.status_groups_max;
        eights.into_iter().filter(move |eight| *eight <= last)
    }
}

const PHASE_COLUMNS: [Object; 5] = [
    frame::PHASE_WALK,
    frame::PHASE_PED_CLEAR,
    frame::PHASE_MIN_GREEN,
    frame::PHASE_YELLOW,
    frame::PHASE_RED,
];

const ROW_COLUMNS: [Object; 15] = [
    frame::PREEMPT_LINK,
    frame::PREEMPT_DELAY,
    frame::PREEMPT_MIN_DURATION,
    frame::PREEMPT_MIN_GREEN,
    frame::PREEMPT_MIN_WALK,
    frame::PREEMPT_PED_CLEAR,
    frame::PREEMPT_DWELL_GREEN,
    frame::PREEMPT_MAX_PRESENCE,
    frame::PREEMPT_TRACK_PHASE,
    frame::PREEMPT_DWELL_PHASE,
    frame::PREEMPT_DWELL_PED,
    frame::PREEMPT_DWELL_OVERLAP,
    frame::PREEMPT_YELLOW,
    frame::PREEMPT_RED,
    frame::PREEMPT_CALL,
];

/// The answers.
impl Exchange {
    fn status(&self, values: &Values) -> StatusReading {
        let number = |name: &Name| integer(values, name).unwrap_or(0);
        let lit = |object: Object| groups(&self.site.group_numbers, |eight| number(&object.of(eight)));
        let mut calls = RowSet::EMPTY;
        let mut outlived = RowSet::EMPTY;
        let mut active: Option<(u8, RowId, PreemptState)> = None;
        let mut called: Option<(u8, PreemptState)> = None;
        for (id, row) in self.preempts() {
            let state =
                PreemptState::from_code(integer(values, &frame::PREEMPT_STATE.of(row.number)).unwrap_or(2));
            if self.is_own(id) && number(&frame::PREEMPT_CALL.of(row.number)) == 1 {
                calls = calls.with(id);
            }
            match state {
                PreemptState::NotActive | PreemptState::Other => {}
                PreemptState::NotActiveWithCall
                | PreemptState::MaxPresence
                | PreemptState::AdvancedPreempt => {
                    if state == PreemptState::MaxPresence {
                        outlived = outlived.with(id);
                    }
                    if called.is_none_or(|(best, _)| row.number < best) {
                        called = Some((row.number, state));
                    }
                }
                _ if active.is_none_or(|(best, _, _)| row.number < best) => {
                    active = Some((row.number, id, state))
                }
                _ => {}
            }
        }
        let preempt = active.map(|(_, _, state)| state).or(called.map(|(_, state)| state));
        let status = ControllerStatus {
            mode: self.mode(values),
            greens: lit(frame::GREENS).union(lit(frame::WALKS)),
            yellows: lit(frame::YELLOWS),
            clearing: lit(frame::PED_CLEARS),
            active: active.map(|(_, id, _)| id),
            preempt: preempt.unwrap_or_default(),
            ..ControllerStatus::default()
        };
        let uptime = integer(values, &self.profile.scalar(&frame::UPTIME));
        StatusReading {
            status,
            calls,
            outlived,
            current: true,
            uptime: uptime.map(|ticks| Millis(ticks.saturating_mul(10))),
        }
    }

    fn mode(&self, values: &Values) -> clearway_signals::Mode {
        let unit = |object: Object| integer(values, &self.profile.scalar(&object)).unwrap_or(0);
        mode(unit(frame::CONTROL_STATUS), unit(frame::FLASH_STATUS))
    }

    fn counts(&mut self, values: &Values) -> Answer {
        let sequence = integer(values, &self.profile.scalar(&frame::VOLUME_SEQUENCE));
        // A volume is that of a whole period: it counts once, when the period is new.
        let fresh = sequence.is_some() && self.volume_sequence.is_some() && sequence != self.volume_sequence;
        self.volume_sequence = sequence;
        let volume = |number: &u8| {
            let volume = integer(values, &frame::VOLUME.of(*number)).filter(|_| fresh).unwrap_or(0);
            u16::try_from(volume).unwrap_or(0)
        };
        let active = |number: u8| integer(values, &frame::DETECTORS_ACTIVE.of(eight_of(number))).unwrap_or(0);
        let occupied = |number: &u8| bit(active(*number), *number);
        let detectors = &self.site.detectors;
        Answer::Counts(detectors.iter().map(volume).collect(), detectors.iter().map(occupied).collect())
    }

    fn gate(&self, values: &Values) -> GateReading {
        let unit = |object: Object| integer(values, &self.profile.scalar(&object));
        let text = |object: Object| octets(values, &object.of(self.profile.module_row)).unwrap_or_default();
        let user_timer = unit(frame::USER_BACKUP_TIME).filter(|seconds| *seconds != 0);
        let timer = user_timer.or_else(|| unit(frame::BACKUP_TIME));
        let device = [text(frame::MODULE_MAKE), text(frame::MODULE_MODEL), text(frame::MODULE_VERSION)];
        GateReading {
            device: device.map(|part| String::from_utf8_lossy(part).into_owned()).join(" "),
            protocol_fits: unit(frame::CONTROL_STATUS).is_some() && unit(frame::FLASH_STATUS).is_some(),
            configuration_hash: configuration_hash(text(frame::MODULE_VERSION)),
            mode: self.mode(values),
            remote_enabled: unit(frame::UNIT_CONTROL).unwrap_or(0) & 0b10 == 0,
            dead_man: timer.map(Millis::from_s),
            dead_man_watches_calls: user_timer.is_none() || self.profile.user_backup_watches_calls,
            phases: self.phases(values),
            rows: self.row_readings(values),
            clock_offset: None,
        }
    }

    /// The longest intervals of the phases of our groups; `None` when the device does not say.
    fn phases(&self, values: &Values) -> Option<Intervals> {
        self.site.group_numbers.iter().try_fold(Intervals::default(), |longest, number| {
            let of = |object: Object| integer(values, &object.of(*number));
            Some(longest.longest(Intervals {
                min_green: Millis::from_s(of(frame::PHASE_MIN_GREEN)?),
                walk: Millis::from_s(of(frame::PHASE_WALK)?),
                clearance: Millis::from_s(of(frame::PHASE_PED_CLEAR)?),
                yellow: tenths(of(frame::PHASE_YELLOW)?),
                red: tenths(of(frame::PHASE_RED)?),
            }))
        })
    }

    fn row_readings(&self, values: &Values) -> Vec<RowReading> {
        let rows = (0..=u8::MAX).map(RowId).zip(&self.site.rows);
        rows.map(|(id, row)| {
            if row.channel != Channel::Preempt {
                return RowReading::ABSENT;
            }
            let Some(control) = integer(values, &frame::PREEMPT_CONTROL.of(row.number)) else {
                return RowReading::ABSENT;
            };
            let shallow = RowReading { overrides: control & 0b100 == 0, ..RowReading::ABSENT };
            if self.is_own(id) {
                self.own_row(values, row.number, control).unwrap_or(shallow)
            } else {
                shallow
            }
        })
        .collect()
    }

    /// An own row; `None` when a column that must be there is not.
    fn own_row(&self, values: &Values, number: u8, control: i64) -> Option<RowReading> {
        let of = |object: Object| integer(values, &object.of(number));
        let seconds = |object: Object| of(object).map(Millis::from_s);
        let list = |object: Object| octets(values, &object.of(number));
        let (dwell, dwell_unknown) = listed(&self.site.group_numbers, list(frame::PREEMPT_DWELL_PHASE)?);
        let (walks, walks_unknown) =
            listed(&self.site.group_numbers, list(frame::PREEMPT_DWELL_PED).unwrap_or_default());
        let count = |object: Object| {
            let others = list(object).unwrap_or_default().iter().filter(|octet| **octet != 0).count();
            u8::try_from(others).unwrap_or(u8::MAX)
        };
        let others = count(frame::PREEMPT_TRACK_PHASE).saturating_add(count(frame::PREEMPT_DWELL_OVERLAP));
        Some(RowReading {
            present: true,
            kind: None,
            non_locking: control & 0b1 != 0,
            enabled: self.profile.version < Version::V03 || control & 0b1_0000 != 0,
            remote: of(frame::PREEMPT_CALL).is_some(),
            flash_dwell: control & 0b1000 != 0,
            overrides: control & 0b100 == 0,
            link: u8::try_from(of(frame::PREEMPT_LINK)?).unwrap_or(u8::MAX),
            delay: seconds(frame::PREEMPT_DELAY)?,
            min_duration: seconds(frame::PREEMPT_MIN_DURATION)?,
            min_dwell: seconds(frame::PREEMPT_DWELL_GREEN)?,
            max_presence: seconds(frame::PREEMPT_MAX_PRESENCE)?,
            dwell: dwell.union(walks),
            unknown_outputs: dwell_unknown.saturating_add(walks_unknown).saturating_add(others),
            entry: self.entry(values, number),
        })
    }

    fn entry(&self, values: &Values, number: u8) -> Entry {
        let of = |object: Object| integer(values, &object.of(number));
        let times = || {
            Some(Intervals {
                min_green: Millis::from_s(of(frame::PREEMPT_MIN_GREEN)?),
                walk: Millis::from_s(of(frame::PREEMPT_MIN_WALK)?),
                clearance: Millis::from_s(of(frame::PREEMPT_PED_CLEAR)?),
                yellow: tenths(of(frame::PREEMPT_YELLOW)?),
                red: tenths(of(frame::PREEMPT_RED)?),
            })
        };
        match times() {
            Some(times) => Entry::Times(times),
            None if self.profile.entry_keeps_intervals => Entry::Keeps(true),
            None => Entry::Unknown,
        }
    }
}

fn integer(values: &Values, name: &Name) -> Option<i64> {
    match values.get(name)? {
        Value::Integer(value) => Some(*value),
        _ => None,
    }
}

fn octets<'a>(values: &'a Values, name: &Name) -> Option<&'a [u8]> {
    match values.get(name)? {
        Value::Octets(octets) => Some(octets),
        _ => None,
    }
}

fn tenths(value: i64) -> Millis {
    Millis(value.saturating_mul(100))
}

#[cfg(test)]
mod tests;
