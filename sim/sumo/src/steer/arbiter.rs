//! Who is served where several ask: at each controller, whoever arrives first; a hold is not taken
//! away for a small advantage, and never lasts for ever.

use clearway_signals::Millis;
use clearway_signals::limits::LEASE_MAX;

use super::engine::{Ask, AskKind};
use super::observe::{HeadMode, Observation, Rank};
use super::proof::{Claim, Proof};
use super::settings::Settings;
use super::site::{HeadId, Site};
use super::target::{Target, approach_of, serves};
use super::watch::{Hold, Purpose, Watch};
use super::wave::Need;
use super::way::Pass;

/// What is decided upon.
pub struct Case<'a> {
    pub site: &'a Site,
    pub settings: &'a Settings,
    pub proofs: &'a [Option<Proof>],
    pub seen: &'a Observation,
    /// Every need of every vehicle.
    pub needs: &'a [Need],
}

/// Decide at one controller; changes the watch's hold and appends what is to be asked.
pub fn decide(case: &Case<'_>, id: HeadId, watch: &mut Watch, asks: &mut Vec<Ask>) {
    let now = case.seen.now;
    let here = || case.needs.iter().filter(|need| need.pass.head == id);
    if let Some(hold) = watch.hold.clone() {
        match review(case, id, watch, &hold) {
            Verdict::Keep => return,
            Verdict::HandOver(vehicle, pass, rank) => {
                watch.hold = Some(Hold { vehicle, pass, rank, ..hold });
                return;
            }
            Verdict::Release { block } => {
                watch.hold = None;
                if hold.rank == Rank::Transit {
                    watch.transit_blocked_until = now + Millis(case.settings.lockout_transit_ms);
                }
                if block {
                    watch.blocked_until = now + Millis(case.settings.lockout_ms);
                }
                asks.push(Ask { head: id, kind: AskKind::Release });
            }
        }
    } else if !matches!(watch.mode, HeadMode::Normal | HeadMode::Recovering) {
        return;
    }
    if now < watch.blocked_until {
        return;
    }
    let transit_free = now >= watch.transit_blocked_until;
    let may_ask = |need: &Need| need.rank == Rank::Emergency || transit_free;
    let first = here()
        .filter(|need| need.due && may_ask(need))
        .min_by_key(|need| (need.rank, need.arrival, need.vehicle));
    if let Some(need) = first {
        let vehicle = case.seen.vehicles[need.vehicle].name.clone();
        let purpose = if need.flush { Purpose::Flush } else { Purpose::Pass };
        ask(case, id, watch, asks, (vehicle, need.rank), (&need.pass, need.target, purpose));
    }
}

/// Ask for a target, if the checker lets it pass.
fn ask(
    case: &Case<'_>,
    id: HeadId,
    watch: &mut Watch,
    asks: &mut Vec<Ask>,
    (vehicle, rank): (String, Rank),
    (pass, target, purpose): (&Pass, Target, Purpose),
) {
    let now = case.seen.now;
    let head = case.site.head(id);
    let longest = (case.site.clearance.worst() + Millis(case.settings.hold_max_ms)).min(LEASE_MAX);
    let serves = purpose == Purpose::Pass;
    let claim = Claim { rank, pass, target, serves, now, release_at: now + longest };
    let proof = case.proofs.get(id.index()).and_then(Option::as_ref);
    if proof.is_none_or(|proof| proof.certify(head, &claim).is_err()) {
        return;
    }
    let (approach, moves) = match (purpose, target) {
        (Purpose::Flush, Target::Phase(k)) => (approach_of(head, k).unwrap_or(pass.approach()), Vec::new()),
        _ => (pass.approach(), pass.moves.clone()),
    };
    let kept = pass.clone();
    watch.hold = Some(Hold { vehicle, rank, pass: kept, purpose, target, asked_at: now, shown_at: None });
    asks.push(Ask { head: id, kind: AskKind::Request { approach, target, moves } });
}

enum Verdict {
    Keep,
    HandOver(String, Pass, Rank),
    Release { block: bool },
}

fn review(case: &Case<'_>, id: HeadId, watch: &Watch, hold: &Hold) -> Verdict {
    let (settings, now) = (case.settings, case.seen.now);
    let head = case.site.head(id);
    // A change that has begun is carried through: nothing that ends is cut short by a second thought.
    if watch.mode == HeadMode::Entering {
        return Verdict::Keep;
    }
    let held = hold.shown_at.map_or(Millis::ZERO, |at| now.since(at));
    let transit = hold.rank == Rank::Transit;
    let hold_max_ms = if transit { settings.hold_transit_max_ms } else { settings.hold_max_ms };
    if held >= Millis(hold_max_ms) || now.since(hold.asked_at) >= LEASE_MAX {
        return Verdict::Release { block: true };
    }
    let here = || case.needs.iter().filter(|need| need.pass.head == id);
    let name = |need: &Need| &case.seen.vehicles[need.vehicle].name;
    let own = |need: &&Need| *name(need) == hold.vehicle && need.pass.first == hold.pass.first;
    let holder = here().find(own);
    if hold.purpose == Purpose::Flush {
        let goes_on = holder.is_some_and(|own| own.flush) && held < Millis(settings.flush_max_ms);
        return if goes_on { Verdict::Keep } else { Verdict::Release { block: false } };
    }
    if holder.is_some_and(|own| own.flush) {
        return Verdict::Release { block: false };
    }
    let rival = here()
        .filter(|need| need.due && !need.flush && !own(need))
        .min_by_key(|need| (need.rank, need.arrival, need.vehicle));
    let rival_served = |need: &Need| serves(head, &need.pass, &watch.state);
    match (holder, rival) {
        (Some(own), Some(other)) => {
            let sooner = other.arrival + Millis(settings.overtake_ms) < own.arrival;
            let overtaken = other.rank < own.rank || (other.rank == own.rank && sooner);
            if (overtaken || !own.pursued) && !rival_served(other) {
                Verdict::Release { block: false }
            } else {
                Verdict::Keep
            }
        }
        (Some(own), None) => {
            if own.pursued {
                Verdict::Keep
            } else {
                Verdict::Release { block: true }
            }
        }
        (None, Some(other)) => {
            let soon = other.arrival <= now + Millis(settings.bridge_ms) || other.due;
            if soon && rival_served(other) {
                Verdict::HandOver(name(other).clone(), other.pass.clone(), other.rank)
            } else {
                Verdict::Release { block: false }
            }
        }
        (None, None) => Verdict::Release { block: false },
    }
}
