//! The discrete-event traffic simulator: cars, trams and emergency vehicles on a network, under
//! whatever signals it is shown.
//!
//! [`World`] is the traffic, [`Signals`] what it sees of the controllers, [`Sensors`] what vehicles
//! report of themselves. Virtual time only: whoever calls [`World::advance`] decides how fast it runs.
#![forbid(unsafe_code)]

mod cars;
mod closure;
mod demand;
mod detectors;
mod drive;
mod emergency;
mod event;
pub mod experiment;
#[cfg(feature = "faults")]
pub mod faults;
mod lane;
mod local;
mod measure;
pub mod physics;
mod rng;
mod roads;
mod routing;
pub mod scenario;
mod sensors;
mod signals;
mod steered;
mod tram;
mod trip;
pub mod validation;
mod vehicle;
mod view;
mod virtual_city;
mod world;

pub use closure::Closure;
pub use demand::{Demand, Inflow, ListedTrip, Metered, Profile, TripTimes, TurnShares, Wander, Ways};
pub use emergency::{Driving, EmergencyTrip, RouteLine, TripId, TripLog};
pub use local::LocalPreemption;
pub use measure::{CrossDelay, LinkTotals, TramChange, Travelled};
pub use physics::Manners;
pub use rng::Rng;
pub use routing::{fastest_way, movements_along, way_around};
pub use sensors::{Fix, Sensors};
pub use signals::{Aspect, FixedTime, Signals};
pub use steered::{EngineSteering, Task};
pub use trip::{Baselines, SignalDelay, Steering, TripResult, TripSetup, Unsteered, baselines, run_trip};
pub use vehicle::{Class, Serial};
pub use view::{TramView, VehicleView};
pub use virtual_city::VirtualCity;
pub use world::{CarCounts, SignalChange, World, WorldConfig};
