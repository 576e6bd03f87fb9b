//! The discrete-event traffic simulator: cars, trams and emergency vehicles on a network, under
//! whatever signals it is shown.
//!
//! [`World`] is the traffic, [`Signals`] what it sees of the controllers, [`Sensors`] what vehicles
//! report of themselves. Virtual time only: whoever calls [`World::advance`] decides how fast it runs.
#![forbid(unsafe_code)]

mod cars;
mod demand;
mod detectors;
mod drive;
mod emergency;
mod event;
mod lane;
mod local;
mod measure;
pub mod physics;
mod rng;
mod roads;
mod routing;
mod sensors;
mod signals;
mod steered;
mod tram;
mod trip;
mod vehicle;
mod view;
mod virtual_city;
mod world;

pub use emergency::{Driving, EmergencyTrip, RouteLine, TripId, TripLog};
pub use local::LocalPreemption;
pub use measure::{CrossDelay, TramChange};
pub use rng::Rng;
pub use routing::{fastest_way, movements_along};
pub use sensors::{Fix, Sensors};
pub use signals::{Aspect, FixedTime, Signals};
pub use steered::EngineSteering;
pub use trip::{Baselines, SignalDelay, Steering, TripResult, TripSetup, Unsteered, baselines, run_trip};
pub use vehicle::{Class, Serial};
pub use view::{TramView, VehicleView};
pub use virtual_city::VirtualCity;
pub use world::{CarCounts, World, WorldConfig};
