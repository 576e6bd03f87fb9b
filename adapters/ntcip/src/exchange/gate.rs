//! What the arming gate judges, from values. What the device does not say counts against it, by name.

mod reader;

use clearway_contract::{Entry, GateReading, GateRow, Intervals, RowReading};
use clearway_signals::{Channel, GroupSet, Millis, RequestRow, RowId, RowKind};

use super::layout::{PHASE_COLUMNS, ROW_COLUMNS, phases};
use super::{Exchange, preempts};
use crate::codec::{configuration_hash, listed, mode};
use crate::commissioning::{Checksum, Commissioned, Digest};
use crate::facts::{ExitType, Facts};
use crate::frame::{self, Name, Object, Value};
use crate::profile::Version;
use crate::values::Values;
use reader::Reader;

impl Exchange {
    pub(super) fn gate(&mut self, values: &Values) -> GateReading {
        let mut reader = Reader::new(&self.profile, values);
        let identity = self.identity(&mut reader);
        let hash = self.known_configuration(&mut reader, &identity).filter(|_| self.is_one(&mut reader));
        let control = reader.scalar(GateRow::Mode, &frame::CONTROL_STATUS);
        let flash = reader.scalar(GateRow::Mode, &frame::FLASH_STATUS);
        let remote_enabled = self.remote_enabled(&mut reader);
        let (dead_man, watches_calls, watch_rows) = self.dead_man(&mut reader);
        let phases = self.phases(&mut reader);
        let rows = self.row_readings(&mut reader);
        let clock_offset = self.clock_offset(&mut reader);
        let found = reader.found;
        let Commissioned { make, model, version, .. } = &identity;
        let reading = GateReading {
            device: format!("{make} {model} {version}"),
            protocol_fits: control.is_some() && flash.is_some(),
            configuration_hash: hash,
            mode: mode(control.unwrap_or(0), flash.unwrap_or(0)),
            remote_enabled,
            dead_man,
            dead_man_watches_calls: watches_calls,
            phases,
            rows,
            clock_offset,
            found,
        };
        self.watch_rows = watch_rows;
        self.note(identity, values);
        reading
    }

    fn note(&mut self, identity: Commissioned, values: &Values) {
        let own = preempts(&self.site).filter(|(id, _)| self.site.own_rows().contains(*id));
        let exit = |number: u8| {
            let columns = [frame::PREEMPT_EXIT_TYPE_28, frame::PREEMPT_EXIT_TYPE_27];
            let said = columns.iter().find_map(|column| values.integer(&column.of(number)));
            Some((number, ExitType::from_code(said?)?))
        };
        let max_preempts = values.integer(&self.profile.scalar(&frame::MAX_PREEMPTS));
        self.facts = Facts {
            identity,
            max_preempts: max_preempts.and_then(|count| u8::try_from(count).ok()),
            exits: own.filter_map(|(_, row)| exit(row.number)).collect(),
            coordination: self.facts.coordination,
            clock_epoch_s: self.facts.clock_epoch_s,
        };
    }
}

/// Identity.
impl Exchange {
    /// What the device says that it is.
    fn identity(&self, reader: &mut Reader<'_>) -> Commissioned {
        let mut text = |object: &Object| {
            let octets = reader.octets(GateRow::Identity, object, self.profile.module_row);
            String::from_utf8_lossy(octets.unwrap_or_default()).into_owned()
        };
        Commissioned {
            make: text(&frame::MODULE_MAKE),
            model: text(&frame::MODULE_MODEL),
            version: text(&frame::MODULE_VERSION),
            checksum: self.checksum(reader.values),
        }
    }

    /// Whether the device said the same of itself at the end of the reading as at its beginning.
    fn is_one(&self, reader: &mut Reader<'_>) -> bool {
        let says_one = |name: Name| {
            let mut said = reader.values.all(&name);
            let first = said.next();
            let is_gone = first.is_some() && self.absent.contains(&name);
            !is_gone && said.all(|again| Some(again) == first)
        };
        let is_one = self.layout.identity().all(says_one);
        if !is_one {
            reader.find(GateRow::Identity, "became another while it was read; it is read again".to_owned());
        }
        is_one
    }

    /// The model's hash where the device is the one that was commissioned; else the hash that it names.
    fn known_configuration(&self, reader: &mut Reader<'_>, now: &Commissioned) -> Option<u32> {
        if let Some(was) = &self.commissioned {
            let changes = was.changes(now);
            let same = changes.is_empty();
            changes.into_iter().for_each(|change| reader.find(GateRow::Identity, change));
            return same.then(|| self.site.junction().configuration_hash());
        }
        let named = configuration_hash(now.version.as_bytes());
        if named.is_none() {
            let reason =
                format!("not commissioned; once the site is proved, write {now} for this controller");
            reader.find(GateRow::Identity, reason);
        }
        named
    }

