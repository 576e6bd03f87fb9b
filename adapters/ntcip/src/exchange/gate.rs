//! What the arming gate judges, from values.

use clearway_contract::{Entry, GateReading, Intervals, RowReading};
use clearway_signals::{Channel, Millis, RequestRow, RowId};

use super::Exchange;
use crate::codec::{configuration_hash, listed};
use crate::facts::{ExitType, Facts};
use crate::frame::{self, Object};
use crate::profile::Version;
use crate::values::Values;

impl Exchange {
    pub(super) fn gate(&mut self, values: &Values) -> GateReading {
        self.note_identity(values);
        let unit = |object: Object| values.integer(&self.profile.scalar(&object));
        let version = values.octets(&frame::MODULE_VERSION.of(self.profile.module_row)).unwrap_or_default();
        let user_timer = unit(frame::USER_BACKUP_TIME).filter(|seconds| *seconds != 0);
        let timer = user_timer.or_else(|| unit(frame::BACKUP_TIME));
        let Facts { make, model, version: said, .. } = &self.facts;
        GateReading {
            device: format!("{make} {model} {said}"),
            protocol_fits: unit(frame::CONTROL_STATUS).is_some() && unit(frame::FLASH_STATUS).is_some(),
            configuration_hash: configuration_hash(version),
            mode: self.mode(values),
            remote_enabled: unit(frame::UNIT_CONTROL).unwrap_or(0) & 0b10 == 0,
            dead_man: timer.map(Millis::from_s),
            dead_man_watches_calls: user_timer.is_none() || self.profile.user_backup_watches_calls,
            phases: self.phases(values),
            rows: self.row_readings(values),
            clock_offset: self.clock_offset(values),
        }
    }

    fn note_identity(&mut self, values: &Values) {
        let text = |object: Object| {
            let octets = values.octets(&object.of(self.profile.module_row)).unwrap_or_default();
            String::from_utf8_lossy(octets).into_owned()
        };
        let own = super::preempts(&self.site).filter(|(id, _)| self.site.own_rows().contains(*id));
        let exit = |number: u8| {
            let columns = [frame::PREEMPT_EXIT_TYPE_28, frame::PREEMPT_EXIT_TYPE_27];
            let said = columns.iter().find_map(|column| values.integer(&column.of(number)));
            Some((number, ExitType::from_code(said?)?))
        };
        let facts = Facts {
            make: text(frame::MODULE_MAKE),
            model: text(frame::MODULE_MODEL),
            version: text(frame::MODULE_VERSION),
            max_preempts: values
                .integer(&self.profile.scalar(&frame::MAX_PREEMPTS))
                .and_then(|count| u8::try_from(count).ok()),
            exits: own.filter_map(|(_, row)| exit(row.number)).collect(),
            coordination: self.facts.coordination,
            clock_epoch_s: self.facts.clock_epoch_s,
        };
        self.facts = facts;
    }

    /// How far the device's clock is off at least, where times are sent that count from it: it says
    /// whole seconds only. A clock that cannot be read is as far off as one can be.
    fn clock_offset(&self, values: &Values) -> Option<Millis> {
        if !self.profile.priority.absolute || !self.priorities.are_bound() {
            return None;
        }
        let theirs = values.integer(&self.profile.scalar(&frame::GLOBAL_TIME));
        let (Some(theirs), Some(ours)) = (theirs, self.epoch_ms) else { return Some(Millis::NEVER) };
        let first = Millis::from_s(theirs);
        let nearest = Millis(ours).max(first).min(first + Millis(999));
        Some(nearest - Millis(ours))
    }

    /// The longest intervals of the phases of our groups; `None` when the device does not say.
    fn phases(&self, values: &Values) -> Option<Intervals> {
        let numbers = self.outputs.phases.iter().filter(|number| **number > 0);
        numbers.into_iter().try_fold(Intervals::default(), |longest, number| {
            let of = |object: Object| values.integer(&object.of(*number));
            Some(longest.longest(Intervals {
                walk: Millis::from_s(of(frame::PHASE_WALK)?),
                clearance: Millis::from_s(of(frame::PHASE_PED_CLEAR)?),
                min_green: Millis::from_s(of(frame::PHASE_MIN_GREEN)?),
                yellow: tenths(of(frame::PHASE_YELLOW)?),
                red: tenths(of(frame::PHASE_RED)?),
            }))
        })
    }

