//! `clearway field`: emulated controllers until Ctrl-C.

mod doors;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use clearway_field::faces::rsmp;
use clearway_field::proxy::Fault;
use clearway_field::{FaceKind, Field, FieldOptions};
use clearway_format::Model;
use clearway_network::Network;
use clearway_rsmp::{Core, SecurityCode, Sxl};
use clearway_signals::Millis;
use miette::{IntoDiagnostic, Result, miette};
use serde_json::json;

use super::{Exit, interrupted, load_model, tokio_runtime};
use crate::cli::{self, FieldProtocol};
pub use doors::DoorArgs;

/// What S0097 shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RsmpChecksum {
    /// SHA-256 of what S0098 shows, as the list has it.
    Sha256,
    /// The model's configuration hash, by which `clearway run` knows the controller.
    Model,
}

/// How RSMP controllers are set up (docs/rsmp.md).
#[derive(Debug, Args)]
pub struct RsmpArgs {
    /// A supervisor to connect to, HOST:PORT; again for more. The first is the primary.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:12111")]
    pub rsmp_supervisor: Vec<String>,
    /// CONTROLLER=SITE_ID; again for more. Only these controllers connect then.
    #[arg(long, value_name = "CONTROLLER=SITE_ID", value_parser = pair)]
    pub rsmp_site: Vec<(String, String)>,
    /// Core versions that are offered, separated by commas; all from 3.1.2 to 3.2.2 when not given.
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',', value_parser = core)]
    pub rsmp_core: Vec<Core>,
    /// Version of the signal exchange list, 1.0.7 to 1.2.1.
    #[arg(long, value_name = "VERSION", default_value = "1.2.1", value_parser = sxl)]
    pub rsmp_sxl: Sxl,
    /// Security code of level 1.
    #[arg(long, value_name = "CODE", default_value = "1111")]
    pub rsmp_code1: String,
    /// Security code of level 2.
    #[arg(long, value_name = "CODE", default_value = "2222")]
    pub rsmp_code2: String,
    /// What S0097 shows.
    #[arg(long, value_enum, default_value_t = RsmpChecksum::Sha256)]
    pub rsmp_checksum: RsmpChecksum,
    /// Seconds between two watchdogs.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub rsmp_watchdog_s: Millis,
    /// Seconds until a message that is not acknowledged means disruption.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub rsmp_ack_timeout_s: Millis,
    /// Seconds between two attempts to connect.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub rsmp_reconnect_s: Millis,
    /// Seconds after its arrival or last update until an active priority request is stale.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub rsmp_stale_s: Millis,
    /// Seconds after a served request in which a similar one is refused; 0: none.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub rsmp_cooldown_s: Millis,
    /// Folder with a file for each site, which keeps alarms and outgoing buffers over a restart.
    #[arg(long, value_name = "DIR")]
    pub rsmp_state: Option<PathBuf>,
    /// Leave the clock alone instead of following the primary supervisor's watchdog.
    #[arg(long)]
    pub rsmp_own_clock: bool,
}

/// Faults between the controllers and whoever talks to them (docs/faults.md).
#[derive(Debug, Args)]
pub struct FaultArgs {
    /// What a proxy before every controller does to what passes: delay, loss, duplicate, reorder, truncate,
    /// corrupt, black-hole, reset, late, half-open, liar or nonsense.
    #[arg(long, value_name = "NAME", value_parser = fault)]
    pub fault: Option<Fault>,
    /// Seeds the proxy's draws.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub fault_seed: u64,
}

fn fault(word: &str) -> Result<Fault, String> {
    Fault::named(word).ok_or_else(|| {
        let known: Vec<&str> = Fault::ALL.iter().map(|fault| fault.word()).collect();
        format!("known are {}", known.join(", "))
    })
}

/// Run the emulators.
pub fn run(args: &cli::Field) -> Result<Exit> {
    let Some(loaded) = load_model(&args.network) else { return Ok(Exit::ModelInvalid) };
    let faces: Vec<FaceKind> = match args.protocol {
        FieldProtocol::Model => model_faces(&loaded.network, &loaded.model),
        FieldProtocol::Ntcip => vec![FaceKind::Ntcip; loaded.network.controllers.len()],
        FieldProtocol::Modbus => vec![FaceKind::Modbus; loaded.network.controllers.len()],
        FieldProtocol::Rsmp => rsmp_faces(&loaded.network, &args.rsmp.rsmp_site)?,
    };
    let rsmp = rsmp_options(&args.rsmp);
    tokio_runtime()?.block_on(async {
        let mut options = FieldOptions {
            bind: args.bind,
            base_port: args.base_port,
            speed: args.speed,
            community: args.community.clone(),
            rsmp: rsmp.clone(),
            fault: args.faults.fault.map(|fault| (fault, args.faults.fault_seed)),
            ..FieldOptions::default()
        };
        args.doors.apply(&mut options, faces.contains(&FaceKind::Modbus))?;
        let field = Field::start(&loaded.network, &faces, options).await.into_diagnostic()?;
        list(&field, &loaded.network, &rsmp, args.json);
        match args.seconds {
            Some(seconds) => tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(u64::from(seconds))) => {}
                () = interrupted() => {}
            },
            None => interrupted().await,
        }
        let violations = field.totals().violations();
        if args.json {
            println!("{}", json!({ "violations": violations }));
        } else {
            println!("the monitors counted {violations} violations");
        }
        field.shutdown().await;
        Ok(if violations == 0 { Exit::Ok } else { Exit::Failed })
    })
}

