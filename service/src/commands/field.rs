//! `clearway field`: emulated controllers until Ctrl-C.

use std::time::Duration;

use clearway_field::{FaceKind, Field, FieldOptions};
use clearway_format::Model;
use clearway_network::Network;
use miette::{IntoDiagnostic, Result};
use serde_json::json;

use super::{Exit, interrupted, load_model, tokio_runtime};
use crate::cli::{self, FieldProtocol};

/// Run the emulators.
pub fn run(args: &cli::Field) -> Result<Exit> {
    let Some(loaded) = load_model(&args.network) else { return Ok(Exit::ModelInvalid) };
    let faces: Vec<FaceKind> = match args.protocol {
        FieldProtocol::Model => model_faces(&loaded.network, &loaded.model),
        FieldProtocol::Ntcip => vec![FaceKind::Ntcip; loaded.network.controllers.len()],
        FieldProtocol::Modbus => vec![FaceKind::Modbus; loaded.network.controllers.len()],
    };
    tokio_runtime()?.block_on(async {
        let options = FieldOptions {
            bind: args.bind,
            base_port: args.base_port,
            speed: args.speed,
            community: args.community.clone(),
            ..FieldOptions::default()
        };
        let field = Field::start(&loaded.network, &faces, options).await.into_diagnostic()?;
        list(&field, &loaded.network, args.json);
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
        _ => FaceKind::None,
    };
    network.controllers.iter().map(|c| face(&c.name)).collect()
}

fn list(field: &Field, network: &Network, as_json: bool) {
    for controller in &network.controllers {
        let Some(address) = field.address(controller.id) else { continue };
        let protocol = match field.face(controller.id) {
            FaceKind::Ntcip => "ntcip",
            FaceKind::Modbus => "modbus",
            FaceKind::Rsmp => "rsmp",
            FaceKind::None => continue,
        };
        if as_json {
            let line = json!({ "controller": controller.name, "title": controller.title,
                               "protocol": protocol, "address": address.to_string() });
            println!("{line}");
        } else {
            println!("{:<8} {:<7} {:<21} {}", controller.name, protocol, address, controller.title);
        }
    }
}
