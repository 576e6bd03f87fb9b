//! S12: "no group with demand stays red > R_max (default 180 s) because of us; … EV exempt up to 2
//! consecutive".
//!
//! With demand: a vehicle of the run stands before the group's line. Because of us: a preemption of ours is
//! served, or the controller is on its way back from one, or priority that we asked for is granted. The rest
//! of a red is the plan's own. Two emergency vehicles are exempt for as long as S7 lets each of them hold a
//! row ("min(site max presence, 120 s default)"). An engine that starts knows nothing of the calls before it:
//! a red is counted anew from there.

use clearway_field::Aspect;
use clearway_signals::limits::LEASE_MAX;
use clearway_signals::{GroupId, GroupSet, Millis, Mode, PreemptState, RowId};

use super::device::Device;

/// R_max, and two emergency vehicles.
const RED_MAX: Millis = Millis(180_000 + 2 * LEASE_MAX.0);

/// The reds of one controller.
#[derive(Clone, Debug)]
pub(crate) struct Reds {
    /// By group, how much of its present red is because of us.
    ours: Vec<Millis>,
    looked_at: Millis,
}

impl Reds {
    pub fn new(groups: usize) -> Self {
        Self { ours: vec![Millis::ZERO; groups], looked_at: Millis::ZERO }
    }

    /// Another engine is at work.
    pub fn start_anew(&mut self) {
        self.ours.fill(Millis::ZERO);
    }

    /// Look at a controller; the group that is red for too long because of us, and how long.
    pub fn look(&mut self, device: &Device, demand: GroupSet, now: Millis) -> Option<(usize, Millis)> {
        let passed = now - self.looked_at;
        self.looked_at = now;
        let emulator = device.emulator();
        let status = emulator.status();
        let leaves = |row: RowId| emulator.preempt_state(row) == PreemptState::ExitStarted;
        let served = emulator.serving().is_some_and(|row| device.own.contains(row));
        let because_of_us = served || device.own.iter().any(leaves) || status.priority_granted;
        let excused = !matches!(emulator.mode(), Mode::Normal | Mode::Backup) || !status.physical.is_empty();
        let mut starved = None;
        for (index, (red, aspect)) in self.ours.iter_mut().zip(emulator.aspects()).enumerate() {
            let waits = u8::try_from(index).is_ok_and(|group| demand.contains(GroupId(group)));
            if *aspect != Aspect::Red || !waits || excused {
                *red = Millis::ZERO;
            } else if because_of_us {
                *red += passed;
            }
            if *red > RED_MAX {
                starved = Some((index, *red));
                *red = Millis::ZERO;
            }
        }
        starved
    }
}