    /// Over everything configured that the gate judges, as the device has it.
    fn checksum(&self, values: &Values) -> Checksum {
        let digest = |digest: &mut Digest, object: &Object, number: u8| {
            let name = match number {
                0 => self.profile.scalar(object),
                number => object.of(number),
            };
            digest.add(object.name.as_bytes());
            digest.add(&[number]);
            match values.get(&name) {
                Some(Value::Integer(value)) => digest.add(&value.to_be_bytes()),
                Some(Value::Octets(octets)) => digest.add(octets),
                Some(Value::Name(_) | Value::Other) => digest.add(b"other"),
                None => digest.add(b"absent"),
            }
        };
        let (mut unit, mut times, mut rows) = (Digest::new(), Digest::new(), Digest::new());
        for object in [frame::BACKUP_TIME, frame::USER_BACKUP_TIME, frame::MAX_PREEMPTS] {
            digest(&mut unit, &object, 0);
        }
        for number in phases(&self.profile, &self.outputs) {
            PHASE_COLUMNS.iter().for_each(|column| digest(&mut times, column, number));
        }
        let exits = [frame::PREEMPT_EXIT_TYPE_27, frame::PREEMPT_EXIT_TYPE_28];
        for (id, row) in preempts(&self.site) {
            digest(&mut rows, &frame::PREEMPT_CONTROL, row.number);
            if self.site.own_rows().contains(id) {
                ROW_COLUMNS.iter().chain(&exits).for_each(|column| digest(&mut rows, column, row.number));
            }
        }
        Checksum::new(self.site.junction().configuration_hash(), unit, times, rows)
    }
}

/// The unit.
impl Exchange {
    fn remote_enabled(&self, reader: &mut Reader<'_>) -> bool {
        if self.profile.version < Version::V03 {
            return true;
        }
        let control = reader.scalar(GateRow::Mode, &frame::UNIT_CONTROL);
        control.is_none_or(|control| control & 0b10 == 0)
    }

    /// The timer in force, whether it watches our calls, and how many rows of its list to read.
    fn dead_man(&self, reader: &mut Reader<'_>) -> (Option<Millis>, bool, u8) {
        let unit = reader.scalar(GateRow::DeadMan, &frame::BACKUP_TIME).map(Millis::from_s);
        if self.profile.version < Version::V03 {
            return (unit, true, 0);
        }
        match reader.scalar(GateRow::DeadMan, &frame::USER_BACKUP_TIME) {
            Some(0) => (unit, true, 0),
            None => (None, true, 0),
            Some(user_s) => {
                let (watches, rows) = self.watches_calls(reader);
                (Some(Millis::from_s(user_s)), watches, rows)
            }
        }
    }

    /// Whether the list of the user-defined timer holds the calls of all own rows. How long it is is
    /// known one reading before it can be read.
    fn watches_calls(&self, reader: &mut Reader<'_>) -> (bool, u8) {
        let served = reader.values.integer(&self.profile.scalar(&frame::WATCHED_MAX));
        let Some(rows) = served.and_then(|rows| u8::try_from(rows).ok()) else {
            if !self.profile.user_backup_watches_calls {
                reader.miss(GateRow::DeadMan, &frame::WATCHED_MAX, None);
            }
            return (self.profile.user_backup_watches_calls, 0);
        };
        if rows > self.watch_rows {
            let reason = "the list of the user-defined backup time is being read".to_owned();
            reader.find(GateRow::DeadMan, reason);
            return (true, rows);
        }
        let listed = |number: u8| {
            let (column, call) = (frame::PREEMPT_CALL.at(&[]), frame::PREEMPT_CALL.of(number));
            let mut list = (1..=rows).filter_map(|row| reader.values.name(&frame::WATCHED.of(row)));
            list.any(|watched| *watched == column || *watched == call)
        };
        let mut own = preempts(&self.site).filter(|(id, _)| self.site.own_rows().contains(*id));
        (own.all(|(_, row)| listed(row.number)), rows)
    }

