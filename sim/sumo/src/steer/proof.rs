//! Every ask passes the independent checker (`clearway-certify`) before it leaves.
//!
//! The checker knows signal groups, a head knows links: links of one approach that every phase shows
//! alike are a group. Two groups conflict when no phase shows them green together, unless they belong
//! to one approach, or lie one after the other on the vehicle's own way.

use clearway_certify::{Ask, Class, Draft, Finding, certify};
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{
    Capabilities, Channel, ControllerId, Epoch, GroupId, GroupKind, GroupSet, Junction, Millis, Owner,
    Relation, RequestId, RequestRow, RowId, RowKind, SignalGroup,
};

use super::observe::Rank;
use super::site::{Clearance, EdgeId, Head, is_green};
use super::target::{Target, needed};
use super::way::Pass;

/// One controller in the checker's words.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The group of each link.
    group_of: Vec<Option<GroupId>>,
    /// The approach of each group.
    approaches: Vec<EdgeId>,
    groups: Vec<SignalGroup>,
    relations: Vec<Relation>,
}

/// What is to be certified.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// On whose behalf.
    pub rank: Rank,
    /// The pass that is asked for.
    pub pass: &'a Pass,
    /// What is asked.
    pub target: Target,
    /// Whether the target serves the pass; otherwise it serves somebody in its way.
    pub serves: bool,
    /// From when.
    pub now: Millis,
    /// Until when at the latest.
    pub release_at: Millis,
}

impl Proof {
    /// A controller; `None` when it has more groups than the checker takes: nothing is asked there.
    #[must_use]
    pub fn new(head: &Head, clearance: &Clearance) -> Option<Self> {
        let mut proof = Self::default();
        let mut columns: Vec<(EdgeId, Vec<bool>)> = Vec::new();
        for (i, link) in head.links.iter().enumerate() {
            let Some((from, _)) = link else {
                proof.group_of.push(None);
                continue;
            };
            let column = (*from, head.phases.iter().map(|phase| is_green(phase.state[i])).collect());
            let found = columns.iter().position(|known| *known == column).unwrap_or(columns.len());
            if found == columns.len() {
                columns.push(column);
            }
            let group = u8::try_from(found).ok().filter(|_| found < GROUPS_MAX)?;
            proof.group_of.push(Some(GroupId(group)));
        }
        let intergreen = clearance.yellow + clearance.all_red;
        let min_green = clearance.min_green.max(clearance.pedestrian);
        for a in &columns {
            proof.approaches.push(a.0);
            proof.groups.push(SignalGroup {
                kind: GroupKind::Vehicle,
                min_green,
                yellow: clearance.yellow,
                clearance: Millis::ZERO,
                red_yellow: Millis::ZERO,
            });
            for b in &columns {
                let together = a.0 == b.0 || a.1.iter().zip(&b.1).any(|(x, y)| *x && *y);
                proof.relations.push(if together {
                    Relation::Compatible
                } else {
                    Relation::Conflict(intergreen)
                });
            }
        }
        Some(proof)
    }

    /// Certify a claim.
    ///
    /// # Errors
    /// Why the checker refuses it.
    pub fn certify(&self, head: &Head, claim: &Claim<'_>) -> Result<(), Finding> {
        let links = |wanted: &dyn Fn(usize) -> bool| -> GroupSet {
            let those = (0..head.links.len()).filter(|i| wanted(*i));
            those.filter_map(|i| self.group_of.get(i).copied().flatten()).collect()
        };
        let own = links(&|i| needed(head, claim.pass).any(|own| own == i));
        let dwell = match claim.target {
            Target::Phase(k) => links(&|i| head.phases.get(k).is_some_and(|p| is_green(p.state[i]))),
            Target::Approach => links(&|i| head.links[i].is_some_and(|(f, _)| f == claim.pass.approach())),
            Target::Path => own,
        };
        let wanted = if claim.serves { own } else { dwell };
        let (class, kind, channel) = match claim.rank {
            Rank::Emergency => (Class::Emergency, RowKind::Emergency, Channel::Preempt),
            Rank::Transit => (Class::Tram, RowKind::Transit, Channel::Priority),
        };
        let row = RequestRow {
            number: 1,
            kind,
            owner: Owner::Ours,
            channel,
            dwell,
            delay: Millis::ZERO,
            min_duration: Millis::ZERO,
            min_dwell: Millis::ZERO,
            max_presence: clearway_signals::limits::LEASE_MAX,
        };
        let relations = self.relations_on(claim, own);
        let junction = Junction {
            id: ControllerId(0),
            groups: &self.groups,
            relations: &relations,
            rows: &[row],
            capabilities: Capabilities::PREEMPT.union(Capabilities::PRIORITY),
        };
        let ask = Ask {
            controller: ControllerId(0),
            row: RowId(0),
            request: RequestId(0),
            wanted,
            assert_at: claim.now,
            arrival: claim.now,
            release_at: claim.release_at,
        };
        certify(&Draft { class, asks: &[ask] }, Epoch(1), |_| Some(junction), |_| None).map(|_| ())
    }

