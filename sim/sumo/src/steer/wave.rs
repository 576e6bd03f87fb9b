//! When each pass of a vehicle must be asked for.
//!
//! Planning notes 4.2: t_call = A − T_Q − T_T − margin, A(i+1) = max(A(i), green(i) + T_Q) + link;
//! T_T is the worst case, because a plan may change at the next step.

use clearway_signals::Millis;

use super::observe::{Fix, Rank};
use super::queues::Queues;
use super::settings::Settings;
use super::site::{EdgeId, Site};
use super::target::{Target, better_left_alone, choose, serves, time_to_green};
use super::watch::Watch;
use super::way::Pass;

/// Nobody is planned to drive slower than this, millimetres a second.
const SLOWEST_MM_S: i64 = 1_500;
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
    pub now: Millis,
}

/// The needs of one vehicle, nearest first.
pub fn needs(setting: &Setting<'_>, vehicle: usize, fix: &Fix, passes: &[Pass], driver: Driver) -> Vec<Need> {
    let pace_permille = driver.pace_permille;
    let Setting { site, settings, now, .. } = *setting;
    let mut found = Vec::new();
    let mut at = fix.at + usize::from(fix.on_junction);
    let mut arrival = now;
    let (mut ahead_milli, mut distance_mm) = (0, 0);
    if let Some(edge) = fix.route.get(at).and_then(|e| site.edge(*e)) {
        let lacking = (pace(edge.speed_mm_s, pace_permille) - fix.speed_mm_s).max(0);
        arrival += Millis(
            lacking * lacking * 1000 / (2 * ACCELERATION_MM_S2 * pace(edge.speed_mm_s, pace_permille)),
        );
    }
    for pass in passes.iter().filter(|pass| pass.last >= fix.at + usize::from(fix.on_junction)) {
        while at <= pass.last {
            let travelled = if at == fix.at && !fix.on_junction { fix.offset_mm } else { 0 };
            if at <= pass.first.max(fix.at) {
                ahead_milli += setting.queues.longest_milli(fix.route[at].index());
            }
            arrival += running(site, fix.route[at], travelled, pace_permille);
            distance_mm += site.edge(fix.route[at]).map_or(0, |edge| edge.length_mm - travelled);
            at += 1;
        }
        let ahead = Ahead { arrival, queue_milli: ahead_milli, distance_mm, nearest: found.is_empty() };
        let need = time_pass(setting, vehicle, fix, pass, ahead, driver);
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
}

fn time_pass(
    setting: &Setting<'_>,
    vehicle: usize,
    fix: &Fix,
    pass: &Pass,
    ahead: Ahead,
    driver: Driver,
) -> Need {
    let Setting { site, settings, watches, now, .. } = *setting;
    let (head, watch) = (site.head(pass.head), &watches[pass.head.index()]);
    let target = choose(head, pass, watch, settings);
    let shown = serves(head, pass, &watch.state);
    let soon = ahead.arrival <= now + lead(setting, fix, pass, ahead.queue_milli, shown);
    let full = is_full(setting, fix, pass);
    let near = match settings.local_range_mm {
        Some(range_mm) => ahead.nearest && ahead.distance_mm <= range_mm,
        None => {
            soon && !full && !better_left_alone(head, pass, watch, target, &site.clearance, (now, site.step))
        }
    };
    let flows =
        !full || ahead.arrival <= now + AT_THE_LINE || driver.stalled < Millis(settings.full_stall_ms);
    let pursued =
        settings.pursues(driver.stalled, ahead.nearest) && (flows || settings.local_range_mm.is_some());
    let (pass, arrival) = (pass.clone(), ahead.arrival);
    Need { vehicle, rank: fix.rank, pass, target, arrival, due: near && pursued, pursued, shown }
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
fn is_full(setting: &Setting<'_>, fix: &Fix, pass: &Pass) -> bool {
    let mut left_mm = setting.settings.style(setting.site.head(pass.head).fixed_time).room_mm;
    for edge in fix.route.iter().skip(pass.last + 1) {
        let Some(about) = setting.site.edge(*edge).filter(|_| left_mm > 0) else { return false };
        if setting.queues.is_full(edge.index(), about.length_mm) {
            return true;
        }
        left_mm -= about.length_mm;
    }
    false
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
