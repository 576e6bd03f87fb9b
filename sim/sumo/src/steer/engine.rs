//! The loop: one observation in, a few asks out.

use std::collections::BTreeMap;

use clearway_signals::Millis;

use super::arbiter::{Case, decide};
use super::blockage::{Blockages, Scene};
use super::observe::{Fix, Observation};
use super::proof::Proof;
use super::queues::Queues;
use super::settings::Settings;
use super::site::{EdgeId, HeadId, Phase, Site};
use super::target::{Target, serves};
use super::watch::Watch;
use super::wave::{Driver, Need, Setting, needs};
use super::way::{Controlled, Pass, controlled, passes};

/// Vehicles that are followed at once; further ones are left to the plans.
pub const VEHICLES_MAX: usize = 256;
/// A vehicle that is not seen for so long is forgotten.
const SILENCE: Millis = Millis(5_000);
/// A vehicle has moved on when it is so much further, millimetres.
const MOVED_ON_MM: i64 = 10_000;
/// The queue before a vehicle is looked for on so many edges.
const QUEUE_EDGES: usize = 4;
/// A queue that has shrunk by so much moves on, thousandths of a vehicle.
const SHRUNK_MILLI: i64 = 2_000;
/// Slower than this a driver waits for others: it says nothing of his own pace.
const MOVING_MM_S: i64 = 3_000;
/// Of so many observations the pace is the mean.
const PACE_MEMORY: i64 = 20;
/// How fast a driver goes compared with the limit: bounds of what is believed, permille.
const PACE_PERMILLE: std::ops::RangeInclusive<i64> = 700..=1_300;

/// What a controller is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The controller.
    pub head: HeadId,
    /// To do what.
    pub kind: AskKind,
}

/// What a controller is asked to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AskKind {
    /// Show the target and hold it until released.
    Request {
        /// The approach that the vehicle comes from.
        approach: EdgeId,
        /// What to show.
        target: Target,
        /// The movements of the vehicle through the controller.
        moves: Vec<(EdgeId, EdgeId)>,
    },
    /// Go back to the plan.
    Release,
}

#[derive(Clone, Debug)]
struct Traveller {
    route: Vec<EdgeId>,
    passes: Vec<Pass>,
    pace_permille: i64,
    seen_at: Millis,
    /// How far along its way it was when it last moved on, and when that was, or the queue before it.
    moved_on: (i64, Millis),
    /// The least that has stood before it since, thousandths of a vehicle.
    least_ahead_milli: i64,
}

/// The engine for link-state controllers. The same observations give the same asks.
#[derive(Clone, Debug)]
pub struct Steer {
    site: Site,
    settings: Settings,
    controlled: Controlled,
    watches: Vec<Watch>,
    proofs: Vec<Option<Proof>>,
    queues: Queues,
    blockages: Blockages,
    /// Which phase has let those go who stood before an approach.
    cures: BTreeMap<(HeadId, EdgeId), usize>,
    travellers: BTreeMap<String, Traveller>,
}

