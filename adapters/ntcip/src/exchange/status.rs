//! Status and counts from values.

use clearway_contract::{Answer, StatusReading};
use clearway_signals::{ControllerStatus, Millis, Mode, PreemptState, RowId, RowSet};

use super::{Exchange, preempts};
use crate::codec::{bit, eight_of, groups, mode};
use crate::facts::Coordination;
use crate::frame::{self, Object};
use crate::values::Values;

/// What the rows of the preempt table show together.
#[derive(Default)]
struct Rows {
    calls: RowSet,
    outlived: RowSet,
    /// The served row of the lowest number.
    active: Option<(u8, RowId, PreemptState)>,
    /// The waiting row of the lowest number.
    called: Option<(u8, PreemptState)>,
}

impl Rows {
    fn see(&mut self, id: RowId, number: u8, state: PreemptState) {
        match state {
            PreemptState::NotActive | PreemptState::Other => {}
            PreemptState::NotActiveWithCall | PreemptState::MaxPresence | PreemptState::AdvancedPreempt => {
                if state == PreemptState::MaxPresence {
                    self.outlived = self.outlived.with(id);
                }
                if self.called.is_none_or(|(best, _)| number < best) {
                    self.called = Some((number, state));
                }
            }
            _ if self.active.is_none_or(|(best, _, _)| number < best) => {
                self.active = Some((number, id, state));
            }
            _ => {}
        }
    }

    fn state(&self) -> PreemptState {
        let served = self.active.map(|(_, _, state)| state);
        served.or(self.called.map(|(_, state)| state)).unwrap_or_default()
    }
}

impl Exchange {
    pub(super) fn status(&self, values: &Values) -> StatusReading {
        // In the order of the layout, so that each value is found at once.
        let mode = self.mode(values);
        let uptime = values.integer(&self.profile.scalar(&frame::UPTIME));
        let lights = self.lights(values);
        let rows = self.rows(values);
        let status = ControllerStatus {
            mode,
            active: rows.active.map(|(_, id, _)| id),
            preempt: rows.state(),
            ..lights
        };
        StatusReading {
            status,
            calls: self.priorities.held().fold(rows.calls, RowSet::with),
            outlived: self.priorities.over().fold(rows.outlived, RowSet::with),
            current: true,
            uptime: uptime.map(|ticks| Millis(ticks.saturating_mul(10))),
        }
    }

    fn rows(&self, values: &Values) -> Rows {
        let mut rows = Rows::default();
        let own = self.site.own_rows();
        for (id, row) in preempts(&self.site) {
            let state = values.integer(&frame::PREEMPT_STATE.of(row.number)).unwrap_or(2);
            rows.see(id, row.number, PreemptState::from_code(state));
            if own.contains(id) && values.integer(&frame::PREEMPT_CALL.of(row.number)) == Some(1) {
                rows.calls = rows.calls.with(id);
            }
        }
        rows
    }

    fn lights(&self, values: &Values) -> ControllerStatus {
        let outputs = &self.outputs;
        let of = |object: Object| move |eight: u8| values.integer(&object.of(eight)).unwrap_or(0);
        ControllerStatus {
            greens: outputs
                .driving(of(frame::GREENS))
                .union(outputs.walking(of(frame::WALKS)))
                .union(groups(&outputs.overlaps, of(frame::OVERLAP_GREENS)))
                .union(groups(&outputs.channels, of(frame::CHANNEL_GREENS))),
            yellows: outputs
                .driving(of(frame::YELLOWS))
                .union(groups(&outputs.overlaps, of(frame::OVERLAP_YELLOWS)))
                .union(groups(&outputs.channels, of(frame::CHANNEL_YELLOWS))),
            clearing: outputs.walking(of(frame::PED_CLEARS)),
            ..ControllerStatus::default()
        }
    }

    pub(super) fn mode(&self, values: &Values) -> Mode {
        let unit = |object: Object| values.integer(&self.profile.scalar(&object)).unwrap_or(0);
        mode(unit(frame::CONTROL_STATUS), unit(frame::FLASH_STATUS))
    }

    pub(super) fn counts(&mut self, values: &Values) -> Answer {
        let sequence = values.integer(&self.profile.scalar(&frame::VOLUME_SEQUENCE));
        // A volume is that of a whole period: it counts once, when the period is new.
        let fresh = sequence.is_some() && self.volume_sequence.is_some() && sequence != self.volume_sequence;
        self.volume_sequence = sequence;
        let active = |number: u8| values.integer(&frame::DETECTORS_ACTIVE.of(eight_of(number))).unwrap_or(0);
        let occupied = |number: &u8| bit(active(*number), *number);
        let volume = |number: &u8| {
            let volume = values.integer(&frame::VOLUME.of(*number)).filter(|_| fresh).unwrap_or(0);
            u16::try_from(volume).unwrap_or(0)
        };
        let detectors = &self.site.detectors;
        let occupied = detectors.iter().map(occupied).collect();
        let vehicles = detectors.iter().map(volume).collect();
        self.note_coordination(values);
        Answer::Counts(vehicles, occupied)
    }

    fn note_coordination(&mut self, values: &Values) {
        let scalar = |object: Object| values.integer(&self.profile.scalar(&object));
        let byte = |object: Object| scalar(object).and_then(|value| u8::try_from(value).ok());
        let seconds =
            |object: Object| scalar(object).and_then(|value| u16::try_from(value).ok()).unwrap_or(0);
        let coordination = byte(frame::PATTERN).map(|pattern| Coordination {
            pattern,
            free: byte(frame::FREE).unwrap_or(0),
            cycle_left_s: seconds(frame::CYCLE_LEFT),
            cycle_position_s: seconds(frame::CYCLE_POSITION),
        });
        let clock = scalar(frame::GLOBAL_TIME).and_then(|value| u32::try_from(value).ok());
        (self.facts.coordination, self.facts.clock_epoch_s) = (coordination, clock);
    }
}
