//! `clearway demo`: a fire call on the shipped model, from the call to the report.
//!
//! Three things run in one process and meet only over sockets on loopback: the town (traffic, and the
//! feeds that its vehicles and its dispatch centre send), the field (emulated controllers behind their
//! protocols), and the plant (the same engine with the same adapters as `clearway run`, started from a
//! configuration file's text). Afterwards the same trip is simulated three more times in virtual time.

mod outgoing;
mod report;
mod settings;
mod story;
mod town;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use clearway_field::{ArmingFault, Field, FieldOptions};
use clearway_format::Loaded;
use clearway_network::Network;
use clearway_runtime::Clock;
use clearway_signals::Millis;
use clearway_traffic::WorldConfig;
use miette::{IntoDiagnostic, Result, miette};

use crate::api::page;
use crate::cli::Demo;
use crate::commands::field::model_faces;
use crate::commands::{Exit, interrupted, load_model, tokio_runtime};
use crate::config::Config;
use crate::live::plant::{announce, wall_clock};
use crate::live::{Plant, Surface};
use outgoing::Senders;
use report::{Measured, Report};
use story::Story;
use town::{Stage, Town};

/// The model that ships with the project.
const MODEL: &str = "network-models/helsinki-centre";

/// Run the demo.
pub fn run(args: Demo) -> Result<Exit> {
    let Some(loaded) = load_model(&model_dir()) else { return Ok(Exit::ModelInvalid) };
    let network = Arc::new(loaded.network.clone());
    let story = Story::on(&network, &args)?;
    let measured = tokio_runtime()?.block_on(live(&args, loaded, &network, &story))?;
    let Some(measured) = measured else { return Ok(Exit::Ok) };
    eprintln!("the same trip three more times: no priority, blue light, local preemption…");
    let baselines = story.baselines(&network).ok_or_else(|| miette!("the route is no chain of links"))?;
    let report = Report::new(&story, &network, args.speed, measured, &baselines);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).into_diagnostic()?);
    } else {
        println!("{report}");
    }
    Ok(Exit::Ok)
}

/// The model in the working directory, or where this binary was built.
fn model_dir() -> PathBuf {
    let here = PathBuf::from(MODEL);
    if here.is_dir() { here } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(MODEL) }
}

/// The live part; `None` when it was interrupted before its end.
async fn live(
    args: &Demo,
    loaded: Loaded,
    network: &Arc<Network>,
    story: &Story,
) -> Result<Option<Measured>> {
    let clock = Clock::default();
    eprintln!("warming the traffic up…");
    let town = Town::warm(network, story).ok_or_else(|| miette!("the route is no chain of links"))?;
    let town_clock = town_clock(&clock, story.begins, clock.now().0, args.speed);
    let faces = model_faces(network, &loaded.model);
    let options = FieldOptions {
        clock: Some(Arc::clone(&town_clock)),
        // Like the traffic, the controllers have been at work since the town's beginning: none starts
        // up from all red when the story begins.
        at_work_for: story.begins,
        ..FieldOptions::default()
    };
    let field = Arc::new(Field::start(network, &faces, options).await.into_diagnostic()?);
    field.refuse_arming(story.unarmed, ArmingFault::BackupTimerOff);

    let senders = Senders::open().await?;
    let config = Config::parse(Path::new("demo"), &settings::text(args, network, &field, &senders)?)?;
    let registry = config.check(None)?;
    let demo = Arc::new(ArcSwapOption::empty());
    let surface = Surface { clock: clock.clone(), demo: Arc::clone(&demo) };
    let plant = Plant::start(&config, registry, loaded, surface).await.into_diagnostic()?;
    let wall = wall_clock(&clock);
    announce(&plant, &wall);
    let built_in = if page::is_built_in() { "" } else { " (API only: the page was not built)" };
    eprintln!("watch it: http://{}{built_in}", plant.page);

    let air = senders.join(&plant.feeds, args.broker.as_deref())?;
    let mut stage = Stage::new(town, Arc::clone(&field), air, demo, wall, args.speed);
    let ended = tokio::select! {
        () = stage.play(story, &*town_clock) => true,
        () = interrupted() => false,
    };
    let mut measured = if ended { stage.measure(&plant) } else { None };
    if ended && !args.headless {
        eprintln!("the story is over; the page stays until Ctrl-C, then the report is printed");
        tokio::select! {
            () = stage.play_on(story, &*town_clock) => {}
            () = interrupted() => {}
        }
    }
    plant.stop().await;
    match (&mut measured, report::orphaned(&field)) {
        (Some(measured), _) => measured.close(&field),
        (None, 0) => {}
        (None, held) => return Err(miette!("{held} calls are still held by controllers after the end")),
    }
    Ok(measured)
}

/// The town's time: the story's beginning plus what has passed since, times the speed.
fn town_clock(
    clock: &Clock,
    begins: Millis,
    started: Millis,
    speed: f64,
) -> Arc<dyn Fn() -> Millis + Send + Sync> {
    let clock = clock.clone();
    Arc::new(move || {
        #[allow(clippy::cast_possible_truncation)]
        let passed = ((clock.now().0 - started).0 as f64 * speed) as i64;
        begins + Millis(passed)
    })
}

/// The background traffic of a seed.
fn world_config(seed: u64) -> WorldConfig {
    WorldConfig { seed, ..WorldConfig::default() }
}