    /// How far the device's clock is off at least, where times are sent that count from it: it says
    /// whole seconds only.
    fn clock_offset(&self, reader: &mut Reader<'_>) -> Option<Millis> {
        if !self.profile.priority.absolute || !self.priorities.are_bound() {
            return None;
        }
        let first = Millis::from_s(reader.scalar(GateRow::Clock, &frame::GLOBAL_TIME)?);
        // A clock that nothing is known to hold it against is as far off as one can be.
        let Some(ours) = self.epoch_ms else { return Some(Millis::NEVER) };
        let nearest = Millis(ours).max(first).min(first + Millis(999));
        Some(nearest - Millis(ours))
    }

    /// The longest intervals of the phases that entry could cut; `None` when the device does not say.
    fn phases(&self, reader: &mut Reader<'_>) -> Option<Intervals> {
        let own = self.site.own_rows();
        if !preempts(&self.site).any(|(id, _)| own.contains(id)) {
            return None;
        }
        let numbers = phases(&self.profile, &self.outputs);
        if numbers.is_empty() {
            let reason = "no group is shown at a phase: the profile must name the phases behind overlaps and \
                          channels (phases)";
            reader.find(GateRow::EntryIntervals, reason.into());
            return None;
        }
        let of_one = |number: u8| {
            let mut of = |object: &Object| reader.integer(GateRow::EntryIntervals, object, number);
            let (walk, clearance) = (of(&frame::PHASE_WALK), of(&frame::PHASE_PED_CLEAR));
            let (green, yellow) = (of(&frame::PHASE_MIN_GREEN), of(&frame::PHASE_YELLOW));
            let red = of(&frame::PHASE_RED);
            Some(Intervals {
                walk: Millis::from_s(walk?),
                clearance: Millis::from_s(clearance?),
                min_green: Millis::from_s(green?),
                yellow: tenths(yellow?),
                red: tenths(red?),
            })
        };
        let all: Vec<Option<Intervals>> = numbers.into_iter().map(of_one).collect();
        all.into_iter().try_fold(Intervals::default(), |longest, own| Some(longest.longest(own?)))
    }
}

/// The rows.
impl Exchange {
    fn row_readings(&self, reader: &mut Reader<'_>) -> Vec<RowReading> {
        let rows = (0..=u8::MAX).map(RowId).zip(&self.site.rows);
        rows.map(|(id, row)| match row.channel {
            Channel::Preempt => self.preempt_row(reader, id, row),
            Channel::Priority => self.priority_row(reader, id, row),
        })
        .collect()
    }

    fn preempt_row(&self, reader: &mut Reader<'_>, id: RowId, row: &RequestRow) -> RowReading {
        let own = self.site.own_rows().contains(id);
        let table_row = match row.kind {
            _ if own => GateRow::OwnRows,
            RowKind::Rail => GateRow::Precedence,
            // Rows of others that do not outrank ours are nothing to us.
            RowKind::Emergency | RowKind::Transit => return RowReading::ABSENT,
        };
        // What is served shows in the state alone.
        reader.integer(table_row, &frame::PREEMPT_STATE, row.number);
        let control = reader.integer(table_row, &frame::PREEMPT_CONTROL, row.number);
        let Some(control) = control else { return RowReading::ABSENT };
        let shallow = RowReading { overrides: control & 0b100 == 0, ..RowReading::ABSENT };
        if own { self.own_row(reader, row.number, control).unwrap_or(shallow) } else { shallow }
    }

    /// A strategy of NTCIP 1211. The device names none of its limits in the standard: the site's
    /// binding states them, and the coordinator keeps every interval, because priority never leaves
    /// the plan. What is read is that there is a priority server at all.
    fn priority_row(&self, reader: &mut Reader<'_>, id: RowId, row: &RequestRow) -> RowReading {
        if !self.site.own_rows().contains(id) {
            return RowReading::ABSENT;
        }
        if reader.values.get(&self.profile.scalar(&frame::PRIORITY_STATUS_BUFFER)).is_none() {
            reader.miss(GateRow::OwnRows, &frame::PRIORITY_STATUS_BUFFER, None);
            return RowReading::ABSENT;
        }
        let whole_s = |time: Millis| Millis::from_s((time + Millis(999)).0 / 1000);
        RowReading {
            present: true,
            kind: Some(row.kind),
            non_locking: true,
            enabled: true,
            remote: true,
            overrides: true,
            delay: whole_s(row.delay),
            min_duration: row.min_duration,
            min_dwell: row.min_dwell,
            max_presence: row.max_presence,
            dwell: row.dwell,
            entry: Entry::Keeps(true),
            ..RowReading::ABSENT
        }
    }

