use std::fs;
use std::os::unix::fs::PermissionsExt;

use clearway_feeds::VehicleClass;
use miette::Diagnostic as _;

use super::*;

/// A scratch folder with a model folder in it.
fn scratch() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("model")).unwrap();
    folder
}

/// Reads and checks `text`, and gives each fault as `line:column what`.
fn faults(folder: &Path, text: &str) -> Vec<String> {
    let path = folder.join("clearway.toml");
    let checked = Config::parse(&path, text).and_then(|config| config.check(None));
    let faults = checked.map_or_else(|error| error.faults, |_| Vec::new());
    faults.iter().map(|fault| format!("{}:{} {}", fault.line, fault.column, fault.message)).collect()
}

#[test]
fn the_shipped_example_is_good_and_names_its_vehicles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/clearway.toml");
    let text = fs::read_to_string(&path).unwrap();
    let folder = scratch();
    let text = text.replace("../../network-models/helsinki-centre", "model");
    let config = Config::parse(&folder.path().join("clearway.toml"), &text).unwrap();
    let registry = config.check(Some(&["c1", "c2"])).unwrap();
    let engine = registry.by_taip("0101").and_then(|id| registry.get(id)).unwrap();
    assert_eq!((engine.class, engine.label.as_str()), (VehicleClass::Emergency, "HEL101"));
    assert_eq!(
        config.feeds.iter().map(|feed| feed.get_ref().name()).collect::<Vec<_>>(),
        ["hfp", "hub", "nmea", "taip"]
    );
}

#[test]
fn reporting_points_of_r09_have_a_place_a_direction_and_a_number_of_their_own() {
    let point = |number: u16, lat: f64, direction: u8| {
        format!("[[feed.point]]\nnumber = {number}\nlat = {lat:?}\nlon = 13.7\ndirection = {direction}\n")
    };
    let feed = "network = \"model\"\n[[feed]]\nkind = \"r09\"\npositive_delay = \"early\"\n";
    let folder = scratch();
    let checked = |points: &[String]| {
        let text = format!("{feed}{}", points.concat());
        let config = Config::parse(&folder.path().join("c.toml"), &text).unwrap();
        config.check(None).map(|_| config.feeds.len()).map_err(|error| error.faults.len())
    };
    assert_eq!(checked(&[point(51_645, 51.05, 1), point(51_646, 51.051, 1)]), Ok(1));
    assert_eq!(checked(&[point(1, 91.0, 1), point(2, 51.0, 2), point(2, 51.0, 0)]), Err(3));
}

#[test]
fn the_example_for_rsmp_is_good() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/rsmp.toml");
    let config = Config::load(&path).unwrap();
    config.check(Some(&["c1"])).unwrap();
    assert_eq!(config.rsmp_listeners()[0].listen.port(), 12_111);
}

#[test]
fn a_short_configuration_gets_loopback_and_the_planners_defaults() {
    let folder = scratch();
    let config = Config::parse(&folder.path().join("c.toml"), "network = \"model\"\n").unwrap();
    assert!(config.check(None).is_ok());
    assert_eq!(config.listen.page.to_string(), "127.0.0.1:8080");
    assert_eq!(config.policy.planner(), clearway_planner::Config::default());
}

#[test]
fn all_faults_come_at_once_with_line_and_column() {
    let folder = scratch();
    let text = r#"
network = "nowhere"

[policy]
hold_max_s = 999

[[feed]]
kind = "hfp"

[[vehicle]]
id = "a"
class = "submarine"
owner = "navy"
taip_id = "1"

[[vehicle]]
id = "b"
class = "emergency"
owner = "fire"
taip_id = "1"
hfp = "x/y"

[[controller]]
id = "c1"
address = "10.0.0.7"
protocol = "telepathy"
backup_time_max_s = 301
"#;
    assert_eq!(
        faults(folder.path(), text),
        [
            "2:1 there is no network model in `nowhere`",
            "5:1 hold_max_s = 999 is outside 5 to 120",
            "8:1 the feed has no broker",
            "12:1 `submarine` is not a class of vehicle",
            "17:1 vehicle `b` has TAIP id 1, which vehicle `a` has already",
            "21:1 `x/y` is not an HFP identity; write operator/vehicle in digits, as in 0040/00407",
            "25:1 `10.0.0.7` is not an address",
            "26:1 `telepathy` is not a protocol",
            "27:1 backup_time_max_s = 301 is outside 1 to 300",
        ]
    );
}

