//! The register map: frames on the table, and the server over loopback with tokio-modbus's client.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clearway_network::testing::corridor;
use clearway_signals::{GroupId, Millis, Mode, RowId, RowSet};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_modbus::client::{Context, Reader, Writer, rtu, tcp};
use tokio_modbus::slave::SlaveContext;
use tokio_modbus::{ExceptionCode, Slave};

use super::*;
use crate::emulator::{ArmingFault, Emulator, Options};
use crate::faces::modbus::pki;
use crate::faces::modbus::registers::{Reason, crc16};
use crate::station::Station;

/// Preempt number 3 of the corridor.
const ROW_3: u16 = 1 << 2;
/// Transit row 1, level 5.
const TRAM: u16 = 0x0105;

fn device(controller: usize) -> (Commands, Emulator) {
    (Commands::default(), Emulator::new(&corridor(2).controllers[controller], Options::default()))
}

fn frame(sequence: u16, ttl: u16, calls: u16, priority: u16) -> [u16; FRAME_LEN] {
    let mut words = [1, sequence, sequence, ttl, calls, priority, 0, 8_000, 0];
    words[8] = crc16(&words[1..8]);
    words
}

#[test]
fn the_checksum_is_modbus_crc_16() {
    assert_eq!(crc16(&[0x3132, 0x3334, 0x3536, 0x3738]), 0x37dd, "of the text 12345678");
}

#[test]
fn a_frame_calls_is_alive_and_dies_with_its_time_to_live() {
    let (mut commands, mut emulator) = device(1);
    commands.write(frame(7, 50, ROW_3, TRAM), &mut emulator).unwrap();
    let read = |register, commands: &Commands, e: &Emulator| input(register, commands, e).unwrap();
    assert_eq!(read(1, &commands, &emulator), 7);
    assert_eq!(read(7, &commands, &emulator), 50);
    assert_eq!((read(9, &commands, &emulator), read(10, &commands, &emulator)), (ROW_3, TRAM));
    emulator.step(Millis(4_900));
    assert_eq!((read(7, &commands, &emulator), read(9, &commands, &emulator)), (1, ROW_3));
    emulator.step(Millis(5_000));
    assert_eq!((read(7, &commands, &emulator), read(9, &commands, &emulator)), (0, 0));
    assert_eq!(read(10, &commands, &emulator), 0);
    assert_eq!(read(8, &commands, &emulator), 50);
}

#[test]
fn each_reason_refuses_the_whole_frame_and_is_counted() {
    let (mut commands, mut emulator) = device(1);
    commands.write(frame(100, 50, ROW_3, 0), &mut emulator).unwrap();
    let before = commands.holding();
    let mut wrong_version = frame(101, 50, 0, 0);
    wrong_version[0] = 2;
    let mut wrong_crc = frame(101, 50, 0, 0);
    wrong_crc[8] ^= 1;
    for (count, (words, reason)) in [
        (wrong_version, Reason::Version),
        (wrong_crc, Reason::Crc),
        (frame(100, 49, 0, 0), Reason::Sequence),
        (frame(99, 50, 0, 0), Reason::Sequence),
        (frame(100 + 0x8000, 50, 0, 0), Reason::Sequence),
        (frame(101, 0, 0, 0), Reason::TimeToLive),
        (frame(101, 301, 0, 0), Reason::TimeToLive),
        (frame(101, 50, 1, 0), Reason::Row),
        (frame(101, 50, 1 << 15, 0), Reason::Row),
        (frame(101, 50, 0, 0x0300), Reason::Row),
        (frame(101, 50, 0, 0x010f), Reason::Row),
        (frame(101, 50, 0, 0x0005), Reason::Row),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(commands.write(words, &mut emulator), Err(reason));
        assert_eq!(commands.holding(), before);
        assert_eq!(input(24, &commands, &emulator), u16::try_from(count + 1).ok());
        assert_eq!(input(25, &commands, &emulator), Some(reason as u16));
        assert_eq!(input(9, &commands, &emulator), Some(ROW_3));
    }
}