    /// A vehicle meets its own movements one after the other: they do not conflict.
    fn relations_on(&self, claim: &Claim<'_>, own: GroupSet) -> Vec<Relation> {
        let mut relations = self.relations.clone();
        if claim.target != Target::Path {
            return relations;
        }
        let n = self.groups.len();
        for a in own.iter() {
            for b in own.iter().filter(|b| self.approaches[a.index()] != self.approaches[b.index()]) {
                relations[a.index() * n + b.index()] = Relation::Compatible;
            }
        }
        relations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steer::site::{HeadId, Phase};

    const CLEARANCE: Clearance = Clearance {
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        all_red: Millis(2_000),
        pedestrian: Millis(0),
    };

    fn head(states: &[&str]) -> Head {
        let phase = |state: &&str| Phase { duration: Millis(9_000), state: state.as_bytes().to_vec() };
        let link = |from, to| Some((EdgeId(from), EdgeId(to)));
        Head {
            name: "x".into(),
            joined: true,
            fixed_time: true,
            links: vec![link(0, 1), link(0, 2), link(1, 3), link(5, 6)],
            phases: states.iter().map(phase).collect(),
        }
    }

    fn check(head: &Head, moves: &[(u32, u32)], target: Target, hold: Millis) -> Result<(), Finding> {
        let moves = moves.iter().map(|(a, b)| (EdgeId(*a), EdgeId(*b))).collect();
        let pass = Pass { head: HeadId(0), first: 0, last: 1, moves };
        let claim = Claim {
            rank: Rank::Emergency,
            pass: &pass,
            target,
            serves: true,
            now: Millis(10_000),
            release_at: Millis(10_000) + hold,
        };
        Proof::new(head, &CLEARANCE).unwrap().certify(head, &claim)
    }

    const HOLD: Millis = Millis(90_000);

    #[test]
    fn a_phase_that_serves_the_pass_is_certified_and_one_that_does_not_is_refused() {
        let head = head(&["GGrr", "rrGG"]);
        assert_eq!(check(&head, &[(0, 1)], Target::Phase(0), HOLD), Ok(()));
        let refused = check(&head, &[(0, 1)], Target::Phase(1), HOLD);
        assert_eq!(refused, Err(Finding::PathNotServed(ControllerId(0))));
    }

    #[test]
    fn s9_a_hold_beyond_the_lease_is_refused() {
        let refused = check(&head(&["GGrr", "rrGG"]), &[(0, 1)], Target::Phase(0), Millis(121_000));
        assert_eq!(refused, Err(Finding::HoldTooLong(ControllerId(0))));
    }

    #[test]
    fn stop_lines_of_one_way_go_together_and_those_of_strangers_do_not() {
        let head = head(&["GGrr", "rrGr", "rrrG"]);
        assert_eq!(check(&head, &[(0, 1), (1, 3)], Target::Path, HOLD), Ok(()));
        let proof = Proof::new(&head, &CLEARANCE).unwrap();
        let n = proof.groups.len();
        assert_eq!((n, proof.relations[2]), (3, Relation::Conflict(Millis(5_000))));
    }

    #[test]
    fn a_controller_beyond_the_checkers_size_is_left_alone() {
        let mut large = head(&["GGrr", "rrGG"]);
        large.links = (0..65).map(|from| Some((EdgeId(from), EdgeId(99)))).collect();
        large.phases = vec![Phase { duration: Millis(9_000), state: vec![b'G'; 65] }];
        assert!(Proof::new(&large, &CLEARANCE).is_none());
    }
}