#[test]
fn a_field_that_does_not_exist_is_a_fault_with_its_place() {
    let folder = scratch();
    assert_eq!(
        faults(folder.path(), "network = \"model\"\n[engine]\nshadow = true\nturbo = 9\n"),
        ["4:1 unknown field `turbo`, expected one of `shadow`, `park`, `core`"]
    );
    let in_feed = faults(folder.path(), "network = \"model\"\n[[feed]]\nkind = \"nmea\"\nbaud = 9600\n");
    assert!(in_feed.len() == 1 && in_feed[0].contains("unknown field `baud`"), "{in_feed:?}");
}

#[test]
fn x5_nothing_listens_beyond_this_machine_unless_the_segment_is_isolated() {
    let folder = scratch();
    let text = "network = \"model\"\n[listen]\npage = \"0.0.0.0:8080\"\n[[feed]]\nkind = \"hub\"\n\
                listen = \"0.0.0.0:8090\"\n[[feed]]\nkind = \"hfp\"\nbroker = \"mqtt://10.0.0.1\"\n";
    assert_eq!(
        faults(folder.path(), text),
        [
            "3:1 0.0.0.0:8080 can be reached from other machines, without TLS",
            "6:1 0.0.0.0:8090 can be reached from other machines, without TLS",
            "6:1 missions would be taken from anybody",
            "9:1 10.0.0.1 is another machine, and the protocol has no TLS",
        ]
    );
    let isolated = format!("insecure_isolated_segment = true\n{text}");
    assert_eq!(faults(folder.path(), &isolated), ["7:1 missions would be taken from anybody"]);
}

