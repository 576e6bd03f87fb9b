//! S12: "no group with demand stays red > R_max (default 180 s) because of us; … EV exempt up to 2
//! consecutive".
//!
//! With demand: a vehicle of the run stands before the group's line. Because of us: a preemption of ours is
//! served, or the controller is on its way back from one, or priority that we asked for is granted. The rest
//! of a red is the plan's own. Exempt are the first two preemptions within one red.

use clearway_field::Aspect;
use clearway_signals::{GroupId, GroupSet, Millis, Mode, PreemptState, RowId};

use super::device::Device;

/// R_max.
const RED_MAX: Millis = Millis::from_s(180);
/// Preemptions within one red that are exempt.
const EXEMPT: u32 = 2;

/// The present red of one group.
#[derive(Clone, Copy, Debug, Default)]
struct Red {
    /// How much of it is because of us, the exempt part left out.
    ours: Millis,
    /// Preemptions of ours in it.
    preemptions: u32,
}

/// The reds of one controller.
#[derive(Clone, Debug)]
pub(crate) struct Reds {
    groups: Vec<Red>,
    looked_at: Millis,
    served: Option<RowId>,
}

impl Reds {
    pub fn new(groups: usize) -> Self {
        Self { groups: vec![Red::default(); groups], looked_at: Millis::ZERO, served: None }
    }

    /// Look at a controller; the group that is red for too long because of us, and how long.
    pub fn look(&mut self, device: &Device, demand: GroupSet, now: Millis) -> Option<(usize, Millis)> {
        let passed = now - self.looked_at;
        self.looked_at = now;
        let emulator = device.emulator();
        let status = emulator.status();
        let served = emulator.serving().filter(|row| device.own.contains(*row));
        let begins = served.is_some() && served != self.served;
        self.served = served;
        let leaves = |row: RowId| emulator.preempt_state(row) == PreemptState::ExitStarted;
        let preempted = served.is_some() || device.own.iter().any(leaves);
        let excused = !matches!(emulator.mode(), Mode::Normal | Mode::Backup) || !status.physical.is_empty();
        let mut starved = None;
        for (index, (red, aspect)) in self.groups.iter_mut().zip(emulator.aspects()).enumerate() {
            let waits = u8::try_from(index).is_ok_and(|group| demand.contains(GroupId(group)));
            if *aspect != Aspect::Red || !waits || excused {
                *red = Red::default();
                continue;
            }
            red.preemptions += u32::from(begins);
            let is_ours = (preempted && red.preemptions > EXEMPT) || status.priority_granted;
            red.ours += if is_ours { passed } else { Millis::ZERO };
            if red.ours > RED_MAX {
                starved = Some((index, red.ours));
                *red = Red::default();
            }
        }
        starved
    }
}