#[test]
fn s14_a_rail_row_is_not_remotely_writable() {
    let (mut commands, mut emulator) = device(0);
    assert_eq!(commands.write(frame(1, 50, 1, 0), &mut emulator), Err(Reason::Row));
    assert_eq!(input(200 + 2, &commands, &emulator), Some(0b0011));
    assert_eq!(input(212 + 2, &commands, &emulator), Some(0b0111));
}

#[test]
fn a_controller_without_priority_channel_refuses_priority() {
    let (mut commands, mut emulator) = device(0);
    assert_eq!(commands.write(frame(1, 50, 0, TRAM), &mut emulator), Err(Reason::Row));
}

#[test]
fn a_mode_that_takes_no_calls_still_takes_a_release() {
    let (mut commands, mut emulator) = device(0);
    commands.write(frame(1, 50, ROW_3, 0), &mut emulator).unwrap();
    emulator.set_mode(Mode::Flash);
    assert_eq!(commands.write(frame(2, 50, ROW_3, 0), &mut emulator), Err(Reason::State));
    commands.write(frame(2, 50, 0, 0), &mut emulator).unwrap();
    assert_eq!(input(9, &commands, &emulator), Some(0));
    assert_eq!(input(0, &commands, &emulator), Some(2));
}

#[test]
fn a_repeated_frame_is_accepted_and_does_not_live_longer() {
    let (mut commands, mut emulator) = device(0);
    commands.write(frame(1, 50, ROW_3, 0), &mut emulator).unwrap();
    emulator.step(Millis(4_000));
    commands.write(frame(1, 50, ROW_3, 0), &mut emulator).unwrap();
    assert_eq!(input(7, &commands, &emulator), Some(10));
    assert_eq!(emulator.counters().accepted, 1);
}

/// Registers 26 and 27.
fn priority(commands: &Commands, emulator: &Emulator) -> [u16; 2] {
    [26, 27].map(|register| input(register, commands, emulator).unwrap())
}

#[test]
fn what_becomes_of_a_priority_request_is_told_in_the_words_of_1211() {
    let (mut commands, mut emulator) = device(1);
    assert_eq!(priority(&commands, &emulator), [1, 0], "none yet");
    let mut shown = Vec::new();
    for sequence in 1..=60 {
        commands.write(frame(sequence, 50, 0, TRAM), &mut emulator).unwrap();
        shown.push(priority(&commands, &emulator)[0]);
        emulator.step(emulator.now() + Millis(1_000));
    }
    shown.dedup();
    assert_eq!(shown[..2], [2, 4], "waits, is served");
    assert!(emulator.counters().grants > 0);
    commands.write(frame(61, 50, 0, 0), &mut emulator).unwrap();
    assert_eq!(priority(&commands, &emulator), [8, TRAM], "withdrawn");
}

#[test]
fn a_request_that_the_controller_ended_stays_over_until_a_frame_comes_without_it() {
    let (mut commands, mut emulator) = device(1);
    commands.write(frame(1, 50, 0, TRAM), &mut emulator).unwrap();
    emulator.set_mode(Mode::Flash);
    assert_eq!(priority(&commands, &emulator), [15, TRAM]);
    emulator.set_mode(Mode::Normal);
    emulator.step(emulator.now() + Millis(4_000));
    let held = |commands: &Commands, emulator: &Emulator| input(10, commands, emulator).unwrap();
    commands.write(frame(2, 50, 0, TRAM), &mut emulator).unwrap();
    assert_eq!(held(&commands, &emulator), 0, "still over");
    commands.write(frame(3, 50, 0, 0), &mut emulator).unwrap();
    emulator.step(emulator.now() + Millis::from_s(60));
    commands.write(frame(4, 50, 0, TRAM), &mut emulator).unwrap();
    assert_eq!((held(&commands, &emulator), priority(&commands, &emulator)), (TRAM, [2, TRAM]));
    emulator.step(emulator.now() + Millis::from_s(6));
    assert!(matches!(priority(&commands, &emulator)[0], 10 | 13), "its time to live ran out");
    commands.write(frame(5, 50, 0, TRAM), &mut emulator).unwrap();
    assert_eq!(held(&commands, &emulator), TRAM, "and another one is made");
}

