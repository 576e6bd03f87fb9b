//! The road and track graph, and the flat form of it that the hot path reads.
//!
//! A network is built and examined as a petgraph graph ([`RoadGraph`]) and compiled once, by
//! [`Builder::compile`], into a [`Network`]: plain vectors, indices for names, movements sorted by
//! the link they leave, so that routing is a walk over link-to-link arcs.
#![forbid(unsafe_code)]

pub mod build;
pub mod controller;
pub mod flat;
pub mod nearby;
pub mod plane;
#[cfg(feature = "testing")]
pub mod testing;

pub use build::{Builder, CompileError, RoadGraph};
pub use controller::{Controller, Detector, GreenWindow, PathRow, RingPhase, SignalPlan};
pub use flat::{
    Line, LineId, Link, LinkId, Movement, MovementId, Network, Node, NodeId, SignalRef, Stop, StopCall,
    StopId, Turn, Turnback, TurnbackKind, Uses,
};
pub use nearby::{LinkIndex, Projection, heading_apart};
pub use plane::{Plane, Point};
