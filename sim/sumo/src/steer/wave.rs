//! When each pass of a vehicle must be asked for.
//!
//! Planning notes 4.2: t_call = A − T_Q − T_T − margin, A(i+1) = max(A(i), green(i) + T_Q) + link;
//! T_T is the worst case, because a plan may change at the next step.

use std::collections::BTreeMap;

use clearway_planner::arrival::{SLOWEST_MM_S, speeding_up};
use clearway_signals::Millis;

use super::blockage::Blockages;
use super::observe::{Fix, Rank};
use super::queues::Queues;
use super::settings::Settings;
use super::site::{EdgeId, HeadId, Site};
use super::target::{Target, better_left_alone, choose, overdue, serves, time_to_green, waited};
use super::watch::{Purpose, Watch};
use super::way::Pass;

/// Beyond this nothing is planned.
const HORIZON: Millis = Millis::from_s(160);
/// A vehicle that arrives so soon is at the stop line.
const AT_THE_LINE: Millis = Millis(4_000);
/// Acceleration of a heavy fire engine, millimetres a second squared.
const ACCELERATION_MM_S2: i64 = 2_000;

/// A pass ahead of a vehicle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    /// Index into the vehicles of the observation.
    pub vehicle: usize,
    /// Who goes first.
    pub rank: Rank,
    /// The pass.
    pub pass: Pass,
    /// What serves it best.
    pub target: Target,
    /// When the vehicle reaches the stop line, what waits before it and before other lines counted.
    pub arrival: Millis,
    /// Whether it must be asked for now.
    pub due: bool,
    /// Whether a hold for it goes on: the vehicle moves, or has its turn.
    pub pursued: bool,
    /// Whether what is shown now serves it.
    pub shown: bool,
    /// Whether the target is for those who stand in the way.
    pub flush: bool,
}

/// What is known of a vehicle beyond its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Driver {
    /// How fast it goes compared with the limit.
    pub pace_permille: i64,
    /// For how long it has not moved on.
    pub stalled: Millis,
}

/// What a wave is planned against.
pub struct Setting<'a> {
    pub site: &'a Site,
    pub settings: &'a Settings,
    pub watches: &'a [Watch],
    pub queues: &'a Queues,
    pub blockages: &'a Blockages,
    /// Which phase has let those go who stood before an approach.
    pub cures: &'a BTreeMap<(HeadId, EdgeId), usize>,
    pub now: Millis,
}

impl Setting<'_> {
    /// Whether the end of an edge of a way stands for a reason of its own.
    fn is_blocked(&self, fix: &Fix, at: usize) -> bool {
        let pair = fix.route.get(at).zip(fix.route.get(at + 1));
        pair.is_some_and(|(a, b)| self.blockages.blocks(self.queues, (*a, *b), self.now))
    }
}

/// The needs of one vehicle, nearest first.
pub fn needs(setting: &Setting<'_>, vehicle: usize, fix: &Fix, passes: &[Pass], driver: Driver) -> Vec<Need> {
    let pace_permille = driver.pace_permille;
    let Setting { site, settings, now, .. } = *setting;
    let mut found = Vec::new();
    let mut at = fix.at + usize::from(fix.on_junction);
    let mut arrival = now;
    let (mut ahead_milli, mut distance_mm, mut block) = (0, 0, Block::Free);
    if let Some(edge) = fix.route.get(at).and_then(|e| site.edge(*e)) {
        let own = pace(edge.speed_mm_s, pace_permille);
        arrival += speeding_up(fix.speed_mm_s, own, ACCELERATION_MM_S2);
    }
    for pass in passes.iter().filter(|pass| pass.last >= fix.at + usize::from(fix.on_junction)) {
        if block == Block::Before {
            block = Block::Earlier;
        }
        while at <= pass.last {
            let travelled = if at == fix.at && !fix.on_junction { fix.offset_mm } else { 0 };
            if at <= pass.first.max(fix.at) {
                ahead_milli += setting.queues.longest_milli(fix.route[at].index());
            }
            arrival += running(site, fix.route[at], travelled, pace_permille);
            arrival += fix.stop.filter(|stop| stop.at == at).map_or(Millis::ZERO, |stop| stop.dwell);
            if block == Block::Free && at < pass.first && setting.is_blocked(fix, at) {
                block = Block::Before;
            }
            distance_mm += site.edge(fix.route[at]).map_or(0, |edge| edge.length_mm - travelled);
            at += 1;
        }
        let ahead =
            Ahead { arrival, queue_milli: ahead_milli, distance_mm, nearest: found.is_empty(), block };
        let need = time_pass(setting, vehicle, fix, (passes, pass), ahead, driver);
        let through = green_expected(setting, &need) + settings.queue_time(ahead_milli);
        arrival = arrival.max(through);
        let style = settings.style(site.head(pass.head).fixed_time);
        ahead_milli = ahead_milli * style.carried_permille / 1000;
        let far = need.arrival > now + HORIZON;
        found.push(need);
        if far {
            break;
        }
    }
    found
}

fn pace(speed_mm_s: i64, pace_permille: i64) -> i64 {
    (speed_mm_s * pace_permille / 1000).max(SLOWEST_MM_S)
}

fn running(site: &Site, edge: EdgeId, travelled_mm: i64, pace_permille: i64) -> Millis {
    site.edge(edge).map_or(Millis::ZERO, |edge| {
        Millis((edge.length_mm - travelled_mm).max(0) * 1000 / pace(edge.speed_mm_s, pace_permille))
    })
}

/// What lies between a vehicle and a stop line.
struct Ahead {
    arrival: Millis,
    queue_milli: i64,
    distance_mm: i64,
    nearest: bool,
    block: Block,
}