    fn row_readings(&self, values: &Values) -> Vec<RowReading> {
        let rows = (0..=u8::MAX).map(RowId).zip(&self.site.rows);
        rows.map(|(id, row)| match row.channel {
            Channel::Preempt => self.preempt_row(values, id, row.number),
            Channel::Priority => self.priority_row(values, id, row),
        })
        .collect()
    }

    fn preempt_row(&self, values: &Values, id: RowId, number: u8) -> RowReading {
        let Some(control) = values.integer(&frame::PREEMPT_CONTROL.of(number)) else {
            return RowReading::ABSENT;
        };
        let shallow = RowReading { overrides: control & 0b100 == 0, ..RowReading::ABSENT };
        if self.site.own_rows().contains(id) {
            self.own_row(values, number, control).unwrap_or(shallow)
        } else {
            shallow
        }
    }

    /// A strategy of NTCIP 1211. The device names none of its limits in the standard: the site's
    /// binding states them, and the coordinator keeps every interval, because priority never leaves
    /// the plan. What is read is that there is a priority server at all.
    fn priority_row(&self, values: &Values, id: RowId, row: &RequestRow) -> RowReading {
        let buffer = self.profile.scalar(&frame::PRIORITY_STATUS_BUFFER);
        if !self.site.own_rows().contains(id) || values.get(&buffer).is_none() {
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

    /// An own row; `None` when a column that must be there is not.
    fn own_row(&self, values: &Values, number: u8, control: i64) -> Option<RowReading> {
        let of = |object: Object| values.integer(&object.of(number));
        let seconds = |object: Object| of(object).map(Millis::from_s);
        let list = |object: Object| values.octets(&object.of(number));
        let phases = &self.outputs.phases;
        let (dwell, dwell_unknown) = listed(phases, list(frame::PREEMPT_DWELL_PHASE)?);
        let (walks, walks_unknown) = listed(phases, list(frame::PREEMPT_DWELL_PED).unwrap_or_default());
        let overlaps = list(frame::PREEMPT_DWELL_OVERLAP).unwrap_or_default();
        let (overlapping, overlaps_unknown) = listed(&self.outputs.overlaps, overlaps);
        let tracks = list(frame::PREEMPT_TRACK_PHASE).unwrap_or_default().iter().filter(|n| **n != 0).count();
        let unknown =
            [dwell_unknown, walks_unknown, overlaps_unknown, u8::try_from(tracks).unwrap_or(u8::MAX)];
        let writable = !self.profile.read_only_rows.contains(&number);
        Some(RowReading {
            present: true,
            kind: None,
            non_locking: control & 0b1 != 0,
            enabled: self.profile.version < Version::V03 || control & 0b1_0000 != 0,
            remote: writable && of(frame::PREEMPT_CALL).is_some(),
            flash_dwell: control & 0b1000 != 0,
            overrides: control & 0b100 == 0,
            link: u8::try_from(of(frame::PREEMPT_LINK)?).unwrap_or(u8::MAX),
            delay: seconds(frame::PREEMPT_DELAY)?,
            min_duration: seconds(frame::PREEMPT_MIN_DURATION)?,
            min_dwell: seconds(frame::PREEMPT_DWELL_GREEN)?,
            max_presence: seconds(frame::PREEMPT_MAX_PRESENCE)?,
            dwell: dwell.union(walks).union(overlapping),
            unknown_outputs: unknown.into_iter().fold(0, u8::saturating_add),
            entry: self.entry(values, number),
        })
    }

    fn entry(&self, values: &Values, number: u8) -> Entry {
        let of = |object: Object| values.integer(&object.of(number));
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

fn tenths(value: i64) -> Millis {
    Millis(value.saturating_mul(100))
}
