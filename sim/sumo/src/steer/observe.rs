//! What is seen at an instant.

use clearway_signals::Millis;

use super::site::EdgeId;

/// What a controller is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HeadMode {
    /// It runs its plan.
    #[default]
    Normal,
    /// A request waits for minimum green or pedestrians, or clears what conflicts.
    Entering,
    /// The requested state is shown.
    Holding,
    /// On its way back to the plan.
    Recovering,
}

/// One controller at an instant.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HeadView {
    /// What each link shows; empty: not seen.
    pub state: Vec<u8>,
    /// What it does.
    pub mode: HeadMode,
}

/// Who goes first where two ask.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Rank {
    /// An emergency vehicle.
    #[default]
    Emergency,
    /// A tram or bus: helped where it costs little, never against an emergency vehicle.
    Transit,
}

/// A stop that a tram or bus will make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop {
    /// Index into the way of its edge.
    pub at: usize,
    /// How long the vehicle stands there from its arrival on, or from now if it stands.
    pub dwell: Millis,
}

/// One vehicle at an instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// Its name.
    pub name: String,
    /// Who goes first.
    pub rank: Rank,
    /// Its whole way.
    pub route: Vec<EdgeId>,
    /// Index into the way of the edge it is on, or has just left.
    pub at: usize,
    /// Whether it is on the junction after that edge.
    pub on_junction: bool,
    /// How far along the edge, millimetres.
    pub offset_mm: i64,
    /// Speed, millimetres a second.
    pub speed_mm_s: i64,
    /// The next stop, if it makes one.
    pub stop: Option<Stop>,
}

/// Everything at an instant.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Observation {
    /// The instant.
    pub now: Millis,
    /// The vehicles to be helped.
    pub vehicles: Vec<Fix>,
    /// Standing vehicles by lane, by edge; empty: not seen.
    pub standing: Vec<Vec<u32>>,
    /// The controllers, by [`super::HeadId`].
    pub heads: Vec<HeadView>,
}
