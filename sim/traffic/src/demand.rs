//! Background demand: how many cars appear where, and which way they go.
//!
//! Four kinds: flows that the network itself suggests, metered until no approach is asked for more
//! than a share of its capacity; flows between given places; flows that turn at each junction by given
//! shares; and a list of trips. A profile over time scales all but the list.

mod metered;
mod profile;
mod turning;

use std::collections::VecDeque;
use std::sync::Arc;

use clearway_network::{LinkId, MovementId};

use crate::rng::Rng;

pub use metered::Metered;
pub use profile::Profile;
pub use turning::{TurnShares, Wander};

/// Which cars there are, and where they go.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// Where cars come in.
    pub inflows: Vec<Inflow>,
    /// Scales the inflows over time.
    pub profile: Profile,
    /// Cars one by one, in the order of their times.
    pub trips: Vec<ListedTrip>,
}

/// Cars that appear at one link in a Poisson stream.
#[derive(Clone, Debug)]
pub struct Inflow {
    /// The link that they appear on, at its start.
    pub link: LinkId,
    /// Cars an hour where the profile stands at 1.
    pub per_h: f64,
    /// Where they go.
    pub ways: Ways,
}

/// Ways over movements, each with its weight.
pub type WeightedWays = Vec<(f64, Arc<[MovementId]>)>;

/// Where the cars of an inflow go.
#[derive(Clone, Debug)]
pub enum Ways {
    /// One of these, by weight.
    Fixed(WeightedWays),
    /// As the turns at each junction fall.
    Wander(Arc<Wander>),
}

/// One car.
#[derive(Clone, PartialEq, Debug)]
pub struct ListedTrip {
    /// When it appears.
    pub at_ms: i64,
    /// The link it appears on.
    pub link: LinkId,
    /// Its way from there.
    pub way: Arc<[MovementId]>,
}

/// What became of a listed trip.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TripTimes {
    /// When it found room on the road, milliseconds.
    pub entered_ms: Option<i64>,
    /// When it left the network, milliseconds.
    pub left_ms: Option<i64>,
}

/// A car that waits at a source.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) appeared_ms: i64,
    pub(crate) way: Arc<[MovementId]>,
    pub(crate) trip: u32,
}

/// Where cars come in.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) link: LinkId,
    pub(crate) per_s: f64,
    ways: SourceWays,
    pub(crate) rng: Rng,
    /// Cars that found no room yet.
    pub(crate) waiting: VecDeque<Waiting>,
    /// A next try is scheduled or a lane will call.
    pub(crate) called: bool,
}

#[derive(Debug)]
enum SourceWays {
    /// Ways with the running sum of their flows.
    Fixed(Vec<(f64, Arc<[MovementId]>)>),
    Wander(Arc<Wander>),
}

impl Source {
    fn new(inflow: Inflow, seed: u64) -> Self {
        let ways = match inflow.ways {
            Ways::Wander(wander) => SourceWays::Wander(wander),
            Ways::Fixed(ways) => {
                let mut sum = 0.0;
                let running = ways.into_iter().map(|(weight, way)| {
                    sum += weight;
                    (sum, way)
                });
                SourceWays::Fixed(running.collect())
            }
        };
        let per_s = inflow.per_h / 3600.0;
        Self { per_s, ways, ..Self::silent(inflow.link, seed) }
    }

    /// A source of listed trips alone.
    pub(crate) fn silent(link: LinkId, seed: u64) -> Self {
        let rng = Rng::new(seed, 0x1_0000 + u64::from(link.0));
        let ways = SourceWays::Fixed(Vec::new());
        Self { link, per_s: 0.0, ways, rng, waiting: VecDeque::new(), called: false }
    }

    /// The way of the next car.
    pub(crate) fn draw_way(&mut self) -> Option<Arc<[MovementId]>> {
        match &self.ways {
            SourceWays::Wander(wander) => Some(wander.draw(self.link, &mut self.rng)),
            SourceWays::Fixed(ways) => {
                let total = ways.last()?.0;
                let drawn = self.rng.unit() * total;
                let index = ways.partition_point(|(sum, _)| *sum <= drawn);
                ways.get(index.min(ways.len() - 1)).map(|(_, way)| Arc::clone(way))
            }
        }
    }
}

/// The sources of a run: one for each inflow, then one for each further link on which trips begin.
/// `of_trip` is the source of each listed trip.
pub(crate) fn sources(inflows: &[Inflow], trips: &[ListedTrip], seed: u64) -> (Vec<Source>, Vec<u32>) {
    let usable = inflows.iter().filter(|inflow| inflow.per_h > 0.0);
    let mut sources: Vec<Source> = usable.map(|inflow| Source::new(inflow.clone(), seed)).collect();
    let mut by_link: std::collections::BTreeMap<LinkId, u32> = std::collections::BTreeMap::new();
    for (index, source) in (0_u32..).zip(&sources) {
        by_link.entry(source.link).or_insert(index);
    }
    let mut of_trip = Vec::with_capacity(trips.len());
    for trip in trips {
        let next = u32::try_from(sources.len()).unwrap_or(u32::MAX);
        let source = *by_link.entry(trip.link).or_insert(next);
        if source == next {
            sources.push(Source::silent(trip.link, seed));
        }
        of_trip.push(source);
    }
    (sources, of_trip)
}
