//! The state that serves a pass, and how soon it can be shown (T_T of planning notes 4.2).

use clearway_signals::Millis;

use super::settings::Settings;
use super::site::{Clearance, Head, is_green};
use super::watch::Watch;
use super::way::Pass;

/// Fewer than this stand before the vehicle: nobody, thousandths of a vehicle.
const NOBODY_MILLI: i64 = 500;

/// What a controller is asked to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// This phase of its plan: opposing traffic goes on too, and the plan goes on from there.
    Phase(usize),
    /// Every movement of the approach, and nobody else.
    Approach,
    /// The pass through joined junctions, and whoever does not conflict with it.
    Path,
}

/// The links that a pass needs green.
pub fn needed<'a>(head: &'a Head, pass: &'a Pass) -> impl Iterator<Item = usize> + 'a {
    pass.moves.iter().flat_map(|(from, to)| head.links_between(*from, *to))
}

/// Whether the state lets the whole pass through.
pub fn serves(head: &Head, pass: &Pass, state: &[u8]) -> bool {
    needed(head, pass).all(|i| state.get(i).is_some_and(|c| is_green(*c)))
}

/// The best target for a pass. Where nobody stands before the vehicle, nobody needs to turn off before it
/// either: a phase will do in which others of its approach give way, and opposing traffic goes on.
pub fn choose(head: &Head, pass: &Pass, watch: &Watch, settings: &Settings, queue_milli: i64) -> Target {
    let yielding = settings.style(head.fixed_time).yielding_phase || queue_milli < NOBODY_MILLI;
    let fits = |state: &[u8]| {
        let protected = needed(head, pass).all(|i| state[i] == b'G');
        // Whoever waits before the vehicle on its own lane must be able to leave, whichever way he turns.
        let approach_goes = pass.moves.iter().all(|(from, _)| {
            head.links_from(*from).all(|i| state[i] == b'G' || (yielding && is_green(state[i])))
        });
        protected && approach_goes
    };
    let best = head
        .phases
        .iter()
        .enumerate()
        .filter(|(_, phase)| phase.is_holdable() && fits(&phase.state))
        .max_by_key(|(k, phase)| {
            let shown = phase.state == watch.state;
            let greens = phase.state.iter().filter(|c| is_green(**c)).count();
            (shown, greens, phase.duration, std::cmp::Reverse(*k))
        });
    match best {
        Some((k, _)) => Target::Phase(k),
        None if head.joined => Target::Path,
        None => Target::Approach,
    }
}

/// For how long somebody has waited for a phase.
pub fn waited(head: &Head, phase: usize, watch: &Watch, now: Millis) -> Millis {
    let Some(phase) = head.phases.get(phase) else { return Millis::ZERO };
    let green = phase.state.iter().enumerate().filter(|(_, c)| is_green(**c));
    let those = green.filter(|(i, _)| head.links[*i].is_some());
    those.map(|(i, _)| watch.red_for(i, now)).max().unwrap_or(Millis::ZERO)
}

/// The phase whose turn is the most overdue; phases that serve the pass are left out.
pub fn overdue(head: &Head, pass: &Pass, watch: &Watch, now: Millis) -> Option<usize> {
    let phases = head.phases.iter().enumerate();
    let other = phases.filter(|(_, phase)| phase.is_holdable() && !serves(head, pass, &phase.state));
    let order = |k: usize| (waited(head, k, watch, now), head.phases[k].duration, std::cmp::Reverse(k));
    other.map(|(k, _)| k).max_by_key(|k| order(*k))
}

/// An approach that is green in a phase.
pub fn approach_of(head: &Head, phase: usize) -> Option<super::site::EdgeId> {
    let state = &head.phases.get(phase)?.state;
    let mut links = head.links.iter().enumerate().filter(|(i, _)| is_green(state[*i]));
    links.find_map(|(_, link)| link.map(|(from, _)| from))
}

/// Time from a request now until the pass is green. Links that are green and stay so are not
/// interrupted.
pub fn time_to_green(
    head: &Head,
    pass: &Pass,
    watch: &Watch,
    target: Target,
    clearance: &Clearance,
    now: Millis,
) -> Millis {
    if !watch.is_seen() {
        return clearance.worst();
    }
    if serves(head, pass, &watch.state) {
        return Millis::ZERO;
    }
    let stays = |i: usize| match target {
        Target::Phase(k) => head.phases.get(k).is_some_and(|phase| is_green(phase.state[i])),
        Target::Approach => head.links[i].is_some_and(|(from, _)| from == pass.approach()),
        // Which links the controller leaves green beside the path is its own choice.
        Target::Path => false,
    };
    let mut wait = Millis::ZERO;
    for i in (0..watch.state.len().min(head.links.len())).filter(|i| watch.green(*i) && !stays(*i)) {
        wait = wait.max(clearance.min_green - watch.green_for(i, now)).max(clearance.pedestrian);
    }
    let ends = |(i, c): (usize, &u8)| (is_green(*c) || matches!(c, b'y' | b'u')) && !stays(i);
    let yellow = watch.state.iter().enumerate().take(head.links.len()).any(ends);
    wait + if yellow { clearance.yellow } else { Millis::ZERO } + clearance.all_red
}

/// Whether the plan, left alone for a little, lets the pass through sooner than a request made now:
/// a green that ends by itself needs no further clearance for pedestrians.
pub fn better_left_alone(
    head: &Head,
    pass: &Pass,
    watch: &Watch,
    target: Target,
    clearance: &Clearance,
    (now, step): (Millis, Millis),
) -> bool {
    let present = time_to_green(head, pass, watch, target, clearance, now);
    if present <= clearance.yellow + clearance.all_red || step <= Millis::ZERO {
        return false;
    }
    let (mut ahead, mut waited) = (watch.clone(), step);
    while waited + clearance.all_red < present {
        let Some(state) = watch.planned(head, now + waited) else { return false };
        ahead.show(state, now + waited);
        if waited + time_to_green(head, pass, &ahead, target, clearance, now + waited) < present {
            return true;
        }
        waited += step;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steer::site::{EdgeId, HeadId, Phase};

    #[test]
    fn opposing_traffic_goes_on_where_nobody_stands_before_the_vehicle() {
        let link = |from, to| Some((EdgeId(from), EdgeId(to)));
        let phase = |state: &str| Phase { duration: Millis(9_000), state: state.as_bytes().to_vec() };
        let head = Head {
            name: "x".into(),
            joined: false,
            fixed_time: true,
            links: vec![link(0, 1), link(0, 2), link(3, 4)],
            phases: vec![phase("GgG"), phase("GGr")],
        };
        let pass = Pass { head: HeadId(0), first: 0, last: 0, moves: vec![(EdgeId(0), EdgeId(1))] };
        let target = |queue| choose(&head, &pass, &Watch::default(), &Settings::default(), queue);
        assert_eq!((target(0), target(1_000)), (Target::Phase(0), Target::Phase(1)));
    }
}