impl Steer {
    /// An engine for a site.
    #[must_use]
    pub fn new(site: Site, settings: Settings) -> Self {
        Self {
            controlled: controlled(&site),
            watches: vec![Watch::default(); site.heads.len()],
            proofs: site.heads.iter().map(|head| Proof::new(head, &site.clearance)).collect(),
            queues: Queues::default(),
            blockages: Blockages::default(),
            cures: BTreeMap::new(),
            travellers: BTreeMap::new(),
            settings,
            site,
        }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Take an observation in and say what is to be asked now.
    pub fn step(&mut self, seen: &Observation) -> Vec<Ask> {
        for ((watch, head), view) in self.watches.iter_mut().zip(&self.site.heads).zip(&seen.heads) {
            watch.update(head, view, seen.now);
        }
        self.queues.update(seen, self.settings.headway_ms);
        self.look_for_blockages(seen);
        let needs = self.plan(seen);
        let mut asks = Vec::new();
        let (site, settings) = (&self.site, &self.settings);
        let case = Case { site, settings, proofs: &self.proofs, seen, needs: &needs };
        for (n, watch) in self.watches.iter_mut().enumerate() {
            let Ok(n) = u32::try_from(n) else { break };
            decide(&case, HeadId(n), watch, &mut asks);
        }
        asks
    }

    /// Who stands in the way for a reason of his own, and which phase let him go in the end.
    fn look_for_blockages(&mut self, seen: &Observation) {
        let (site, watches) = (&self.site, &self.watches);
        let (controlled, queues, now) = (&self.controlled, &self.queues, seen.now);
        let scene = Scene { site, controlled, watches, queues, now };
        for fix in seen.vehicles.iter().take(VEHICLES_MAX) {
            let passes = self.travellers.get(&fix.name).map_or(&[][..], |traveller| &traveller.passes);
            let cures = &mut self.cures;
            self.blockages.update(&scene, fix, |at| {
                let Some(pass) = passes.iter().find(|pass| pass.first > at) else { return };
                let (head, watch) = (site.head(pass.head), &watches[pass.head.index()]);
                let shown = |phase: &Phase| phase.is_holdable() && phase.state == watch.state;
                let phase = head.phases.iter().position(shown);
                if let Some(phase) = phase.filter(|k| !serves(head, pass, &head.phases[*k].state)) {
                    cures.insert((pass.head, pass.approach()), phase);
                }
            });
        }
        self.blockages.forget(seen.now);
    }

    fn plan(&mut self, seen: &Observation) -> Vec<Need> {
        let mut found = Vec::new();
        for (n, fix) in seen.vehicles.iter().enumerate().take(VEHICLES_MAX) {
            self.follow(fix, seen.now);
            let Some(traveller) = self.travellers.get(&fix.name) else { continue };
            let setting = Setting {
                site: &self.site,
                settings: &self.settings,
                watches: &self.watches,
                queues: &self.queues,
                blockages: &self.blockages,
                cures: &self.cures,
                now: seen.now,
            };
            let driver = Driver {
                pace_permille: traveller.pace_permille,
                stalled: seen.now.since(traveller.moved_on.1),
            };
            found.extend(needs(&setting, n, fix, &traveller.passes, driver));
        }
        self.travellers.retain(|_, traveller| seen.now.since(traveller.seen_at) <= SILENCE);
        found
    }

    /// Learn the way and the pace of a vehicle.
    fn follow(&mut self, fix: &Fix, now: Millis) {
        let (site, controlled) = (&self.site, &self.controlled);
        let limit = fix.route.get(fix.at).and_then(|e| site.edge(*e)).map_or(0, |edge| edge.speed_mm_s);
        let fresh = || Traveller {
            route: fix.route.clone(),
            passes: passes(site, controlled, &fix.route),
            pace_permille: 1_150,
            seen_at: now,
            moved_on: (0, now),
            least_ahead_milli: i64::MAX,
        };
        let traveller = self.travellers.entry(fix.name.clone()).or_insert_with(fresh);
        if traveller.route != fix.route {
            *traveller = Traveller { pace_permille: traveller.pace_permille, ..fresh() };
        }
        traveller.seen_at = now;
        let length = |edge: &EdgeId| site.edge(*edge).map_or(0, |e| e.length_mm);
        let along = fix.route.iter().take(fix.at).map(length).sum::<i64>()
            + if fix.on_junction { length(&fix.route[fix.at]) } else { fix.offset_mm };
        let near = fix.route.iter().skip(fix.at).take(QUEUE_EDGES);
        let ahead_milli = near.map(|edge| self.queues.longest_milli(edge.index())).sum();
        if along >= traveller.moved_on.0 + MOVED_ON_MM {
            traveller.moved_on = (along, now);
            traveller.least_ahead_milli = ahead_milli;
        } else if ahead_milli.saturating_add(SHRUNK_MILLI) <= traveller.least_ahead_milli {
            traveller.moved_on.1 = now;
            traveller.least_ahead_milli = ahead_milli;
        }
        let moving = fix.speed_mm_s >= MOVING_MM_S && limit > 0 && !fix.on_junction;
        if moving {
            let ratio = (fix.speed_mm_s * 1000 / limit).clamp(*PACE_PERMILLE.start(), *PACE_PERMILLE.end());
            traveller.pace_permille += (ratio - traveller.pace_permille) / PACE_MEMORY;
        }
    }
}
