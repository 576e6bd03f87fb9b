//! The checker at junctions as large as the largest of the shipped models: twenty-four groups in four
//! stages, vehicles and crossings; six of them in the dwell that is asked for.

use clearway_certify::{Ask, Class, Draft, certify};
use clearway_signals::{
    Capabilities, Channel, ControllerId, Epoch, GroupKind, GroupSet, Junction, Millis, Owner, Relation,
    RequestId, RequestRow, RowId, RowKind, SignalGroup,
};

use crate::steps::Step;

const STAGES: usize = 4;
/// Groups of a stage: half of them vehicles, half of them crossings.
const TOGETHER: usize = 6;
/// Junctions of the plan, as in the step `certify`.
const JUNCTIONS: u16 = 10;

/// The check of a plan over such junctions.
pub struct CertifyLarge {
    groups: Vec<SignalGroup>,
    relations: Vec<Relation>,
    rows: Vec<RequestRow>,
    asks: Vec<Ask>,
}

impl CertifyLarge {
    /// A plan that is to pass.
    #[must_use]
    pub fn new() -> Self {
        let groups: Vec<SignalGroup> = (0..STAGES * TOGETHER).map(group).collect();
        let mut relations = Vec::with_capacity(groups.len() * groups.len());
        for (ending, group) in groups.iter().enumerate() {
            for starting in 0..groups.len() {
                let together = ending / TOGETHER == starting / TOGETHER;
                let intergreen = group.ending() + Millis(2_000);
                relations.push(if together { Relation::Compatible } else { Relation::Conflict(intergreen) });
            }
        }
        let rows = (0..STAGES).map(row).collect();
        let asks = (0..JUNCTIONS).map(ask).collect();
        Self { groups, relations, rows, asks }
    }
}

impl Default for CertifyLarge {
    fn default() -> Self {
        Self::new()
    }
}

fn group(index: usize) -> SignalGroup {
    let walks = index % 2 == 1;
    let (kind, clearance) = if walks { (GroupKind::Pedestrian, 9_000) } else { (GroupKind::Vehicle, 0) };
    let when_driven = |ms| Millis(if walks { 0 } else { ms });
    SignalGroup {
        kind,
        min_green: Millis(5_000),
        yellow: when_driven(3_000),
        clearance: Millis(clearance),
        red_yellow: when_driven(1_000),
    }
}

/// The first row is a level crossing's, the others are ours.
fn row(stage: usize) -> RequestRow {
    let (kind, owner) =
        if stage == 0 { (RowKind::Rail, Owner::Other) } else { (RowKind::Emergency, Owner::Ours) };
    RequestRow {
        number: u8::try_from(stage + 1).unwrap_or(u8::MAX),
        kind,
        owner,
        channel: Channel::Preempt,
        dwell: GroupSet(((1 << TOGETHER) - 1) << (stage * TOGETHER)),
        delay: Millis::ZERO,
        min_duration: Millis(5_000),
        min_dwell: Millis(5_000),
        max_presence: Millis(120_000),
    }
}

fn ask(k: u16) -> Ask {
    let start = Millis::from_s(i64::from(k) * 10);
    Ask {
        controller: ControllerId(k),
        row: RowId(2),
        request: RequestId(u32::from(k) + 1),
        wanted: GroupSet(1 << (2 * TOGETHER)),
        assert_at: start,
        arrival: start + Millis::from_s(40),
        release_at: start + Millis::from_s(60),
    }
}

impl Step for CertifyLarge {
    fn run(&mut self) -> u64 {
        let Self { groups, relations, rows, asks } = self;
        let capabilities = Capabilities::PREEMPT;
        let junction = |id| Some(Junction { id, groups, relations, rows, capabilities });
        let plan = certify(&Draft { class: Class::Emergency, asks }, Epoch(1), junction, |_| None);
        plan.map_or(0, |plan| plan.asks().len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_passes_whole() {
        assert_eq!(CertifyLarge::new().run(), u64::from(JUNCTIONS));
    }
}
