//! Green waves over signal heads that are known by the states of their links.
//!
//! A simulator knows no signal groups: a controller is a row of links, a plan is a list of states.
//! Modules, in the order in which an observation passes them:
//!
//! * `site`: what stands where (fixed); `observe`: what is seen at an instant;
//! * `watch`: what each controller shows and since when; `queues`: who stands on each edge;
//!   `blockage`: who stands although he might go;
//! * `way`: the passes of a vehicle through controllers; `target`: the state that serves a pass,
//!   and how soon it can be shown;
//! * `wave`: when each pass must be asked for; `arbiter`: who is served where several ask;
//!   `proof`: what the independent checker says to it;
//! * `engine`: the loop over all of it.

mod arbiter;
mod blockage;
mod engine;
pub mod observe;
mod proof;
mod queues;
pub mod settings;
pub mod site;
mod target;
mod watch;
mod wave;
mod way;

pub use engine::{Ask, AskKind, Steer};
pub use observe::{Fix, HeadMode, HeadView, Observation, Rank, Stop};
pub use settings::{Settings, Style};
pub use site::{Clearance, Edge, EdgeId, Head, HeadId, Phase, Site, SiteFault};
pub use target::Target;

#[cfg(test)]
mod tests;