#[test]
fn the_sequence_wraps_around() {
    let (mut commands, mut emulator) = device(0);
    commands.write(frame(65_535, 50, 0, 0), &mut emulator).unwrap();
    commands.write(frame(0, 50, 0, 0), &mut emulator).unwrap();
    commands.write(frame(0x7fff, 50, 0, 0), &mut emulator).unwrap();
}

#[test]
fn identity_limits_and_rows_read_as_the_map_says() {
    let (commands, mut emulator) = device(1);
    let read = |register, emulator: &Emulator| input(register, &commands, emulator).unwrap();
    let hash = emulator.configuration_hash();
    assert_eq!(u32::from(read(104, &emulator)) << 16 | u32::from(read(105, &emulator)), hash);
    let identity = [100, 101, 106, 107, 108, 109].map(|register| read(register, &emulator));
    assert_eq!(identity, [1, 0x4357, 3, 4, 300, 1]);
    let third: Vec<u16> = (224..236).map(|register| read(register, &emulator)).collect();
    assert_eq!(third, [4, 2, 0b0111, 120, 5, 5, 0, 0b110, 0, 0, 0, 1]);
    assert_eq!(read(236 + 2, &emulator), 0b1111, "the transit row, by priority");
    for gap in [28, 29, 94, 99, 110, 199, 248, 65_535] {
        assert_eq!(input(gap, &commands, &emulator), None, "register {gap}");
    }
    emulator.refuse_arming(ArmingFault::BackupTimerOff);
    assert_eq!(read(108, &emulator), 0);
    emulator.refuse_arming(ArmingFault::WrongConfiguration);
    assert_ne!(read(105, &emulator), low_of(hash));
}

fn low_of(value: u32) -> u16 {
    u16::try_from(value & 0xffff).unwrap()
}

#[test]
fn greens_above_sixteen_stand_in_their_own_words() {
    let mut network = corridor(1);
    network.controllers[0].group_numbers = vec![1, 17, 64];
    let mut emulator = Emulator::new(&network.controllers[0], Options::default());
    emulator.step(Millis::from_s(92));
    let read = |register| input(register, &Commands::default(), &emulator).unwrap();
    assert!(emulator.is_green(GroupId(1)) && emulator.is_green(GroupId(2)));
    assert_eq!([read(4), read(12), read(13), read(14)], [0, 1, 0, 1 << 15]);
    assert_eq!([read(6), read(18)], [1, 0]);
}

proptest! {
    #[test]
    fn any_frame_is_taken_whole_or_refused_whole(words in prop::array::uniform9(any::<u16>()), sound: bool) {
        let (mut commands, mut emulator) = device(1);
        let mut words = words;
        if sound {
            words[0] = 1;
            words[8] = crc16(&words[1..8]);
        }
        let taken = commands.write(words, &mut emulator);
        let called = input(9, &commands, &emulator).unwrap();
        prop_assert_eq!(called, if taken.is_ok() { words[4] } else { 0 });
        prop_assert_eq!(commands.holding(), if taken.is_ok() { words } else { [0; FRAME_LEN] });
        prop_assert_eq!(called & !0b1100, 0, "only rows 3 and 4 are ours");
    }

    #[test]
    fn every_register_reads_or_is_absent(register: u16, seconds in 0i64..300) {
        let (commands, mut emulator) = device(1);
        emulator.step(Millis::from_s(seconds));
        let present = matches!(register, 0..=27 | 30..=93 | 100..=109 | 200..=247);
        prop_assert_eq!(input(register, &commands, &emulator).is_some(), present);
    }
}

struct Bench {
    station: Shared,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    async fn with(setup: Setup) -> Self {
        // No other timer than the device's own ends a call.
        let options = Options { backup_time: Millis::ZERO, ttl_max: Millis::from_s(2), ..Options::default() };
        let options = if setup.map == Map::Relay { options } else { Options::default() };
        let station = Shared::new(Station::new(&corridor(2).controllers[1], options));
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        tokio::spawn(serve(listener, Device::new(station.clone(), setup), stop.clone()));
        Self { station, address, stop }
    }

