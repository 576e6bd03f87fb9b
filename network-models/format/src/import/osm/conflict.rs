//! How the signal groups of a controller stand to each other, and the intergreens between them.
//!
//! Intergreens after RiLSA: t_z = t_ü + t_r − t_e with t_r = (s_0 + l) / v_r and t_e = s_e / v_e, the
//! distances from the stop lines to the point where the drawn ways meet; the greatest value over all
//! streams of the two groups, rounded up to whole seconds. They count from the end of green (walk).

use clearway_signals::GroupKind;

use super::base::Base;
use super::geo;
use super::profile::Profile;
use super::streams::{Approach, Crosswalk, Site, Stream};
use super::streets::Kind;

/// How one group stands to another; seconds from the end of the first to the start of the second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Relation {
    /// May run together.
    Compatible,
    /// May run together; one gives way.
    Permitted,
    /// Never together.
    Conflict(u32),
}

/// Where a stream meets another: distance of each from its stop line to the point.
struct Meeting {
    first_m: f64,
    second_m: f64,
}

/// Whether two streams meet, and how.
enum Encounter {
    Never,
    GivesWay,
    Conflict(Vec<Meeting>),
}

/// A car and a tram on one lane follow each other.
const SAME_LANE_M: f64 = 2.6;
/// Lines that meet at less than this run along each other.
const CROSSING_MIN_DEG: f64 = 12.0;
/// Two approaches that differ from head-on by no more than this are opposing.
const OPPOSING_DEG: f64 = 50.0;
/// From here on a stream turns.
const TURNING_DEG: f64 = 38.0;
/// A turn across more opposing lanes than this is never only permitted.
const PERMITTED_LANES_MAX: u8 = 2;

/// Judges the groups of one controller: approaches first, then crossings.
pub struct Judge<'a> {
    /// The graph.
    pub base: &'a Base,
    /// The controller's streams.
    pub site: &'a Site,
    /// Speeds and lengths.
    pub profile: &'a Profile,
}

