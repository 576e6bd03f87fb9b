//! Our adapter before other people's agents, and other people's clients before ours. A missing tool
//! fails the test: these run where `cargo xtask test` has installed what they need.

mod peers;

use clearway_contract::kit::MAIN;
use clearway_contract::kit::rig::{self, Rig};
use clearway_contract::port::{LinkState, PortEvent};
use clearway_field::faces::ntcip::{Setup, SnmpUser};
use clearway_field::{FaceKind, Field, FieldOptions};
use clearway_network::testing::corridor;
use clearway_ntcip::adapter::Credentials;
use clearway_signals::{ControllerId, RowSet};
use peers::{COMMUNITY, Peer, run, user};

/// Everything that a healthy connection must do, one after the other.
async fn is_driven(peer: &Peer) {
    rig::a_call_is_confirmed_and_released(peer).await;
    rig::s19_shutdown_releases(peer).await;
    rig::an_engine_that_is_gone_leaves_nothing_on(peer).await;
    rig::s19_release_of_all_needs_no_engine(peer).await;
}

macro_rules! driven {
    ($($name:ident: $peer:ident $credentials:expr;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                is_driven(&Peer::$peer(folder.path(), $credentials)).await;
            }
        )+
    };
}

driven! {
    snmpd_by_version_1: snmpd Credentials::V1(COMMUNITY.into());
    snmpd_by_version_2c: snmpd Credentials::V2c(COMMUNITY.into());
    snmpd_by_a_user_with_sha_256_and_aes_128: snmpd user("engine", "sha256", Some("aes128"));
    snmpd_by_a_user_with_sha_512_and_aes_256: snmpd user("strong", "sha512", Some("aes256-blumenthal"));
    snmpd_by_a_user_whose_key_is_stretched: snmpd user("stretched", "sha1", Some("aes256-blumenthal"));
    snmpd_by_a_user_that_signs_only: snmpd user("signer", "sha384", None);
    pysnmp_by_version_1: pysnmp Credentials::V1(COMMUNITY.into());
    pysnmp_by_version_2c: pysnmp Credentials::V2c(COMMUNITY.into());
    pysnmp_by_a_user_with_sha_256_and_aes_128: pysnmp user("engine", "sha256", Some("aes128"));
    pysnmp_by_a_user_whose_key_is_stretched: pysnmp user("reeder", "sha1", Some("aes256-reeder"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_snmpd_that_comes_back_as_another_engine_is_armed_and_called_again() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::snmpd(folder.path(), user("engine", "sha256", Some("aes128")));
    let mut rig = Rig::start(&peer, |_| {});
    rig.call(MAIN, 1).await;
    rig.confirmed(1, true).await;
    peer.kill();
    rig.event("the loss", |event| matches!(event, PortEvent::Link(_, LinkState::Down))).await;
    peer.reborn(folder.path());
    rig.event("arming", |event| matches!(event, PortEvent::Armed(_))).await;
    rig.call(MAIN, 2).await;
    rig.confirmed(2, true).await;
    rig.release(MAIN, 2).await;
    rig.confirmed(2, false).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_knows_nothing_of_us_is_driven_once_it_is_commissioned() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = Credentials::V1(COMMUNITY.into());
    let mut peer = Peer::snmpd_with(folder.path(), credentials, Some("2.66 of 20240115"));
    let mut rig = Rig::start(&peer, |_| {});
    let refused =
        |event: &PortEvent| matches!(event, PortEvent::NotArmed(_, why) if why.contains("not commissioned"));
    rig.event("the refusal", refused).await;
    rig.stop().await;
    peer.commission();
    rig::a_call_is_confirmed_and_released(&peer).await;
}

async fn field() -> Field {
    let user = |name: &str, auth: &str, privacy: Option<&str>| SnmpUser {
        name: name.into(),
        auth: (auth.into(), "authentication".into()),
        privacy: privacy.map(|word| (word.into(), "encryption".into())),
    };
    let users = vec![
        user("engine", "sha256", Some("aes128")),
        user("strong", "sha512", Some("aes256-blumenthal")),
        user("signer", "sha1", None),
    ];
    let options = FieldOptions { ntcip: Setup { users, engine: None }, ..FieldOptions::default() };
    Field::start(&corridor(2), &[FaceKind::Ntcip, FaceKind::Ntcip], options).await.unwrap()
}

const DEVICES: &str = ".1.3.6.1.4.1.1206.4.2";
const PRIVATE: [&str; 12] =
    ["-v3", "-l", "authPriv", "-u", "engine", "-a", "SHA-256", "-A", "authentication", "-x", "AES", "-X"];
const STRONG: [&str; 12] =
    ["-v3", "-l", "authPriv", "-u", "strong", "-a", "SHA-512", "-A", "authentication", "-x", "AES-256", "-X"];
const SIGNED: [&str; 9] = ["-v3", "-l", "authNoPriv", "-u", "signer", "-a", "SHA", "-A", "authentication"];

/// A tool of net-snmp against a controller of the field.
fn tool(field: &Field, id: ControllerId, tool: &str, who: &[&str], rest: &[&str]) -> (bool, String) {
    let peer = format!("udp:{}", field.address(id).unwrap());
    let password: &[&str] = if who.last() == Some(&"-X") { &["encryption"] } else { &[] };
    run(tool, &[who, password, &["-On", "-Oq", "-t", "2", "-r", "0", peer.as_str()], rest].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snmpget_snmpset_and_snmpwalk_of_every_version_drive_our_agent() {
    let field = field().await;
    let id = ControllerId(0);
    let control = format!("{DEVICES}.1.6.3.1.2.3");
    let remote = || field.with(id, |emulator| emulator.status().remote).unwrap();
    for who in [&["-v1", "-c", COMMUNITY][..], &["-v2c", "-c", COMMUNITY], &PRIVATE, &STRONG, &SIGNED] {
        let (set, said) = tool(&field, id, "snmpset", who, &[&control, "i", "1"]);
        assert!(set && remote() == RowSet::of(MAIN), "{who:?}: {said}");
        let (read, said) = tool(&field, id, "snmpget", who, &[&control]);
        assert!(read && said.trim().ends_with(" 1"), "{who:?}: {said}");
        let (set, said) = tool(&field, id, "snmpset", who, &[&control, "i", "0"]);
        assert!(set && remote().is_empty(), "{who:?}: {said}");
        let (walked, said) = tool(&field, id, "snmpwalk", who, &[&format!("{DEVICES}.1.6")]);
        assert_eq!((walked, said.matches(".1.6.3.1.2.").count()), (true, 4), "{who:?}: {said}");
    }
    let weak = ["-v3", "-l", "authNoPriv", "-u", "engine", "-a", "SHA-256", "-A", "authentication"];
    let (set, said) = tool(&field, id, "snmpset", &weak, &[&control, "i", "1"]);
    assert!(!set && remote().is_empty(), "{said}");
    field.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snmpset_asks_our_agent_for_priority_and_reads_the_state() {
    let field = field().await;
    let id = ControllerId(1);
    let selector = format!("01{}0a0b0301{}", "00".repeat(15), "01");
    let object = |number: u8| format!("{DEVICES}.11.2.{number}.0");
    let set = |number: u8, octets: &str| {
        let (set, said) = tool(&field, id, "snmpset", &PRIVATE, &[&object(number), "x", octets]);
        assert!(set, "{said}");
    };
    let state = || {
        set(3, &selector);
        let (read, said) = tool(&field, id, "snmpget", &PRIVATE, &["-Ox", &object(4)]);
        assert!(read, "{said}");
        let octets: Vec<&str> = said.split('"').nth(1).unwrap_or(&said).split_whitespace().collect();
        octets.get(21).copied().unwrap_or_default().to_owned()
    };
    assert_eq!(state(), "01", "no such request");
    set(1, &format!("{selector}0014001e"));
    assert!(["02", "04"].contains(&state().as_str()), "queued or served");
    assert!(field.with(id, |emulator| emulator.status().priority.is_some()).unwrap());
    set(5, &selector);
    assert_eq!(state(), "08", "cancelled");
    set(6, &selector);
    assert_eq!(state(), "01", "cleared");
    field.shutdown().await;
}
