//! A patient's transport, by the real binary over real sockets: the hub says that it drives, nobody
//! says where to, so no signal is asked; the destination is named by the API, and the signal is called.
#![forbid(unsafe_code)]

mod interop;

use std::path::PathBuf;
use std::time::Duration;

use clearway_feeds::hub::Status;
use interop::drive::{Approach, EngineProcess, Reached, Vehicle};
use interop::{Process, emulated, root, wait_or};
use serde_json::Value;

/// From the start of both processes to an armed controller.
const ARMED: Duration = Duration::from_secs(30);
/// From the destination to the call, and from the arrival to its end.
const ACTED: Duration = Duration::from_secs(20);

fn model_folder() -> PathBuf {
    root().join("network-models/reference-four-stage")
}

fn is_called(engine: &EngineProcess) -> bool {
    engine.controller(0).is_some_and(|controller| controller["preempt"]["ours"] == true)
}

/// The only mission, when there is exactly one.
fn mission(engine: &EngineProcess) -> Option<Value> {
    let (_, missions) = engine.api("GET", "/api/missions", "");
    missions.as_array().filter(|list| list.len() == 1)?.first().cloned()
}

#[test]
fn a_transport_is_pending_until_its_destination_is_named_and_then_its_signal_is_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = model_folder();
    let mut field = Process::clearway(&["field", "--json", "--network", model.to_str().expect("UTF-8")]);
    let controller = field.line(emulated);
    let protocol = if controller.protocol == "ntcip" { "ntcip" } else { "modbus" };
    let reached =
        Reached { name: controller.name, protocol, address: controller.address, keys: String::new() };
    let ambulance = Vehicle::new(1);
    let vehicles = std::slice::from_ref(&ambulance);
    let engine = EngineProcess::start_on(&model, folder.path(), &[reached], vehicles, "");
    let is_armed = || (engine.controller(0)?["armed"] == true).then_some(());
    wait_or("an armed controller", ARMED, is_armed, || engine.controllers());

    let loaded = clearway_format::load(&model).unwrap_or_else(|report| panic!("{}", report.render()));
    let approach =
        Approach::longest(&loaded.network, &loaded.network.controllers[0]).expect("an emergency row");
    let answer = engine.status(&ambulance, Status::Transporting);
    assert!(answer.contains(r#""reason":"no_destination""#), "{answer}");
    let _driving = engine.drive(&ambulance, &approach);
    let pending = wait_or("the mission", ACTED, || mission(&engine), String::new);
    assert_eq!((&pending["state"], &pending["lat"]), (&"no destination".into(), &Value::Null));
    assert_eq!((&pending["vehicle"], &pending["duty"]), (&ambulance.id.as_str().into(), &"transport".into()));

    let path = format!("/api/missions/{}/destination", pending["id"]);
    let place = approach.destination();
    let body = format!(r#"{{"lat": {}, "lon": {}}}"#, place.lat(), place.lon());
    let refused = |path: &str, body: &str, status: &str| {
        let (line, answer) = engine.api("POST", path, body);
        assert!(line.contains(status), "{line}: {answer}");
    };
    refused("/api/missions/4711/destination", &body, "404");
    refused(&path, r#"{"lat": 600, "lon": 24.9}"#, "422");
    refused(&path, r#"{"lat": 60.1}"#, "422");
    assert!(!is_called(&engine), "a transport to nowhere asks no signal");

    let (line, named) = engine.api("POST", &path, &body);
    assert!(line.contains("200"), "{line}: {named}");
    assert_eq!(named["state"], "under way");
    wait_or("the call", ACTED, || is_called(&engine).then_some(()), || engine.controllers());
    assert_eq!(mission(&engine).map(|mission| mission["state"].clone()), Some("under way".into()));

    engine.status(&ambulance, Status::Arrived);
    wait_or("the release", ACTED, || (!is_called(&engine)).then_some(()), || engine.controllers());
    assert_eq!(mission(&engine), None);
    refused(&path, &body, "404");
}
