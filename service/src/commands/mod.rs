//! The commands, one file each.

pub mod config;
pub mod detour;
pub mod field;
pub mod journal;
pub mod network;
pub mod plan;
pub mod prove;
pub mod remote;
pub mod run;
pub mod simulate;
pub mod steer;
pub mod sumo;

use std::path::Path;
use std::process::ExitCode;

use clearway_format::Loaded;
use miette::{IntoDiagnostic, Result};

/// How a command ends. Code 2, a wrong command line, is the parser's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// It did not work.
    Failed = 1,
    /// The network model is invalid.
    ModelInvalid = 3,
    /// A controller refused, or did not confirm in time.
    ControllerRefused = 4,
    /// A bound ended the work before it had a result.
    BudgetExceeded = 5,
}

impl Exit {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 5] =
        [Self::Ok, Self::Failed, Self::ModelInvalid, Self::ControllerRefused, Self::BudgetExceeded];
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Load a model, or print what is wrong with it.
pub fn load_model(dir: &Path) -> Option<Loaded> {
    clearway_format::load(dir).map_err(|report| eprintln!("{}", report.render())).ok()
}

/// A tokio runtime for everything but the engine.
pub fn tokio_runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().into_diagnostic()
}

/// Ctrl-C, or the system's request to end.
pub async fn interrupted() {
    let ctrl_c = async {
        // Without a handler the default action ends the process: nothing more can be done here.
        let _ = tokio::signal::ctrl_c().await;
    };
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            () = ctrl_c => {}
            _ = terminate.recv() => {}
        },
        Err(_) => ctrl_c.await,
    }
}
