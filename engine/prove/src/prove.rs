//! Everything that is proved of one controller, and what was found.

use clearway_network::Controller;
use clearway_signals::{GroupId, GroupKind, Millis, RowId, RowKind};

use crate::checker::{Checker, Invariant, Violation};
use crate::explore::{Bounds, Explored, Outcome, System};
use crate::junction::{self, Found, Junction};
use crate::pairs::{self, Pair};
use crate::reduce;
use crate::rows::{self, RowProof};
use crate::sequencer::Rules;
use crate::site::{Assumptions, Row, Site, SiteError};
use crate::timeline::{self, Timeline};

/// How the junction's histories were covered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Every state of the whole junction was seen: worst cases are exact.
    Whole,
    /// Too many states: every conflicting pair under plan and rows, and the whole under its plan alone.
    /// Worst cases are upper bounds.
    Reduced,
}

/// The slowest entry of a preempt row.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The row.
    pub row: RowId,
    /// Its number on the wire.
    pub number: u8,
    /// Its purpose.
    pub kind: RowKind,
    /// From the call until all its groups are green, the row's delay and one tick of the controller
    /// included, as long as no higher row is called.
    pub slowest: Millis,
    /// The history that leads there.
    pub witness: Option<Timeline>,
}

/// The longest red of a group of the plan outside preemption.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Red {
    /// The group.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// For whom it stands; pedestrians are taken to have called.
    pub kind: GroupKind,
    /// How long it is.
    pub longest: Millis,
}

/// A broken invariant and the history that breaks it.
#[derive(Clone, PartialEq, Debug)]
pub struct Counterexample {
    /// What was broken.
    pub violation: Violation,
    /// Which part of the proof found it, for people.
    pub part: String,
    /// How it comes about.
    pub timeline: Timeline,
}

/// What is known of a controller.
#[derive(Clone, PartialEq, Debug)]
pub struct Proof {
    /// The model's id of the controller.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// How the histories were covered.
    pub method: Method,
    /// The step of time.
    pub step: Millis,
    /// States seen, all parts together.
    pub states: u64,
    /// Transitions followed, all parts together.
    pub transitions: u64,
    /// The slowest entry of each preempt row.
    pub entries: Vec<Entry>,
    /// The longest red of each group of the plan.
    pub reds: Vec<Red>,
    /// What is broken, if anything is.
    pub counterexample: Option<Counterexample>,
    /// Why nothing is proved, when a bound ended the exploration.
    pub unproved: Option<String>,
}

impl Proof {
    /// Whether every invariant was proved.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.counterexample.is_none() && self.unproved.is_none()
    }
}

/// Prove everything of one controller.
///
/// # Errors
/// [`SiteError`] when its intervals make no sense.
pub fn prove(controller: &Controller, assumptions: &Assumptions, bounds: Bounds) -> Result<Proof, SiteError> {
    let site = Site::new(controller, assumptions)?;
    Ok(prove_site(&site, Rules::default(), bounds))
}

/// Prove everything of one site.
#[must_use]
pub fn prove_site(site: &Site, rules: Rules, bounds: Bounds) -> Proof {
    let mut proof = Proof {
        name: site.name.clone(),
        title: site.title.clone(),
        method: Method::Whole,
        step: site.step,
        states: 0,
        transitions: 0,
        entries: Vec::new(),
        reds: Vec::new(),
        counterexample: None,
        unproved: None,
    };
    prove_pairs(site, rules, bounds, &mut proof);
    prove_rows(site, rules, bounds, &mut proof);
    if proof.holds() {
        prove_junction(site, rules, bounds, &mut proof);
    }
    proof
}

/// Add what an exploration saw; its violation, if it found one.
pub(crate) fn count<M: System>(
    proof: &mut Proof,
    explored: &Explored<'_, M>,
    part: &str,
) -> Option<(u32, usize, Violation)> {
    proof.states += u64::from(explored.len());
    proof.transitions += explored.transitions;
    match &explored.outcome {
        Outcome::Complete => None,
        Outcome::Broken { state, event, violation } => Some((*state, *event, violation.clone())),
        Outcome::Bounded(reason) => {
            proof.unproved = Some(format!("{part}: {reason}"));
            None
        }
    }
}

fn prove_pairs(site: &Site, rules: Rules, bounds: Bounds, proof: &mut Proof) {
    let pairs = site.ids().flat_map(|a| site.ids().filter(move |b| a < *b).map(move |b| (a, b)));
    for (a, b) in pairs {
        let reduced = pairs::of(site, a, b);
        let pair = Pair::new(&reduced, rules);
        let explored = Explored::explore(&pair, bounds, |_| {});
        let part = format!("groups {} and {} under any plan", site.group_name(a), site.group_name(b));
        if let Some((state, event, violation)) = count(proof, &explored, &part) {
            let timeline = timeline::of_pair(&explored, &pair, &reduced, &explored.path(state), event);
            proof.counterexample = Some(Counterexample { violation, part, timeline });
        }
        if !proof.holds() {
            return;
        }
    }
}