/// Whether somebody stands in the way who is not helped by this green.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Block {
    Free,
    /// Between the signal before this one and this one.
    Before,
    /// Before an earlier signal.
    Earlier,
}

fn time_pass(
    setting: &Setting<'_>,
    vehicle: usize,
    fix: &Fix,
    (passes, pass): (&[Pass], &Pass),
    ahead: Ahead,
    driver: Driver,
) -> Need {
    let Setting { site, settings, watches, now, .. } = *setting;
    let (head, watch) = (site.head(pass.head), &watches[pass.head.index()]);
    let dumb = settings.local_range_mm.is_some();
    if ahead.block != Block::Free && !dumb {
        return behind_others(setting, vehicle, fix, pass, &ahead);
    }
    let target = choose(head, pass, watch, settings, ahead.queue_milli);
    let shown = serves(head, pass, &watch.state);
    let soon = ahead.arrival <= now + lead(setting, fix, pass, ahead.queue_milli, shown);
    let full = is_full(setting, fix, passes, pass);
    let near = match settings.local_range_mm {
        Some(range_mm) => ahead.nearest && ahead.distance_mm <= range_mm,
        None => {
            soon && !full && !better_left_alone(head, pass, watch, target, &site.clearance, (now, site.step))
        }
    };
    let flows =
        !full || ahead.arrival <= now + AT_THE_LINE || driver.stalled < Millis(settings.full_stall_ms);
    // A tram stands at its stops: its holds are short, and that is bound enough.
    let moves_on = fix.rank == Rank::Transit || settings.pursues(driver.stalled, ahead.nearest);
    let pursued = moves_on && (flows || dumb);
    let (pass, arrival) = (pass.clone(), ahead.arrival);
    Need {
        vehicle,
        rank: fix.rank,
        pass,
        target,
        arrival,
        due: near && pursued,
        pursued,
        shown,
        flush: false,
    }
}

/// A vehicle behind others who wait for another movement: those first.
fn behind_others(setting: &Setting<'_>, vehicle: usize, fix: &Fix, pass: &Pass, ahead: &Ahead) -> Need {
    let Setting { site, settings, watches, now, .. } = *setting;
    let (head, watch) = (site.head(pass.head), &watches[pass.head.index()]);
    let soon = ahead.arrival <= now + Millis(settings.flush_ahead_ms);
    let wanted =
        ahead.block == Block::Before && settings.flush_max_ms > 0 && fix.rank == Rank::Emergency && soon;
    let known = setting.cures.get(&(pass.head, pass.approach())).copied();
    // What has helped before is tried first, unless it has just been green.
    let helped = known.filter(|k| waited(head, *k, watch, now) > Millis(settings.flush_max_ms));
    let phase = helped.or_else(|| overdue(head, pass, watch, now)).filter(|_| wanted);
    Need {
        vehicle,
        rank: fix.rank,
        pass: pass.clone(),
        target: phase.map_or(Target::Approach, Target::Phase),
        arrival: ahead.arrival,
        due: phase.is_some(),
        pursued: false,
        shown: false,
        flush: phase.is_some(),
    }
}

/// How long before the arrival a pass is asked for.
fn lead(setting: &Setting<'_>, fix: &Fix, pass: &Pass, queue_milli: i64, shown: bool) -> Millis {
    let Setting { site, settings, .. } = *setting;
    // A green that ends before it is called is called back within its own yellow and red: nobody
    // else has begun by then.
    let back = site.clearance.yellow + site.clearance.all_red;
    let entry = if shown { back } else { site.clearance.worst() };
    if fix.rank == Rank::Transit {
        return entry + Millis(settings.margin_transit_ms);
    }
    let style = settings.style(site.head(pass.head).fixed_time);
    (entry + settings.queue_time(queue_milli) + Millis(style.margin_ms)).min(Millis(style.lead_max_ms))
}

/// Whether an edge just behind the pass takes no further vehicle: a green would only fill the junction.
/// What stands before a line that is green for the vehicle is on its way.
fn is_full(setting: &Setting<'_>, fix: &Fix, passes: &[Pass], pass: &Pass) -> bool {
    let mut left_mm = setting.settings.style(setting.site.head(pass.head).fixed_time).room_mm;
    let mut full = false;
    for (at, edge) in fix.route.iter().enumerate().skip(pass.last + 1) {
        let Some(about) = setting.site.edge(*edge).filter(|_| left_mm > 0) else { break };
        full |= setting.queues.is_full(edge.index(), about.length_mm);
        if setting.is_blocked(fix, at) {
            return full;
        }
        if let Some(next) = passes.iter().find(|next| next.first == at) {
            let watch = &setting.watches[next.head.index()];
            let ours = watch
                .hold
                .as_ref()
                .is_some_and(|hold| hold.vehicle == fix.name && hold.purpose == Purpose::Pass);
            let goes = ours || serves(setting.site.head(next.head), next, &watch.state);
            full &= !goes;
        }
        left_mm -= about.length_mm;
    }
    full
}

/// When the pass is expected to be green.
fn green_expected(setting: &Setting<'_>, need: &Need) -> Millis {
    let Setting { site, watches, now, .. } = *setting;
    let (head, watch) = (site.head(need.pass.head), &watches[need.pass.head.index()]);
    match &watch.hold {
        _ if need.shown => now,
        Some(hold) => (hold.asked_at + site.clearance.worst()).max(now),
        None if need.due => now + time_to_green(head, &need.pass, watch, need.target, &site.clearance, now),
        None => now,
    }
}
