use super::*;
use crate::detour::testing::{block, link};
use clearway_network::Uses;

fn trip<'a>(network: &'a Network, closed: &'a [LinkId], line: u16, at: Option<usize>) -> Trip<'a> {
    Trip {
        line: LineId(line),
        back: Some(LineId(1 - line)),
        at,
        riders: Riders::of(Uses::TRAM, None),
        until: Millis::from_s(3_600),
        now: Millis::ZERO,
        ground: Ground { network, mode: Uses::TRAM, closed },
    }
}

fn names(network: &Network, links: &[LinkId]) -> Vec<String> {
    links.iter().map(|l| network.link(*l).name.clone()).collect()
}

fn stops(network: &Network, stops: &[StopId]) -> Vec<String> {
    stops.iter().map(|s| network.stops[s.index()].id.clone()).collect()
}

#[test]
fn a_tram_goes_around_on_the_other_track_and_calls_at_its_stops() {
    let network = block();
    let closed = [link(&network, "a1")];
    let found = options(&trip(&network, &closed, 0, None));
    let best = &found[0];
    assert_eq!(best.action, Action::Detour);
    assert_eq!(names(&network, &best.way), ["a0", "d0", "b1", "u2", "a2", "a3"]);
    assert_eq!(stops(&network, &best.skipped), ["s-a1"]);
    assert_eq!(stops(&network, &best.replacements), ["s-d0", "s-b1", "s-u2"]);
    let places: Vec<u32> = best.calls.iter().map(|c| c.link_index).collect();
    assert_eq!(places, [0, 1, 2, 3, 4, 5]);
    // 1 000 m at 10 m/s, four turns, the mean wait at a signal that is red 40 s of 60, and two more calls,
    // against 400 m.
    assert_eq!(best.extra, Millis(60_000 + 4 * 3_000 + 40_000 * 40 / 120 + 2 * 30_000));
    assert!(found.windows(2).all(|w| w[0].delay_pax_s <= w[1].delay_pax_s));
}

#[test]
fn where_no_track_leads_around_the_trip_turns_short() {
    let network = block();
    let mut closed = ["a1", "z1", "b1"].map(|name| link(&network, name)).to_vec();
    closed.sort_unstable();
    let east = &options(&trip(&network, &closed, 0, None))[0];
    assert_eq!((east.action, east.turnback), (Action::ShortTurn, Some(0)));
    assert_eq!(names(&network, &east.way), ["a0", "lp", "z0"]);
    assert_eq!(
        stops(&network, &east.skipped),
        ["s-a1"],
        "beyond the closure the trams that turn there serve"
    );
    let west = &options(&trip(&network, &closed, 1, None))[0];
    assert_eq!(names(&network, &west.way), ["z3", "z2", "lq", "a2", "a3"]);
}

#[test]
fn a_short_closure_is_waited_for() {
    let network = block();
    let closed = [link(&network, "a1")];
    let soon = Trip { until: Millis::from_s(60), ..trip(&network, &closed, 0, None) };
    let best = &options(&soon)[0];
    assert_eq!((best.action, best.extra), (Action::Hold, Millis::from_s(30)), "half of it on average");
    assert_eq!(names(&network, &best.way), ["a0"]);
    let on_its_way = Trip { at: Some(0), ..soon };
    assert_eq!(
        options(&on_its_way).iter().find(|d| d.action == Action::Hold).unwrap().extra,
        Millis::from_s(60)
    );
    let later = Trip { until: Millis::from_s(3_600), ..soon };
    assert_eq!(options(&later)[0].action, Action::Detour);
}

#[test]
fn a_trip_between_the_last_switch_and_the_closure_can_only_wait() {
    let network = block();
    let closed = [link(&network, "a3")];
    let found = options(&trip(&network, &closed, 0, Some(1)));
    assert!(found.iter().all(|d| d.action == Action::Hold), "{found:?}");
}

#[test]
fn who_is_past_the_closure_is_not_concerned() {
    let network = block();
    let closed = [link(&network, "a1")];
    assert!(options(&trip(&network, &closed, 0, Some(2))).is_empty());
}

/// The oracle: every way that a depth-first walk finds between the two sides, judged by the same words.
#[test]
fn no_detour_is_cheaper_than_the_one_that_is_found() {
    let network = block();
    let closed = [link(&network, "a1")];
    let trip = trip(&network, &closed, 0, None);
    let best = options(&trip).into_iter().find(|d| d.action == Action::Detour).unwrap();
    let line = &network.lines[0];
    let mut cheapest = i64::MAX;
    for leave in 0..1 {
        let mut walks = vec![vec![line.links[leave]]];
        while let Some(walked) = walks.pop() {
            let end = walked[walked.len() - 1];
            for (_, movement) in network.leaving(end) {
                let open = network.link(movement.to).uses.allow(Uses::TRAM) && !closed.contains(&movement.to);
                if !open || walked.contains(&movement.to) {
                    continue;
                }
                let mut longer = walked.clone();
                longer.push(movement.to);
                if let Some(join) = line.links.iter().position(|l| *l == movement.to).filter(|j| *j > 1) {
                    cheapest = cheapest.min(judged(&trip, leave, join, &longer));
                }
                walks.push(longer);
            }
        }
    }
    assert_eq!(best.delay_pax_s, cheapest);
}

fn judged(trip: &Trip<'_>, leave: usize, join: usize, walked: &[LinkId]) -> i64 {
    let (network, line) = (trip.ground.network, trip.line());
    let via = &walked[1..walked.len() - 1];
    let calls = calls_on(network, line, leave, via, line, join);
    let skipped = left_out(line, 0, &calls);
    let more = replacements(line, &calls).len() as i64 - skipped.len() as i64;
    let time = time_along(network, Uses::TRAM, walked);
    let usual = time_along(network, Uses::TRAM, &line.links[leave..=join]);
    let extra = (time - usual + Millis(CALL.0 * more)).max(Millis::ZERO);
    let walks = skipped.iter().map(|stop| walk(network, *stop, calls.iter().map(|c| c.stop)));
    trip.riders.detour(extra, walks)
}
