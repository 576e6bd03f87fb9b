//! SUMO under our hand: `clearway sumo`.
//!
//! * `launch`: SUMO as a child process, its configuration and its outputs;
//! * `program`: what SUMO says of its lights, as [`crate::steer::Head`]s;
//! * `light`: one light, changed through yellow and red only;
//! * `run`: the loop: step, look, plan, tell; `report`: SUMO's own tripinfo, by class of vehicle.

pub mod launch;
pub mod light;
pub mod program;
pub mod report;
pub mod run;

pub use run::{Control, Options, Outcome, run};

/// Why a scenario cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// SUMO could not be spoken with.
    #[error(transparent)]
    Traci(#[from] crate::traci::TraciError),
    /// A file could not be read or written.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// SUMO is not installed.
    #[error("no SUMO found: install eclipse-sumo and set SUMO_HOME, or give --sumo PATH ({0})")]
    NoSumo(String),
    /// SUMO ended before it listened.
    #[error("SUMO ended at once ({0}); run it by hand with the same configuration to see why")]
    Ended(String),
    /// The description of a light cannot be used.
    #[error(transparent)]
    Site(#[from] crate::steer::SiteFault),
}