/// Each kind of row once, with a lease in its messages and without: then the dead-man timer alone is left.
fn prove_rows(site: &Site, rules: Rules, bounds: Bounds, proof: &mut Proof) {
    let without_lease = Site { lease: site.backup_time.saturating_mul(2), ..site.clone() };
    let mut seen: Vec<[u16; 4]> = Vec::new();
    for row in &site.preempts {
        let times = [row.delay, row.min_duration, row.min_dwell, row.max_presence];
        if seen.contains(&times) {
            continue;
        }
        seen.push(times);
        for site in [site, &without_lease] {
            if proof.holds() {
                prove_row(&rows::of(site, row), rules, bounds, proof);
            }
        }
    }
}

fn prove_row(reduced: &Site, rules: Rules, bounds: Bounds, proof: &mut Proof) {
    let Some(system) = RowProof::new(reduced, rules) else { return };
    let explored = Explored::explore(&system, bounds, |_| {});
    let part = format!("the calls of row {}", reduced.preempts[0].number);
    if let Some((state, event, violation)) = count(proof, &explored, &part) {
        let mut events = Vec::new();
        system.events(&explored.state(state), &mut events);
        let last = events.get(event).map(|event| format!("{event:?}"));
        let timeline = timeline::of_row(&explored, reduced, &explored.path(state), last);
        proof.counterexample = Some(Counterexample { violation, part, timeline });
    }
}

fn prove_junction(site: &Site, rules: Rules, bounds: Bounds, proof: &mut Proof) {
    let junction = Junction::new(site, rules);
    let found = junction::prove(&junction, bounds);
    if matches!(found.explored.outcome, Outcome::Bounded(_)) {
        drop(found);
        proof.method = Method::Reduced;
        reduce::prove(site, rules, bounds, proof);
        return;
    }
    let part = "the whole junction".to_owned();
    if let Some((state, event, violation)) = count(proof, &found.explored, &part) {
        let path = found.explored.path(state);
        let timeline = timeline::of_junction(&found.explored, &junction, &path, Some(event));
        proof.counterexample = Some(Counterexample { violation, part, timeline });
        return;
    }
    proof.entries = site
        .preempts
        .iter()
        .zip(&found.entries)
        .map(|(row, slowest)| {
            let witness = slowest.arrival.map(|state| {
                let whole =
                    timeline::of_junction(&found.explored, &junction, &found.explored.path(state), None);
                whole.cut_before(&format!("row {}", row.number), 5)
            });
            entry(site, row, slowest.steps, witness)
        })
        .collect();
    check_reds(site, &junction, &found, proof, 0);
}

pub(crate) fn entry(site: &Site, row: &Row, steps: u16, witness: Option<Timeline>) -> Entry {
    let slowest = site.time(u32::from(row.delay) + u32::from(steps)) + crate::site::TICK;
    Entry { row: row.id, number: row.number, kind: row.kind, slowest, witness }
}

/// I9 and I12 from the longest waits found; `more` steps may come before each of them.
pub(crate) fn check_reds(
    site: &Site,
    junction: &Junction<'_>,
    found: &Found<'_, '_>,
    proof: &mut Proof,
    more: u32,
) {
    let part = "the whole junction".to_owned();
    for (group, longest) in site.ids().zip(&found.longest) {
        let Some(longest) = longest else { continue };
        let steps = longest.steps + more;
        let name = site.group_name(group);
        let two_cycles = u32::from(site.cycle) * 2;
        let broken = if longest.endless {
            Some((Invariant::I9, format!("{name} may wait for ever")))
        } else if steps > u32::from(site.red_max) {
            Some((Invariant::I9, format!("{name} may wait {} s", site.time(steps).as_s())))
        } else if steps > two_cycles {
            Some((
                Invariant::I12,
                format!("{name} may wait {} s, longer than two cycles", site.time(steps).as_s()),
            ))
        } else {
            None
        };
        if let Some((invariant, what)) = broken {
            let mut path = found.explored.path(longest.begin);
            path.extend(found.way(site, group, longest).into_iter().skip(1));
            let timeline = timeline::of_junction(&found.explored, junction, &path, None);
            let violation = Violation { invariant, what };
            proof.counterexample = Some(Counterexample { violation, part, timeline });
            return;
        }
        let kind = site.groups[group.index()].kind;
        proof.reds.push(Red { group, name, kind, longest: site.time(steps) });
    }
}

/// The bound that the checker itself gives each preempt row, delay and tick included.
#[must_use]
pub fn bounds_of_entries(site: &Site) -> Vec<(RowId, Millis)> {
    let checker = Checker::new(site);
    let numbered = (0u8..).zip(&site.preempts);
    numbered.map(|(at, row)| (row.id, entry(site, row, checker.entry_bound(at), None).slowest)).collect()
}