    /// An own row; `None` when a column is not there. Every one that is missing is named.
    fn own_row(&self, reader: &mut Reader<'_>, number: u8, control: i64) -> Option<RowReading> {
        let rows = reader.scalar(GateRow::OwnRows, &frame::MAX_PREEMPTS);
        if rows.is_some_and(|rows| rows < number.into()) {
            reader.find(GateRow::OwnRows, format!("row {number} is beyond maxPreempts"));
        }
        let mut of = |object: &Object| reader.integer(GateRow::OwnRows, object, number);
        let (link, call) = (of(&frame::PREEMPT_LINK), of(&frame::PREEMPT_CALL));
        let mut seconds = |object: &Object| of(object).map(Millis::from_s);
        let (delay, min_duration) = (seconds(&frame::PREEMPT_DELAY), seconds(&frame::PREEMPT_MIN_DURATION));
        let (min_dwell, max_presence) =
            (seconds(&frame::PREEMPT_DWELL_GREEN), seconds(&frame::PREEMPT_MAX_PRESENCE));
        let entry = entry(reader, number);
        let outputs = self.dwell(reader, number);
        let (dwell, unknown_outputs) = outputs?;
        let writable = !self.profile.read_only_rows.contains(&number);
        let (flash, enable) = match self.profile.version {
            // Bit 5: all red flash when the maximum presence is over.
            Version::V03 => (0b10_1000, 0b1_0000),
            Version::V01 | Version::V02 => (0b1000, 0),
        };
        Some(RowReading {
            present: true,
            kind: None,
            non_locking: control & 0b1 != 0,
            enabled: control & enable == enable,
            remote: writable && call.is_some(),
            flash_dwell: control & flash != 0,
            overrides: control & 0b100 == 0,
            link: u8::try_from(link?).unwrap_or(u8::MAX),
            delay: delay?,
            min_duration: min_duration?,
            min_dwell: min_dwell?,
            max_presence: max_presence?,
            dwell,
            unknown_outputs,
            entry,
        })
    }

    /// The groups that are green in dwell, and how many outputs turn green in track clearance, dwell or
    /// exit that the binding does not know.
    fn dwell(&self, reader: &mut Reader<'_>, number: u8) -> Option<(GroupSet, u8)> {
        let mut list = |object: &Object| reader.octets(GateRow::Dwell, object, number);
        let (phases, overlaps) = (&self.outputs.phases, &self.outputs.overlaps);
        let driving = list(&frame::PREEMPT_DWELL_PHASE).map(|octets| listed(phases, octets));
        let walking = list(&frame::PREEMPT_DWELL_PED).map(|octets| listed(phases, octets));
        let overlapping = list(&frame::PREEMPT_DWELL_OVERLAP).map(|octets| listed(overlaps, octets));
        let leaving = list(&frame::PREEMPT_EXIT_PHASE).map(|octets| listed(phases, octets));
        let moving = [
            frame::PREEMPT_TRACK_PHASE,
            frame::PREEMPT_TRACK_OVERLAP,
            frame::PREEMPT_CYCLING_PHASE,
            frame::PREEMPT_CYCLING_PED,
            frame::PREEMPT_CYCLING_OVERLAP,
        ];
        let moving = moving.map(|object| list(&object));
        let mut unknown = leaving?.1;
        for octets in moving {
            let outputs = octets?.iter().filter(|octet| **octet != 0).count();
            unknown = unknown.saturating_add(u8::try_from(outputs).unwrap_or(u8::MAX));
        }
        let mut dwell = GroupSet::EMPTY;
        for (groups, others) in [driving?, walking?, overlapping?] {
            dwell = dwell.union(groups);
            unknown = unknown.saturating_add(others);
        }
        Some((dwell, unknown))
    }
}

/// The times of entry; unknown as soon as one of them is.
fn entry(reader: &mut Reader<'_>, number: u8) -> Entry {
    let mut of = |object: &Object| reader.integer(GateRow::EntryIntervals, object, number);
    let (green, walk) = (of(&frame::PREEMPT_MIN_GREEN), of(&frame::PREEMPT_MIN_WALK));
    let (clearance, yellow) = (of(&frame::PREEMPT_PED_CLEAR), of(&frame::PREEMPT_YELLOW));
    let red = of(&frame::PREEMPT_RED);
    let times = || {
        Some(Intervals {
            min_green: Millis::from_s(green?),
            walk: Millis::from_s(walk?),
            clearance: Millis::from_s(clearance?),
            yellow: tenths(yellow?),
            red: tenths(red?),
        })
    };
    times().map_or(Entry::Unknown, Entry::Times)
}

fn tenths(value: i64) -> Millis {
    Millis(value.saturating_mul(100))
}

#[cfg(test)]
mod tests;
