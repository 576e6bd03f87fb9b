//! What comes from the outside: positions, missions, transit state and priority requests.
//!
//! Each format is one module of pure functions, bytes to [`fix::FeedEvent`] or [`reject::Reject`], with
//! the encoder that the simulator uses beside it. `adapter` has the sockets. `docs/feeds.md` describes
//! every format, field by field. A position alone never preempts: only a mission does (invariant X3).
#![forbid(unsafe_code)]

pub mod adapter;
pub mod fix;
pub mod gtfs_rt;
pub mod hfp;
pub mod hub;
pub mod nmea;
pub mod outgoing;
pub mod plausible;
pub mod r09;
#[cfg(test)]
mod reference;
pub mod registry;
pub mod reject;
pub mod taip;
pub mod wall;

pub use fix::{
    Arrival, EndReason, FeedEvent, Incident, MissionChange, MissionKey, MissionUpdate, PriorityLevel,
    PriorityRequest, PriorityResponse, RequestType, TransitEvent, TransitUpdate, VehicleFix,
};
pub use outgoing::Outgoing;
pub use plausible::{GeoBox, Plausibility, Rules};
pub use registry::{HfpId, R09Id, Registry, RegistryFault, UdpSource, Vehicle, VehicleClass};
pub use reject::{Reject, Tally};
pub use wall::WallMs;

/// The longest message of any feed, bytes (invariant X8).
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