#[test]
fn x6_a_secret_is_a_file_that_only_its_owner_may_read() {
    let folder = scratch();
    let text = "network = \"model\"\n[[feed]]\nkind = \"hub\"\ntoken_file = \"token\"\n";
    let missing = faults(folder.path(), text);
    assert!(missing[0].starts_with("4:1 the secret `token` cannot be read"), "{missing:?}");

    let token = folder.path().join("token");
    fs::write(&token, "s3cret\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(faults(folder.path(), text), ["4:1 others may read the secret `token` (mode 0644)"]);

    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(faults(folder.path(), text).is_empty());
    let config = Config::parse(&folder.path().join("c.toml"), text).unwrap();
    assert_eq!(config.read_secret(Path::new("token")).unwrap(), "s3cret");
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn a_controller_that_the_model_lacks_is_a_fault() {
    let folder = scratch();
    let text = "network = \"model\"\n[[controller]]\nid = \"c9\"\naddress = \"10.0.0.7:161\"\n\
                accept_plaintext = true\n";
    let config = Config::parse(&folder.path().join("c.toml"), text).unwrap();
    assert!(config.check(None).is_ok());
    let error = config.check(Some(&["c1"])).unwrap_err();
    assert_eq!(error.faults[0].to_string(), "the model has no controller `c9`");
    assert!(error.faults[0].help().is_some() && error.to_string().ends_with("1 fault found"));
}

#[test]
fn a_missing_file_is_a_fault_like_any_other() {
    let error = Config::load(Path::new("/nonexistent/clearway.toml")).unwrap_err();
    assert_eq!((error.faults.len(), error.faults[0].line), (1, 1));
}

#[test]
fn the_schema_describes_every_field() {
    let schema = Config::schema();
    for name in ["network", "listen", "engine", "policy", "feed", "vehicle", "controller"] {
        assert!(schema["properties"][name].is_object(), "{name}");
    }
    assert!(schema["properties"]["source"].is_null());
    let mut bare = Vec::new();
    undescribed(&schema, "$", &mut bare);
    assert!(bare.is_empty(), "no description: {bare:?}");
}

#[test]
fn the_document_describes_every_field() {
    let document =
        concat!(include_str!("../../../docs/configuration.md"), include_str!("../../../docs/policy.md"),);
    let schema = Config::schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    for object in definitions.chain([&schema]) {
        for name in object["properties"].as_object().into_iter().flat_map(|properties| properties.keys()) {
            let stands =
                [format!("`{name}`"), format!("`[{name}]`"), format!("`[[{name}]]`"), format!(".{name}]]`")];
            assert!(
                stands.iter().any(|form| document.contains(form)),
                "docs/configuration.md and docs/policy.md lack {name}"
            );
        }
    }
}

/// Collects the properties without description.
fn undescribed(schema: &serde_json::Value, place: &str, found: &mut Vec<String>) {
    let Some(object) = schema.as_object() else { return };
    for (name, property) in object.get("properties").and_then(|p| p.as_object()).into_iter().flatten() {
        let described = property["description"].is_string() || property["const"].is_string();
        if !described && property["$ref"].is_null() {
            found.push(format!("{place}.{name}"));
        }
    }
    for (name, definition) in object.get("$defs").and_then(|d| d.as_object()).into_iter().flatten() {
        undescribed(definition, name, found);
    }
}

/// One NTCIP controller with these keys, beside two secrets that nobody else may read.
fn ntcip_faults(keys: &str) -> Vec<String> {
    let folder = scratch();
    for name in ["auth.key", "privacy.key"] {
        let path = folder.path().join(name);
        fs::write(&path, "secret-secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let head = "network = \"model\"\n\n[[controller]]\nid = \"c1\"\nprotocol = \"ntcip\"\n";
    faults(folder.path(), &format!("{head}{keys}\n"))
}

#[test]
fn snmp_version_3_needs_a_user_algorithms_and_files_and_then_no_plaintext_is_accepted() {
    let whole = r#"address = "10.0.0.7:161"
snmp = { version = 3, user = "engine", auth = "sha512", auth_file = "auth.key", privacy = "aes256-reeder", privacy_file = "privacy.key" }"#;
    assert_eq!(ntcip_faults(whole), Vec::<String>::new());
    for (keys, what) in [
        ("address = \"10.0.0.7:161\"\nsnmp = { version = 2 }", "10.0.0.7 is another machine"),
        ("snmp = { version = 4 }", "no version 4"),
        ("snmp = { version = 1, user = \"engine\" }", "has no users"),
        ("snmp = { version = 3, auth = \"sha1\", auth_file = \"auth.key\" }", "needs a user"),
        ("snmp = { version = 3, user = \"engine\", auth_file = \"auth.key\" }", "without authentication"),
        ("snmp = { version = 3, user = \"engine\", auth = \"md5\", auth_file = \"auth.key\" }", "`md5`"),
        ("snmp = { version = 3, user = \"engine\", auth = \"sha1\" }", "the file of its password"),
        ("snmp = { version = 3, user = \"engine\", auth = \"sha1\", auth_file = \"none.key\" }", "none.key"),
        ("profile = \"acme\"", "no profile `acme`"),
        ("profile_file = \"clearway.profile\"", "clearway.profile"),
    ] {
        let found = ntcip_faults(keys);
        assert!(found.len() == 1 && found[0].contains(what), "{keys}: {found:?}");
        assert!(found[0].starts_with("6:1 ") || found[0].starts_with("7:1 "), "{found:?}");
    }
}

#[test]
fn an_ntcip_controller_is_commissioned_by_the_line_that_is_printed_of_it() {
    let said = clearway_ntcip::Commissioned {
        make: "Acme \"2\"".into(),
        checksum: "0badcafe-00000001-00000002-0000000f".parse().unwrap(),
        ..Default::default()
    };
    let text = format!("network = \"model\"\n\n[[controller]]\nid = \"c1\"\n{said}\n");
    let config = Config::parse(Path::new("clearway.toml"), &text).unwrap();
    let entry = config.controllers[0].get_ref().ntcip.as_ref().unwrap();
    assert_eq!(entry.commissioned(), Ok(said.clone()));
    assert_eq!(ntcip_faults(&said.to_string()), Vec::<String>::new());
    let short = said.to_string().replace("-0000000f", "");
    assert!(ntcip_faults(&short)[0].contains("hexadecimal digits"), "{:?}", ntcip_faults(&short));
}

/// The faults of one Modbus controller with these keys.
fn modbus_faults(folder: &Path, keys: &str) -> Vec<String> {
    let text = format!("network = \"model\"\n\n[[controller]]\nid = \"c1\"\nprotocol = \"modbus\"\n{keys}\n");
    faults(folder, &text)
}

#[test]
fn each_way_to_a_modbus_controller_needs_its_own_keys_and_no_others() {
    let folder = scratch();
    for keys in [
        "",
        "address = \"127.0.0.1:502\"\nmodbus = { unit = 17 }",
        "address = \"127.0.0.1:502\"\nmodbus = { transport = \"rtu_tcp\" }",
        "address = \"/dev/ttyS1\"\nmodbus = { transport = \"rtu\", baud = 9600, parity = \"none\", stop_bits = 2 }",
        "modbus = { profile = \"remote-io\", commissioned = \"1a2b3c4d\" }",
    ] {
        assert_eq!(modbus_faults(folder.path(), keys), Vec::<String>::new(), "{keys}");
    }
    for (keys, what) in [
        ("modbus = { unit = 0 }", "a unit is 1 to 247"),
        ("modbus = { baud = 9600 }", "belong to a serial line"),
        ("modbus = { role = \"operator\" }", "belong to TLS"),
        ("modbus = { transport = \"tls\" }", "needs an authority"),
        (
            "modbus = { transport = \"tls\", ca_file = \"no.pem\", certificate_file = \"no.pem\", key_file = \"no.pem\" }",
            "no.pem",
        ),
        ("address = \"/dev/ttyS1\"\nmodbus = { transport = \"rtu\", baud = 110 }", "outside 1200 to 115200"),
        ("address = \"/dev/ttyS1\"\nmodbus = { transport = \"rtu\", stop_bits = 3 }", "no 3 stop bits"),
        ("address = \"127.0.0.1:502\"\nmodbus = { transport = \"rtu\" }", "no device file"),
        ("address = \"10.0.0.7:502\"\nmodbus = { transport = \"rtu_tcp\" }", "10.0.0.7 is another machine"),
        ("modbus = { profile = \"acme\" }", "no Modbus profile `acme`"),
        ("modbus = { profile = \"remote-io\", profile_file = \"x\" }", "two Modbus profiles"),
        ("modbus = { profile_file = \"model\" }", "cannot be read"),
        ("modbus = { profile_file = \"clearway.profile\" }", "clearway.profile"),
        ("modbus = { profile = \"remote-io\" }", "commissioned for"),
        ("modbus = { profile = \"remote-io\", commissioned = \"xyz\" }", "commissioned for"),
        ("modbus = { commissioned = \"1a2b3c4d\" }", "names its configuration itself"),
        ("modbus = { transport = \"carrier_pigeon\" }", "unknown variant"),
    ] {
        let found = modbus_faults(folder.path(), keys);
        assert!(!found.is_empty() && found.iter().any(|fault| fault.contains(what)), "{keys}: {found:?}");
        assert!(found.iter().all(|fault| fault.starts_with("6:") || fault.starts_with("7:")), "{found:?}");
    }
    let ntcip =
        "network = \"model\"\n\n[[controller]]\nid = \"c1\"\nprotocol = \"ntcip\"\nmodbus = { unit = 2 }\n";
    assert!(faults(folder.path(), ntcip)[0].contains("has no Modbus"));
}

#[test]
fn one_serial_line_serves_one_controller() {
    let folder = scratch();
    let line = |id| {
        format!(
            "[[controller]]\nid = \"{id}\"\nprotocol = \"modbus\"\naddress = \"/dev/ttyS1\"\nmodbus = {{ transport = \"rtu\" }}\n"
        )
    };
    let found = faults(folder.path(), &format!("network = \"model\"\n{}{}", line("c1"), line("c2")));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|fault| fault.contains("already leads to")), "{found:?}");
}

#[test]
fn modbus_over_tls_is_checked_down_to_the_role_and_needs_no_plaintext() {
    use clearway_field::faces::modbus::pki::Authority;
    let folder = scratch();
    let authority = Authority::new("cabinets").unwrap();
    let engine = authority.issue("engine", Some("operator")).unwrap();
    for (name, text) in
        [("ca.pem", &authority.pem), ("engine.pem", &engine.chain), ("engine.key", &engine.key)]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let keys = |role: &str| {
        format!(
            "address = \"10.0.0.7:802\"\nmodbus = {{ transport = \"tls\", ca_file = \"ca.pem\", certificate_file = \"engine.pem\", key_file = \"engine.key\", role = \"{role}\" }}"
        )
    };
    let key = folder.path().join("engine.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let found = modbus_faults(folder.path(), &keys("operator"));
    assert!(found.len() == 1 && found[0].contains("others may read the secret"), "{found:?}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(modbus_faults(folder.path(), &keys("operator")), Vec::<String>::new());
    let found = modbus_faults(folder.path(), &keys("chief"));
    assert!(found.len() == 1 && found[0].contains("role is `operator`, expected `chief`"), "{found:?}");
}

/// One RSMP controller with these keys, and further tables.
fn rsmp_faults(keys: &str, tables: &str) -> Vec<String> {
    let folder = scratch();
    let text =
        format!("network = \"model\"\n[[controller]]\nid = \"c1\"\nprotocol = \"rsmp\"\n{keys}\n{tables}");
    faults(folder.path(), &text)
}

#[test]
fn an_rsmp_site_needs_no_address_and_may_name_everything_that_was_proved_of_it() {
    assert_eq!(rsmp_faults("", ""), [""; 0]);
    let whole = "rsmp = { site_id = \"A\", sxl = \"1.1\", request_lifetime_s = 10, max_presence_s = 120, waivers = [\"M0005\"], \
                 rows = [{ row = 3, emergency_route = 1 }], listen = \"127.0.0.1:12112\", \
                 detectors = [{ number = 1, component = \"KK+AG9998=001DL001\" }] }";
    assert_eq!(rsmp_faults(whole, "[[rsmp_listener]]\nlisten = \"127.0.0.1:12112\""), [""; 0]);
}

#[test]
fn what_does_not_fit_an_rsmp_site_is_told() {
    for (keys, tables, expected) in [
        ("address = \"127.0.0.1:1\"", "", "5:1 an RSMP controller connects to us: it has no address"),
        ("rsmp = { request_lifetime_s = 0 }", "", "5:1 request_lifetime_s = 0 is outside 1 to 300"),
        (
            "rsmp = { request_lifetime_s = 31 }",
            "",
            "5:1 with this request_lifetime_s a request stands for up to 61 s after the engine fell silent, \
             60 s are accepted",
        ),
        ("rsmp = { sxl = \"9.9\" }", "", "5:1 there is no list 9.9"),
        ("rsmp = { waivers = [\"M0001\"] }", "", "5:1 `M0001` is no command that a waiver can allow"),
        ("rsmp = { rows = [{ row = 3 }] }", "", "5:1 row 3 needs exactly one name"),
        ("rsmp = { certificate_sha256 = \"00\" }", "", "5:1 certificate_sha256 is no SHA-256"),
        ("rsmp = { listen = \"127.0.0.1:1\" }", "", "5:1 no [[rsmp_listener]] listens on 127.0.0.1:1"),
        (
            "",
            "[[rsmp_listener]]\nlisten = \"0.0.0.0:12111\"",
            "7:1 0.0.0.0:12111 can be reached from other machines, without TLS",
        ),
    ] {
        assert_eq!(rsmp_faults(keys, tables), [expected], "{keys} {tables}");
    }
}