impl Judge<'_> {
    /// Relations of all groups, `[ending][starting]`.
    pub fn relations(&self) -> Vec<Vec<Relation>> {
        let roads = self.site.approaches.len();
        let n = roads + self.site.crosswalks.len();
        let mut table = vec![vec![Relation::Compatible; n]; n];
        for (a, first) in self.site.approaches.iter().enumerate() {
            for (b, second) in self.site.approaches.iter().enumerate().skip(a + 1) {
                (table[a][b], table[b][a]) = self.approaches(first, second);
            }
            for (k, walk) in self.site.crosswalks.iter().enumerate() {
                (table[a][roads + k], table[roads + k][a]) = self.walk(first, walk);
            }
        }
        table
    }

    fn approaches(&self, a: &Approach, b: &Approach) -> (Relation, Relation) {
        let mut relations = (Relation::Compatible, Relation::Compatible);
        for first in &a.streams {
            for second in &b.streams {
                let (ab, ba) = match self.encounter((a, first), (b, second)) {
                    Encounter::Never => continue,
                    Encounter::GivesWay => (Relation::Permitted, Relation::Permitted),
                    Encounter::Conflict(meetings) => self.intergreens((a, first), (b, second), &meetings),
                };
                relations = (relations.0.max(ab), relations.1.max(ba));
            }
        }
        relations
    }

    fn intergreens(
        &self,
        (a, first): (&Approach, &Stream),
        (b, second): (&Approach, &Stream),
        meetings: &[Meeting],
    ) -> (Relation, Relation) {
        let longest = |pairs: &mut dyn Iterator<Item = f64>| pairs.fold(0.0, f64::max);
        let ab = longest(
            &mut meetings.iter().map(|m| self.clearing_s(a, first, m.first_m) - self.entering_s(m.second_m)),
        );
        let ba = longest(
            &mut meetings.iter().map(|m| self.clearing_s(b, second, m.second_m) - self.entering_s(m.first_m)),
        );
        (Relation::Conflict(self.at_least_red(a, ab)), Relation::Conflict(self.at_least_red(b, ba)))
    }

    /// t_ü + t_r of a vehicle that clears the point.
    fn clearing_s(&self, approach: &Approach, stream: &Stream, distance_m: f64) -> f64 {
        let p = self.profile;
        let turning = stream.turn_deg.abs() > TURNING_DEG;
        let (crossing_s, speed) = if turning {
            (p.crossing_turning_s, p.clearing_turning_m_s)
        } else {
            (p.crossing_straight_s, p.clearing_straight_m_s)
        };
        let length_m = if approach.kind == Kind::Track { p.tram_length_m } else { p.vehicle_length_m };
        crossing_s + (distance_m + length_m) / speed
    }

    fn entering_s(&self, distance_m: f64) -> f64 {
        distance_m / self.profile.entering_m_s
    }

    /// At least the yellow of the approach that ends, and a little red.
    fn at_least_red(&self, ending: &Approach, seconds: f64) -> u32 {
        let kind = if ending.kind == Kind::Track { GroupKind::Tram } else { GroupKind::Vehicle };
        let yellow_s = self.profile.yellow_s(kind, self.base.links[ending.link].speed_m_s);
        whole_seconds(seconds.max(yellow_s + self.profile.red_clearance_s()))
    }

    /// Vehicles and people: whoever turns into the street gives way to those who walk along theirs.
    fn walk(&self, approach: &Approach, walk: &Crosswalk) -> (Relation, Relation) {
        let mut relations = (Relation::Compatible, Relation::Compatible);
        let clearance = clearance_s(walk, self.profile);
        for stream in &approach.streams {
            let Some(position) = stream.links.iter().position(|link| walk.links.contains(link)) else {
                continue;
            };
            let leaves = position + 1 == stream.links.len();
            let turns = stream.turn_deg.abs() > TURNING_DEG && approach.kind == Kind::Road;
            // What the stream stops before again is the next group's crossing.
            let again = leaves && self.site.approaches.iter().any(|a| a.link == stream.links[position]);
            if again {
                continue;
            }
            let found = if leaves && turns {
                (Relation::Permitted, Relation::Permitted)
            } else {
                let reach =
                    walk.places.iter().map(|&place| geo::nearest(&stream.line, place).1 - stream.stop_m);
                let far = reach.fold(0.0, f64::max);
                let vehicle = self.at_least_red(approach, self.clearing_s(approach, stream, far));
                (Relation::Conflict(vehicle), Relation::Conflict(clearance))
            };
            relations = (relations.0.max(found.0), relations.1.max(found.1));
        }
        relations
    }

    fn encounter(&self, (a, first): (&Approach, &Stream), (b, second): (&Approach, &Stream)) -> Encounter {
        let meetings = self.meetings(first, second);
        let merges = self.merge(first, second);
        match (a.kind, b.kind) {
            (Kind::Road, Kind::Road) => self.two_cars((a, first), (b, second), meetings, merges),
            (Kind::Track, Kind::Track) => conflict(meetings, merges),
            (Kind::Road, Kind::Track) => self.car_and_tram((a, first), (b, second), meetings),
            (Kind::Track, Kind::Road) => {
                match self.car_and_tram((b, second), (a, first), self.meetings(second, first)) {
                    Encounter::Conflict(all) => Encounter::Conflict(
                        all.into_iter()
                            .map(|m| Meeting { first_m: m.second_m, second_m: m.first_m })
                            .collect(),
                    ),
                    other => other,
                }
            }
        }
    }

    /// Points where the drawn ways cross behind both stop lines.
    fn meetings(&self, first: &Stream, second: &Stream) -> Vec<Meeting> {
        let (first_end_m, second_end_m) = (self.reaches(first, second), self.reaches(second, first));
        geo::crossings(&first.line, &second.line)
            .into_iter()
            .filter(|c| c.angle >= CROSSING_MIN_DEG && c.on_first < first_end_m && c.on_second < second_end_m)
            .map(|c| Meeting { first_m: c.on_first - first.stop_m, second_m: c.on_second - second.stop_m })
            .filter(|m| m.first_m >= 0.0 && m.second_m >= 0.0)
            .collect()
    }

    /// How far a stream runs before it queues at the stop line of the other: no conflict from there on.
    fn reaches(&self, stream: &Stream, other: &Stream) -> f64 {
        if !stream.links[1..].contains(&other.links[0]) {
            return f64::INFINITY;
        }
        geo::nearest(&stream.line, self.base.links[other.links[0]].line[0]).1
    }

    /// The start of the first link that both run over behind their stop lines.
    fn merge(&self, first: &Stream, second: &Stream) -> Option<Meeting> {
        let link = first.links[1..].iter().find(|link| second.links[1..].contains(link))?;
        let start = self.base.links[*link].line[0];
        let reach = |s: &Stream| (geo::nearest(&s.line, start).1 - s.stop_m).max(0.0);
        Some(Meeting { first_m: reach(first), second_m: reach(second) })
    }

    fn two_cars(
        &self,
        (a, first): (&Approach, &Stream),
        (b, second): (&Approach, &Stream),
        meetings: Vec<Meeting>,
        merges: Option<Meeting>,
    ) -> Encounter {
        let (from_a, from_b) = (&self.base.links[a.link], &self.base.links[b.link]);
        let head_on = geo::turn_angle(from_a.heading_in(), from_b.heading_in()).abs() >= 180.0 - OPPOSING_DEG;
        let left = |s: &Stream| s.turn_deg > TURNING_DEG;
        let opposing_lanes = if left(first) { from_b.lanes } else { from_a.lanes };
        let yields = head_on && left(first) != left(second) && opposing_lanes <= PERMITTED_LANES_MAX;
        match conflict(meetings, merges) {
            Encounter::Conflict(_) if yields => Encounter::GivesWay,
            other => other,
        }
    }

    fn car_and_tram(
        &self,
        (a, car): (&Approach, &Stream),
        (b, tram): (&Approach, &Stream),
        mut meetings: Vec<Meeting>,
    ) -> Encounter {
        let (street, track) = (&self.base.links[a.link], &self.base.links[b.link]);
        let delta = geo::turn_angle(street.heading_in(), track.heading_in()).abs();
        let stop = geo::point_at(&car.line, car.stop_m);
        let beside_m = geo::nearest(&tram.line, stop).0;
        if delta < 25.0 && beside_m < SAME_LANE_M {
            return Encounter::Never;
        }
        let shared_street = delta > 155.0 && beside_m < 2.0 * SAME_LANE_M && street.two_way;
        if meetings.is_empty() {
            meetings.extend(self.joins_track(car, tram));
        }
        match conflict(meetings, None) {
            Encounter::Conflict(_) if shared_street && car.turn_deg > TURNING_DEG => Encounter::GivesWay,
            other => other,
        }
    }

    /// Where a car's exit runs onto the lane of a tram that goes the same way.
    fn joins_track(&self, car: &Stream, tram: &Stream) -> Option<Meeting> {
        let end = geo::length(&car.line);
        let exit = self.base.links[car.links[car.links.len() - 1]].heading_out();
        let place = geo::point_at(&car.line, end - 4.0);
        let (away, on_tram) = geo::nearest(&tram.line, place);
        let along =
            geo::heading(geo::point_at(&tram.line, on_tram - 2.0), geo::point_at(&tram.line, on_tram + 2.0));
        let same = geo::turn_angle(exit, along).abs() < 30.0;
        let meeting = Meeting { first_m: end - 4.0 - car.stop_m, second_m: on_tram - tram.stop_m };
        (away < SAME_LANE_M && same && meeting.second_m >= 0.0).then_some(meeting)
    }
}

fn conflict(mut meetings: Vec<Meeting>, merges: Option<Meeting>) -> Encounter {
    meetings.extend(merges);
    if meetings.is_empty() { Encounter::Never } else { Encounter::Conflict(meetings) }
}

/// Seconds that people need to clear a crossing after walk.
pub fn clearance_s(walk: &Crosswalk, profile: &Profile) -> u32 {
    whole_seconds(walk.length_m / profile.walking_m_s())
}

/// Round up to whole seconds; a millisecond over does not count.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn whole_seconds(seconds: f64) -> u32 {
    (seconds - 0.001).ceil().clamp(0.0, 600.0) as u32
}