/// The protocols that the model gives its controllers.
#[must_use]
pub fn model_faces(network: &Network, model: &Model) -> Vec<FaceKind> {
    let face = |name: &str| match model.controller_links.iter().find(|l| l.controller_id == name) {
        Some(link) if link.protocol == "ntcip" => FaceKind::Ntcip,
        Some(link) if link.protocol == "modbus" => FaceKind::Modbus,
        Some(link) if link.protocol == "rsmp" => FaceKind::Rsmp,
        _ => FaceKind::None,
    };
    network.controllers.iter().map(|c| face(&c.name)).collect()
}

/// The RSMP face for the controllers that are named, or for all when none is.
fn rsmp_faces(network: &Network, named: &[(String, String)]) -> Result<Vec<FaceKind>> {
    let unknown = named.iter().find(|(name, _)| !network.controllers.iter().any(|c| c.name == *name));
    if let Some((name, _)) = unknown {
        return Err(miette!("the model has no controller {name}"));
    }
    let face = |name: &String| match named.is_empty() || named.iter().any(|(named, _)| named == name) {
        true => FaceKind::Rsmp,
        false => FaceKind::None,
    };
    Ok(network.controllers.iter().map(|controller| face(&controller.name)).collect())
}

fn rsmp_options(args: &RsmpArgs) -> rsmp::Options {
    let cores = if args.rsmp_core.is_empty() { Core::ALL.to_vec() } else { args.rsmp_core.clone() };
    rsmp::Options {
        supervisors: args.rsmp_supervisor.clone(),
        site_ids: args.rsmp_site.iter().cloned().collect::<BTreeMap<_, _>>(),
        cores,
        timing: rsmp::Timing {
            acknowledge: args.rsmp_ack_timeout_s.max(Millis(100)),
            watchdog: args.rsmp_watchdog_s.max(Millis(100)),
            reconnect: args.rsmp_reconnect_s,
        },
        follows_clock: !args.rsmp_own_clock,
        state: args.rsmp_state.clone(),
        controller: rsmp::Settings {
            sxl: args.rsmp_sxl,
            checksum: match args.rsmp_checksum {
                RsmpChecksum::Sha256 => rsmp::Checksum::Sha256,
                RsmpChecksum::Model => rsmp::Checksum::Model,
            },
            codes: [SecurityCode(args.rsmp_code1.clone()), SecurityCode(args.rsmp_code2.clone())],
            lifetimes: rsmp::Lifetimes { stale_after: args.rsmp_stale_s, cooldown: args.rsmp_cooldown_s },
        },
    }
}

fn list(field: &Field, network: &Network, rsmp: &rsmp::Options, as_json: bool) {
    for controller in &network.controllers {
        let (protocol, address) = match (field.face(controller.id), field.address(controller.id)) {
            (FaceKind::Ntcip, Some(address)) => ("ntcip", address.to_string()),
            (FaceKind::Modbus, Some(address)) => ("modbus", address.to_string()),
            (FaceKind::Rsmp, _) => ("rsmp", rsmp.site_id(controller)),
            _ => continue,
        };
        if as_json {
            // A controller that connects has a site id instead of an address.
            let key = if protocol == "rsmp" { "site_id" } else { "address" };
            println!(
                "{}",
                json!({ "controller": controller.name, "title": controller.title,
                        "protocol": protocol, key: address })
            );
        } else {
            println!("{:<8} {:<7} {:<21} {}", controller.name, protocol, address, controller.title);
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, id)) if !name.is_empty() && !id.is_empty() => Ok((name.into(), id.into())),
        _ => Err("give CONTROLLER=SITE_ID".into()),
    }
}

fn core(text: &str) -> Result<Core, String> {
    Core::from_word(text).ok_or_else(|| "give a version from 3.1.2 to 3.2.2".into())
}

fn sxl(text: &str) -> Result<Sxl, String> {
    Sxl::from_word(text).ok_or_else(|| "give a version from 1.0.7 to 1.2.1".into())
}

fn seconds(text: &str) -> Result<Millis, String> {
    match text.parse::<f64>() {
        #[allow(clippy::cast_possible_truncation)]
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(Millis((seconds * 1000.0).round() as i64)),
        _ => Err("give seconds from 0 to 86400".into()),
    }
}
