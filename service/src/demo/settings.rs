//! The demo's configuration: the same text that a city would write into `clearway.toml`.

use clearway_field::{FaceKind, Field};
use clearway_network::Network;
use miette::{IntoDiagnostic, Result, miette};
use toml::{Table, Value};

use super::outgoing::Senders;
use super::story::{AMBULANCE, ENGINE, LADDER, tram_identity, tram_name};
use crate::cli::Demo;

/// Trams of one line and direction that can be told apart.
pub const TRAMS_PER_LINE: u32 = 20;

/// The dispatch centre passes on a position every so many seconds.
pub const HUB_CADENCE_S: u32 = 5;

/// The text of the configuration.
///
/// # Errors
/// When the system gives no free port for the embedded broker.
pub fn text(args: &Demo, network: &Network, field: &Field, senders: &Senders) -> Result<String> {
    let mut config = Table::new();
    config.insert("network".into(), "network-models/helsinki-centre".into());
    if let Some(dir) = &args.journal {
        let dir = std::path::absolute(dir).into_diagnostic()?;
        config.insert("journal".into(), dir.display().to_string().into());
    }
    let broker = free_port()?;
    let listen = [("page", args.listen.to_string()), ("broker", broker)];
    config.insert("listen".into(), table(listen));
    config.insert("feed".into(), Value::Array(feeds(args)));
    config.insert("vehicle".into(), Value::Array(vehicles(network, senders)));
    config.insert("controller".into(), Value::Array(controllers(network, field)));
    toml::to_string(&config).into_diagnostic()
}

fn table<V: Into<Value>>(entries: impl IntoIterator<Item = (&'static str, V)>) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
}

/// Ports for the embedded broker: below those that the system gives to clients, so that no socket
/// of this very demo takes one in between.
const BROKER_PORTS: std::ops::Range<u16> = 18_830..18_930;

fn free_port() -> Result<String> {
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = BROKER_PORTS.clone().find(free);
    let port = port
        .ok_or_else(|| miette!("no port from {} on is free for the embedded broker", BROKER_PORTS.start))?;
    Ok(format!("127.0.0.1:{port}"))
}

fn feeds(args: &Demo) -> Vec<Value> {
    let any = "127.0.0.1:0";
    let hfp = match &args.broker {
        Some(url) => table([("kind", Value::from("hfp")), ("broker", url.as_str().into())]),
        None => table([("kind", Value::from("hfp")), ("embedded", true.into())]),
    };
    vec![
        table([("kind", Value::from("hub")), ("listen", any.into()), ("cadence_s", HUB_CADENCE_S.into())]),
        table([("kind", "nmea"), ("listen", any)]),
        table([("kind", "taip"), ("listen", any)]),
        hfp,
    ]
}

fn vehicles(network: &Network, senders: &Senders) -> Vec<Value> {
    let mut vehicles = vec![
        table([
            ("id", ENGINE.name.to_owned()),
            ("class", "emergency".into()),
            ("owner", "rescue-department".into()),
            ("label", ENGINE.label.into()),
            ("udp_source", senders.nmea_source().to_string()),
            ("hub_resource_id", ENGINE.hub_id.into()),
        ]),
        table([
            ("id", AMBULANCE.name.to_owned()),
            ("class", "emergency".into()),
            ("owner", "rescue-department".into()),
            ("label", AMBULANCE.label.into()),
            ("taip_id", AMBULANCE.taip_id.into()),
            ("hub_resource_id", AMBULANCE.hub_id.into()),
        ]),
        table([
            ("id", LADDER.name.to_owned()),
            ("class", "emergency".into()),
            ("owner", "rescue-department".into()),
            ("label", LADDER.label.into()),
            ("hub_resource_id", LADDER.hub_id.into()),
        ]),
    ];
    for (number, line) in (0u16..).zip(&network.lines) {
        for run in 0..TRAMS_PER_LINE {
            vehicles.push(table([
                ("id", tram_name(number, run)),
                ("class", "tram".into()),
                ("owner", "tram-operator".into()),
                ("label", line.designation.clone()),
                ("hfp", tram_identity(number, run)),
            ]));
        }
    }
    vehicles
}

fn controllers(network: &Network, field: &Field) -> Vec<Value> {
    let reached = network.controllers.iter().filter_map(|controller| {
        let protocol = match field.face(controller.id) {
            FaceKind::Ntcip => "ntcip",
            FaceKind::Modbus => "modbus",
            FaceKind::Rsmp => "rsmp",
            FaceKind::None => return None,
        };
        let address = field.address(controller.id)?;
        Some(table([
            ("id", controller.name.clone()),
            ("protocol", protocol.into()),
            ("address", address.to_string()),
        ]))
    });
    reached.collect()
}
