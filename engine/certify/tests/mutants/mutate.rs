//! One to three changes of a sound case, of any field that the checker reads.

use clearway_certify::{Ask, Class, Held};
use clearway_signals::{
    Capabilities, Channel, ControllerId, GroupSet, Millis, Owner, Relation, RequestId, RowId, RowKind,
};

use crate::draw::Draw;
use crate::sites::{Case, Site};

pub fn mutate(case: &mut Case, draw: &mut Draw) {
    for _ in 0..1 + draw.below(3) {
        match draw.below(10) {
            0..=3 => change_ask(case, draw),
            4 => add_call(case, draw),
            5 => change_held(case, draw),
            6 => change_binding(case, draw),
            7 | 8 => change_row(case, draw),
            _ => change_interval(case, draw),
        }
    }
}

/// A time a little, or hopelessly, off.
fn off(time: Millis, draw: &mut Draw) -> Millis {
    let by = draw.of(&[1, 100, 1_000, 5_000, 20_000, 60_000, 120_000]);
    match draw.below(12) {
        0 => draw.of(&[Millis::NEVER, Millis(i64::MIN), Millis::ZERO, Millis(-1)]),
        n if n % 2 == 0 => time + Millis(by),
        _ => time - Millis(by),
    }
}

fn a_row(draw: &mut Draw) -> RowId {
    RowId(u8::try_from(draw.below(8)).unwrap_or(0))
}

fn change_ask(case: &mut Case, draw: &mut Draw) {
    let n = draw.below(case.asks.len());
    let ask = &mut case.asks[n];
    match draw.below(9) {
        0 => ask.assert_at = off(ask.assert_at, draw),
        1 => ask.arrival = off(ask.arrival, draw),
        2 => ask.release_at = off(ask.release_at, draw),
        3 => {
            let later = Millis(draw.between(-90_000, 90_000));
            ask.assert_at += later;
            ask.arrival += later;
            ask.release_at += later;
        }
        4 => ask.row = a_row(draw),
        5 => ask.controller = ControllerId(u16::try_from(draw.below(8)).unwrap_or(0)),
        6 => ask.request = RequestId(draw.of(&[1, 2, 9])),
        7 => ask.wanted = GroupSet(draw.bits() >> draw.of(&[0, 48, 56, 60, 62, 63])),
        _ => case.class = draw.of(&[Class::Emergency, Class::Tram, Class::Bus]),
    }
}

/// Another row of a controller that is asked already, somewhere about the same time.
fn add_call(case: &mut Case, draw: &mut Draw) {
    let n = draw.below(case.asks.len());
    let first = case.asks[n];
    let Some(site) = case.sites.iter().find(|site| site.id == first.controller) else { return };
    let row = a_row(draw);
    let wanted = site.rows.get(row.index()).map_or(first.wanted, |row| row.dwell);
    let later = Millis(draw.of(&[0, 1_000, 10_000]) + draw.between(0, 150_000));
    let request = RequestId(draw.of(&[first.request.0, 7]));
    case.asks.push(Ask {
        row,
        request,
        wanted,
        assert_at: first.assert_at + later,
        arrival: first.arrival + later,
        release_at: first.release_at + later,
        ..first
    });
}

/// Somebody else's call elsewhere in time; or the call of the first request itself, which stands already.
fn change_held(case: &mut Case, draw: &mut Draw) {
    let ask = case.asks[0];
    let from = (ask.assert_at + Millis(draw.between(-150_000, 150_000))).max(Millis::ZERO);
    let until = from + Millis(draw.between(1, 100_000));
    let row = if draw.one_in(2) { ask.row } else { RowId(1) };
    let request = if row == ask.row { RequestId(draw.of(&[ask.request.0, 9])) } else { RequestId(9) };
    case.held = Some((ask.controller, Held { request, row, from, until }));
}

fn asked_site<'a>(case: &'a mut Case, draw: &mut Draw) -> Option<(&'a mut Site, Ask)> {
    let ask = case.asks[draw.below(case.asks.len())];
    Some((case.sites.iter_mut().find(|site| site.id == ask.controller)?, ask))
}

fn change_binding(case: &mut Case, draw: &mut Draw) {
    let Some((site, ask)) = asked_site(case, draw) else { return };
    let capabilities = [Capabilities::NONE, Capabilities::PREEMPT, Capabilities::PRIORITY];
    let kinds = [RowKind::Rail, RowKind::Emergency, RowKind::Transit];
    match draw.below(5) {
        0 => site.capabilities = draw.of(&capabilities),
        1 => site.rows.iter_mut().for_each(|row| row.number = row.number.saturating_add(1) % 5),
        n => {
            let Some(row) = site.rows.get_mut(ask.row.index()) else { return };
            match n {
                2 => row.owner = draw.of(&[Owner::Ours, Owner::Other]),
                3 => row.kind = draw.of(&kinds),
                _ => row.channel = draw.of(&[Channel::Preempt, Channel::Priority]),
            }
        }
    }
}

fn change_row(case: &mut Case, draw: &mut Draw) {
    let Some((site, ask)) = asked_site(case, draw) else { return };
    let (all, Some(row)) = (site.groups.len() + 1, site.rows.get_mut(ask.row.index())) else { return };
    match draw.below(6) {
        0 => row.delay = off(row.delay, draw),
        1 => row.min_duration = off(row.min_duration, draw),
        2 => row.min_dwell = off(row.min_dwell, draw),
        3 => row.max_presence = off(row.max_presence, draw),
        4 => row.number = u8::try_from(draw.below(5)).unwrap_or(0),
        _ => row.dwell.0 ^= 1 << draw.below(all),
    }
}

fn change_interval(case: &mut Case, draw: &mut Draw) {
    let Some((site, _)) = asked_site(case, draw) else { return };
    let (group, pair) = (draw.below(site.groups.len()), draw.below(site.relations.len()));
    match draw.below(7) {
        0 => site.groups[group].min_green = off(site.groups[group].min_green, draw),
        1 => site.groups[group].yellow = off(site.groups[group].yellow, draw),
        2 => site.groups[group].clearance = off(site.groups[group].clearance, draw),
        3 => site.groups[group].red_yellow = off(site.groups[group].red_yellow, draw),
        4 => site.relations.truncate(pair),
        _ if site.relations.is_empty() => {}
        _ => {
            let (free, permitted) = (Relation::Compatible, Relation::Permitted);
            let conflict = Relation::Conflict(off(Millis(6_000), draw));
            site.relations[pair] = draw.of(&[free, permitted, conflict, conflict, conflict]);
        }
    }
}
