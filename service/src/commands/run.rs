//! `clearway run`: live until Ctrl-C.

use std::sync::Arc;

use clearway_runtime::Clock;
use miette::{IntoDiagnostic, Result};

use super::{Exit, interrupted, load_model, tokio_runtime};
use crate::api::page;
use crate::cli::Run;
use crate::config::Config;
use crate::live::plant::{announce, wall_clock};
use crate::live::{Plant, Surface};

/// Run live.
pub fn run(args: &Run) -> Result<Exit> {
    let config = Config::load(&args.config)?;
    let Some(loaded) = load_model(&config.resolve(&config.network)) else { return Ok(Exit::ModelInvalid) };
    let names: Vec<&str> = loaded.network.controllers.iter().map(|c| c.name.as_str()).collect();
    let registry = config.check(Some(&names))?;
    let clock = Clock::default();
    tokio_runtime()?.block_on(async {
        let surface = Surface { clock: clock.clone(), demo: Arc::default() };
        let plant = Plant::start(&config, registry, loaded, surface).await.into_diagnostic()?;
        announce(&plant, &wall_clock(&clock));
        println!(
            "clearway runs: http://{}{}",
            plant.page,
            if page::is_built_in() { "" } else { " (API only)" }
        );
        for (feed, address) in &plant.feeds {
            println!("feed {feed}: {address}");
        }
        println!("release-all: http://{}/release-all", plant.door);
        for address in &plant.rsmp {
            println!("rsmp: {address}");
        }
        interrupted().await;
        eprintln!("releasing every request…");
        plant.stop().await;
        Ok(Exit::Ok)
    })
}