    async fn client(&self, unit: u8) -> Context {
        tcp::connect_slave(self.address, Slave(unit)).await.unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn a_client_writes_a_frame_and_reads_the_echo_and_the_dwell() {
    let bench = Bench::new().await;
    let mut client = bench.client(1).await;
    client.write_multiple_registers(0, &frame(1, 300, ROW_3, 0)).await.unwrap().unwrap();
    bench.station.lock().advance(Millis::from_s(20));
    let status = client.read_input_registers(0, 26).await.unwrap().unwrap();
    assert_eq!((status[1], status[2], status[3], status[9]), (1, 3, 6, ROW_3));
    assert_eq!(client.read_holding_registers(0, 9).await.unwrap().unwrap(), frame(1, 300, ROW_3, 0));
    assert_eq!(bench.station.lock().monitor().totals().violations(), 0);
}

#[tokio::test]
async fn what_the_map_does_not_have_is_answered_with_the_right_exception() {
    let bench = Bench::new().await;
    let mut client = bench.client(1).await;
    let bad_frame = [0; FRAME_LEN];
    assert_eq!(
        client.write_multiple_registers(0, &bad_frame).await.unwrap(),
        Err(ExceptionCode::IllegalDataValue)
    );
    let address = Err(ExceptionCode::IllegalDataAddress);
    assert_eq!(client.write_multiple_registers(4, &[4]).await.unwrap(), address);
    assert_eq!(client.write_multiple_registers(0, &bad_frame[..8]).await.unwrap(), address);
    let function = ExceptionCode::IllegalFunction;
    assert_eq!(client.write_single_register(4, 4).await.unwrap(), Err(function));
    assert_eq!(client.write_single_coil(0, true).await.unwrap(), Err(function));
    assert_eq!(client.read_coils(0, 1).await.unwrap(), Err(function));
    let address = ExceptionCode::IllegalDataAddress;
    assert_eq!(client.read_input_registers(27, 2).await.unwrap(), Err(address));
    assert_eq!(client.read_holding_registers(0, 10).await.unwrap(), Err(address));
    assert_eq!(client.read_input_registers(65_535, 2).await.unwrap(), Err(address));
    assert_eq!(client.read_input_registers(0, 0).await.unwrap(), Err(ExceptionCode::IllegalDataValue));
    let mut other = bench.client(9).await;
    assert_eq!(other.read_input_registers(0, 1).await.unwrap(), Err(ExceptionCode::GatewayTargetDevice));
    assert_eq!(bench.station.lock().emulator().counters().accepted, 0);
}

/// Section 6 of the protocol: an exception answers what is damaged, and the connection lives on.
#[tokio::test]
async fn a_request_that_contradicts_itself_is_refused_and_the_next_one_is_served() {
    let bench = Bench::new().await;
    let mut stream = tokio::net::TcpStream::connect(bench.address).await.unwrap();
    let mut ask = async |number: u8, unit: u8, pdu: &[u8]| {
        let length = u8::try_from(pdu.len() + 1).unwrap();
        stream.write_all(&[&[0, number, 0, 0, 0, length, unit], pdu].concat()).await.unwrap();
        let mut header = [0; 7];
        stream.read_exact(&mut header).await.unwrap();
        assert_eq!((header[1], header[6]), (number, unit));
        let mut answer = vec![0; usize::from(header[5]) - 1];
        stream.read_exact(&mut answer).await.unwrap();
        answer
    };
    for (number, (pdu, answer)) in (1..).zip([
        (&[16, 0, 0, 0, 9, 4, 0, 1, 0, 2][..], [0x90, 3]),
        (&[16, 0, 0, 0x80, 0, 0], [0x90, 3]),
        (&[16, 0, 0, 0, 0, 0], [0x90, 3]),
        (&[4, 0, 0, 0, 126], [0x84, 3]),
        (&[4, 0, 0], [0x84, 3]),
        (&[4, 0, 0, 0, 1, 0], [0x84, 3]),
        (&[5, 0, 0, 0, 1], [0x85, 3]),
        (&[15, 0, 0, 0xff, 0xff, 1, 1], [0x8f, 1]),
        (&[23, 0, 0, 0, 1, 0, 0, 0x80, 0, 0], [0x97, 1]),
        (&[43, 13, 0], [0xab, 1]),
        (&[0x41, 4, 3], [0xc1, 1]),
        (&[0x84, 1], [0x84, 1]),
        (&[0], [0x80, 1]),
    ]) {
        assert_eq!(ask(number, 1, pdu).await, answer, "{pdu:?}");
        assert_eq!(ask(number, 1, &[4, 0, 100, 0, 1]).await, [4, 2, 0, 1]);
        assert_eq!(ask(number, 9, pdu).await, [pdu[0] | 0x80, 11], "another unit");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_the_first_ones_live() {
    let bench = Bench::new().await;
    let mut first = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut client = bench.client(1).await;
        client.read_input_registers(100, 1).await.unwrap().unwrap();
        first.push(client);
    }
    let mut late = bench.client(1).await;
    assert!(late.read_input_registers(100, 1).await.is_err());
    for client in &mut first {
        assert_eq!(client.read_input_registers(100, 1).await.unwrap().unwrap(), [1]);
    }
}

#[tokio::test]
async fn serial_frames_over_tcp_reach_the_same_map_and_strangers_hear_nothing() {
    let bench = Bench::with(Setup { framing: Framing::Rtu, ..Setup::default() }).await;
    let stream = tokio::net::TcpStream::connect(bench.address).await.unwrap();
    let mut client = rtu::attach_slave(stream, Slave(1));
    client.write_multiple_registers(0, &frame(1, 300, ROW_3, 0)).await.unwrap().unwrap();
    assert_eq!(client.read_input_registers(9, 1).await.unwrap().unwrap(), [ROW_3]);
    assert_eq!(client.read_coils(0, 1).await.unwrap(), Err(ExceptionCode::IllegalFunction));
    client.set_slave(Slave(9));
    let silence = tokio::time::timeout(Duration::from_millis(100), client.read_input_registers(0, 1));
    assert!(silence.await.is_err());
}

#[tokio::test]
async fn a_relay_module_closes_contacts_and_its_watchdog_opens_them() {
    let bench = Bench::with(Setup { map: Map::Relay, ..Setup::default() }).await;
    let mut client = bench.client(1).await;
    assert_eq!(client.read_input_registers(0, 2).await.unwrap().unwrap(), [0x5249, 1]);
    assert_eq!(client.read_holding_registers(0, 2).await.unwrap().unwrap(), [20, 0]);
    let called = || bench.station.lock().emulator().status().remote;
    client.write_single_coil(2, true).await.unwrap().unwrap();
    assert_eq!(called(), RowSet::of(RowId(1)));
    for (coil, answer) in [(0, "a rail row has no wire"), (9, "no such row"), (40, "no such coil")] {
        let written = client.write_single_coil(coil, true).await.unwrap();
        assert_eq!(written, Err(ExceptionCode::IllegalDataAddress), "{answer}");
    }
    let settings = client.write_single_register(0, 600).await.unwrap();
    assert_eq!(settings, Err(ExceptionCode::IllegalDataAddress), "settings are not ours to write");
    // Anybody who speaks keeps the outputs closed, until nobody does.
    bench.station.lock().advance(Millis(1_900));
    assert_eq!(client.read_coils(0, 32).await.unwrap().unwrap().iter().filter(|on| **on).count(), 1);
    bench.station.lock().advance(Millis(3_800));
    assert!(!called().is_empty());
    bench.station.lock().advance(Millis(3_900));
    tokio::time::timeout(Duration::from_secs(5), async {
        while !called().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the watchdog opens the contact");
    assert!(!client.read_coils(2, 1).await.unwrap().unwrap()[0]);
}

#[tokio::test]
async fn a_relay_module_shows_the_mode_the_served_row_and_a_swap() {
    let bench = Bench::with(Setup { map: Map::Relay, ..Setup::default() }).await;
    let mut client = bench.client(1).await;
    client.write_single_coil(2, true).await.unwrap().unwrap();
    client.write_single_coil(16, true).await.unwrap().unwrap();
    assert!(bench.station.lock().emulator().status().priority.is_some());
    client.write_single_coil(16, false).await.unwrap().unwrap();
    assert!(bench.station.lock().emulator().status().priority.is_none());
    let seconds = |s| bench.station.lock().advance(Millis::from_s(s));
    for second in 1..20 {
        seconds(second);
        client.read_discrete_inputs(0, 3).await.unwrap().unwrap();
    }
    let inputs = client.read_discrete_inputs(0, 48).await.unwrap().unwrap();
    assert_eq!((inputs[0], inputs[1], inputs[2]), (true, false, false));
    assert!(inputs[16 + 2], "row 3 is served");
    bench.station.lock().emulator_mut().set_mode(Mode::Flash);
    let inputs = client.read_discrete_inputs(0, 3).await.unwrap().unwrap();
    assert_eq!(inputs, [false, true, false]);
    bench.station.lock().emulator_mut().refuse_arming(ArmingFault::WrongConfiguration);
    assert_eq!(client.read_input_registers(0, 1).await.unwrap().unwrap(), [0]);
    assert_eq!(bench.station.lock().monitor().totals().violations(), 0);
}

/// TLS for a face, and the PEM texts of a client with a role.
fn secured(role: Option<&str>) -> (Setup, pki::Authority, pki::Identity) {
    let authority = pki::Authority::new("cabinet authority").unwrap();
    let device = authority.issue("device", None).unwrap();
    let client = authority.issue("client", role).unwrap();
    let (chain, key) = (device.chain.as_bytes(), device.key.as_bytes());
    let tls = Tls::from_pem(authority.pem.as_bytes(), chain, key, &["operator"], &["viewer"]).unwrap();
    (Setup { tls: Some(tls), ..Setup::default() }, authority, client)
}

/// A client over TLS; `identity` is what it shows.
async fn over_tls(
    bench: &Bench,
    authority: &pki::Authority,
    identity: Option<&pki::Identity>,
) -> std::io::Result<Context> {
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let chain = vec![CertificateDer::from_pem_slice(identity.chain.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let stream = tokio::net::TcpStream::connect(bench.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(tcp::attach_slave(stream, Slave(1)))
}

#[tokio::test]
async fn the_role_in_the_certificate_decides_what_a_client_may_do() {
    let function = Err(ExceptionCode::IllegalFunction);
    for (role, reads, writes) in [
        (Some("operator"), true, true),
        (Some("viewer"), true, false),
        (Some("cook"), false, false),
        (None, false, false),
    ] {
        let (setup, authority, identity) = secured(role);
        let bench = Bench::with(setup).await;
        let mut client = over_tls(&bench, &authority, Some(&identity)).await.unwrap();
        let read = client.read_input_registers(100, 1).await.unwrap();
        assert_eq!(read, if reads { Ok(vec![1]) } else { Err(ExceptionCode::IllegalFunction) }, "{role:?}");
        let written = client.write_multiple_registers(0, &frame(1, 300, ROW_3, 0)).await.unwrap();
        assert_eq!(written, if writes { Ok(()) } else { function }, "{role:?}");
        assert_eq!(bench.station.lock().emulator().counters().accepted, u32::from(writes));
    }
}

#[tokio::test]
async fn no_certificate_another_authority_and_clear_text_are_refused() {
    let (setup, authority, _) = secured(None);
    let bench = Bench::with(setup).await;
    let (_, stranger, forged) = secured(Some("operator"));
    for identity in [None, Some(&forged)] {
        // In TLS 1.3 the client learns of the refusal only with its first answer.
        let refused = match over_tls(&bench, &authority, identity).await {
            Err(_) => true,
            Ok(mut client) => client.read_input_registers(100, 1).await.is_err(),
        };
        assert!(refused);
    }
    assert!(over_tls(&bench, &stranger, Some(&forged)).await.is_err(), "the device is not who it says");
    let mut clear = bench.client(1).await;
    assert!(clear.read_input_registers(100, 1).await.is_err());
    assert_eq!(bench.station.lock().emulator().counters().accepted, 0);
}
