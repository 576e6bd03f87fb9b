//! Status and counts from values.

use clearway_contract::{Answer, StatusReading};
use clearway_signals::{ControllerStatus, GroupSet, Millis, PreemptState, RowId, RowSet};

use super::Exchange;
use super::layout::{Light, Slot};
use crate::codec::{bit, eight_of, lit, mode};
use crate::facts::Coordination;
use crate::frame::{self, Object, Value};
use crate::values::Values;

/// The greatest share of time, half per cents; what is above it names a fault of the detector.
const SHARE_MAX: i64 = 200;
/// Occupied for this share of a period, half per cents, is stood upon.
const STANDING: i64 = 160;

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
    /// From the values of the status reading, in the order of its names; `None` where the device has no
    /// such object.
    pub(super) fn status<'a>(&self, values: impl Iterator<Item = Option<&'a Value>>) -> StatusReading {
        let (mut rows, mut lights) = (Rows::default(), ControllerStatus::default());
        let (mut control, mut flash, mut uptime) = (0, 0, None);
        for (slot, value) in self.layout.slots().iter().zip(values) {
            let Some(Value::Integer(value)) = value else { continue };
            match slot {
                Slot::Control => control = *value,
                Slot::Flash => flash = *value,
                Slot::Uptime => uptime = Some(Millis(value.saturating_mul(10))),
                Slot::Lamps(light, lamps) => show(&mut lights, *light, lit(lamps, *value)),
                Slot::State(id, number) => rows.see(*id, *number, PreemptState::from_code(*value)),
                Slot::Call(id) if *value == 1 => rows.calls = rows.calls.with(*id),
                Slot::Call(_) => {}
            }
        }
        let status = ControllerStatus {
            mode: mode(control, flash),
            // Priority is no preemption: it shows as the served row, and the preempt state stays what it is.
            active: rows.active.map(|(_, id, _)| id).or_else(|| self.priorities.served()),
            preempt: rows.state(),
            ..lights
        };
        StatusReading {
            status,
            calls: self.priorities.held().fold(rows.calls, RowSet::with),
            outlived: rows.outlived,
            ended: self.priorities.ended(),
            current: true,
            uptime,
        }
    }

    pub(super) fn counts(&mut self, values: &Values) -> Answer {
        let sequence = values.integer(&self.profile.scalar(&frame::VOLUME_SEQUENCE));
        // A volume is that of a whole period: it counts once, when the period is new.
        let fresh = sequence.is_some() && self.volume_sequence.is_some() && sequence != self.volume_sequence;
        self.volume_sequence = sequence;
        let share = |number: u8| values.integer(&frame::OCCUPANCY.of(number));
        let is_sound = |number: u8| share(number).is_none_or(|share| share <= SHARE_MAX);
        let active = |number: u8| values.integer(&frame::DETECTORS_ACTIVE.of(eight_of(number))).unwrap_or(0);
        let volume = |number: &u8| {
            let volume = values.integer(&frame::VOLUME.of(*number)).filter(|_| fresh && is_sound(*number));
            u16::try_from(volume.unwrap_or(0)).unwrap_or(0)
        };
        let detectors = &self.site.detectors;
        let vehicles = detectors.iter().map(volume).collect();
        let present: Vec<bool> = detectors.iter().map(|n| bit(active(*n), *n) && is_sound(*n)).collect();
        // The instant does not tell who stands from who passes; the last period and the last reading do.
        let stands = |(index, number): (usize, &u8)| {
            let long = share(*number).is_none_or(|share| share >= STANDING);
            present[index] && (long || self.present.get(index) == Some(&true))
        };
        let occupied = detectors.iter().enumerate().map(stands).collect();
        self.present = present;
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

fn show(lights: &mut ControllerStatus, light: Light, groups: GroupSet) {
    let shown = match light {
        Light::Green => &mut lights.greens,
        Light::Yellow => &mut lights.yellows,
        Light::Clearing => &mut lights.clearing,
    };
    *shown = shown.union(groups);
}
