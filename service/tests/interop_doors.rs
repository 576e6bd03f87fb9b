//! Every way to an emulated controller, as an integrator can try it: `clearway run` arms itself before
//! `clearway field` with the same options, and tells why where they differ.
#![forbid(unsafe_code)]

mod interop;

use std::path::{Path, PathBuf};
use std::time::Duration;

use interop::drive::{EngineProcess, Reached};
use interop::pki::{IdentityFiles, Pki};
use interop::{Process, root, wait_or};
use serde_json::Value;

/// From the start of both to the controller's state.
const TOLD: Duration = Duration::from_secs(30);

fn model_folder() -> PathBuf {
    root().join("network-models/reference-four-stage")
}

/// The configuration hash of the model's only controller.
fn configuration_hash() -> u32 {
    let loaded =
        clearway_format::load(&model_folder()).unwrap_or_else(|report| panic!("{}", report.render()));
    loaded.network.controllers[0].junction().configuration_hash()
}

/// A running field of one controller, and what it says of where that is.
fn field(arguments: &[&str]) -> (Process, Value) {
    let model = model_folder();
    let mut all = vec!["field", "--json", "--network", model.to_str().expect("a path of this project")];
    all.extend(arguments);
    let mut process = Process::clearway(&all);
    let told = process.line(|line| {
        let value: Value = serde_json::from_str(line).ok()?;
        value.get("controller").is_some().then_some(value)
    });
    (process, told)
}

fn engine(folder: &Path, protocol: &'static str, address: &str, keys: &str, further: &str) -> EngineProcess {
    let reached = Reached { name: "c1".into(), protocol, address: address.into(), keys: keys.into() };
    EngineProcess::start_on(&model_folder(), folder, &[reached], &[], further)
}

fn await_armed(engine: &EngineProcess) {
    let is_armed = || (engine.controller(0)?["armed"] == true).then_some(());
    wait_or("an armed controller", TOLD, is_armed, || engine.controllers());
}

fn await_reason(engine: &EngineProcess, reason: &str) {
    let told = || engine.controller(0)?["why"].as_str()?.contains(reason).then_some(());
    wait_or("the reason", TOLD, told, || engine.controllers());
}

/// The engine is armed before a field with these arguments, when its controller has these keys.
fn is_armed(protocol: &'static str, arguments: &[&str], folder: &Path, keys: &str) {
    let (_field, told) = field(&[&["--protocol", protocol], arguments].concat());
    let address = told["address"].as_str().expect("an address");
    await_armed(&engine(folder, protocol, address, keys, ""));
}

fn secret(folder: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a writable folder");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its own file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn a_user_of_snmp_version_3() {
    let folder = tempfile::tempdir().unwrap();
    let (auth, privacy) =
        (secret(folder.path(), "a", "maplesyrup"), secret(folder.path(), "p", "birchsyrup"));
    let keys = "snmp = { version = 3, user = \"engine\", auth = \"sha512\", auth_file = \"a\", \
                privacy = \"aes256-blumenthal\", privacy_file = \"p\" }";
    let arguments = [
        "--snmp-user",
        "engine",
        "--snmp-auth",
        "sha512",
        "--snmp-auth-file",
        text(&auth),
        "--snmp-privacy",
        "aes256-blumenthal",
        "--snmp-privacy-file",
        text(&privacy),
    ];
    is_armed("ntcip", &arguments, folder.path(), keys);
}

#[test]
fn serial_frames_over_tcp() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--modbus-framing", "rtu", "--modbus-unit", "7"];
    is_armed("modbus", &arguments, folder.path(), "modbus = { transport = \"rtu_tcp\", unit = 7 }");
}

#[test]
fn a_remote_io_module() {
    let folder = tempfile::tempdir().unwrap();
    let keys =
        format!("modbus = {{ profile = \"remote-io\", commissioned = \"{:08x}\" }}", configuration_hash());
    is_armed("modbus", &["--modbus-map", "relay"], folder.path(), &keys);
}

#[test]
fn modbus_by_tls_with_a_role() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path(), "all");
    let (device, shown) = (pki.identity("device", None), pki.identity("engine", Some("operator")));
    let arguments = tls_arguments(&pki, &device);
    is_armed("modbus", &arguments, folder.path(), &shown.keys(&pki.authority));
}

fn tls_arguments<'a>(pki: &'a Pki, shown: &'a IdentityFiles) -> [&'a str; 6] {
    [
        "--tls-ca",
        text(&pki.authority),
        "--tls-certificate",
        text(&shown.certificate),
        "--tls-key",
        text(&shown.key),
    ]
}

/// The engine as a supervisor that trusts sites of `trusted`, and the site that shows `shown`.
fn rsmp_by_tls(folder: &Path, ours: &Pki, trusted: &Pki, shown: &IdentityFiles) -> (EngineProcess, Process) {
    let supervisor = ours.identity("supervisor", None);
    let listener = format!(
        "[[rsmp_listener]]\nlisten = \"127.0.0.1:0\"\ncertificate_file = \"{}\"\nkey_file = \"{}\"\n\
         site_ca_file = \"{}\"\n",
        text(&supervisor.certificate),
        text(&supervisor.key),
        text(&trusted.authority)
    );
    let keys = "rsmp = { request_lifetime_s = 10, max_presence_s = 120 }";
    let mut engine = engine(folder, "rsmp", "", keys, &listener);
    let address = engine.rsmp();
    let rsmp =
        ["--protocol", "rsmp", "--rsmp-checksum", "model", "--rsmp-reconnect-s", "0.2", "--rsmp-supervisor"];
    let arguments = [&rsmp[..], &[address.as_str()], &tls_arguments(ours, shown)].concat();
    let (field, _) = field(&arguments);
    (engine, field)
}

#[test]
fn an_rsmp_site_by_tls_with_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path(), "all");
    let shown = pki.identity("site", None);
    let (engine, _field) = rsmp_by_tls(folder.path(), &pki, &pki, &shown);
    await_armed(&engine);
}

#[test]
fn x2_an_rsmp_site_of_another_authority_is_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Pki::new(folder.path(), "ours"), Pki::new(folder.path(), "theirs"));
    let shown = theirs.identity("site", None);
    let (engine, _field) = rsmp_by_tls(folder.path(), &ours, &ours, &shown);
    await_reason(&engine, "the site has not connected");
}
