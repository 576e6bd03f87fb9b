//! The field on its sockets, stepped by a clock that the test holds.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clearway_network::testing::corridor;
use clearway_signals::{GroupSet, PreemptState};
use tokio_modbus::Slave;
use tokio_modbus::client::{Reader, tcp};

use super::*;
use crate::station::VirtualField;

const FACES: [FaceKind; 4] = [FaceKind::Ntcip, FaceKind::Modbus, FaceKind::None, FaceKind::Modbus];

fn held_clock() -> (Arc<AtomicI64>, Clock) {
    let time = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&time);
    (time, Arc::new(move || Millis(read.load(Ordering::Relaxed))))
}

/// Wait until the ticker has brought every controller to a time.
async fn reached(field: &Field, at: Millis) {
    let all = |field: &Field| (0..4).all(|id| field.with(ControllerId(id), |e| e.now()) >= Some(at));
    let wait = async {
        while !all(field) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the ticker runs");
}

#[tokio::test]
async fn a_field_runs_its_plans_behind_its_faces_and_stops() {
    let (time, clock) = held_clock();
    let options = FieldOptions { clock: Some(clock), ..FieldOptions::default() };
    let network = corridor(4);
    let field = Field::start(&network, &FACES, options).await.unwrap();
    assert!(field.address(ControllerId(0)).is_some_and(|a| a.ip().is_loopback()));
    assert_eq!(field.address(ControllerId(2)), None);
    time.store(65_050, Ordering::Relaxed);
    reached(&field, Millis(65_000)).await;
    let mut aspects = Vec::new();
    assert!(field.copy_aspects(ControllerId(0), &mut aspects));
    assert_eq!(aspects, [Aspect::Green, Aspect::Red, Aspect::Red]);
    assert!(!field.copy_aspects(ControllerId(9), &mut aspects));
    let mut client = tcp::connect_slave(field.address(ControllerId(3)).unwrap(), Slave(1)).await.unwrap();
    assert_eq!(client.read_input_registers(8, 1).await.unwrap().unwrap(), [650]);
    assert_eq!(field.totals(), Totals::default());
    assert!(field.violations().is_empty());
    let address = field.address(ControllerId(1)).unwrap();
    field.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn controllers_that_were_at_work_show_what_they_would_show() {
    let (time, clock) = held_clock();
    time.store(600_000, Ordering::Relaxed);
    let network = corridor(4);
    let mut virtual_field = VirtualField::new(&network, Options::default());
    virtual_field.advance(Millis(600_000));
    let options =
        FieldOptions { clock: Some(clock), at_work_for: Millis(600_000), ..FieldOptions::default() };
    let field = Field::start(&network, &[], options).await.unwrap();
    for until in [600_000, 600_100, 604_000, 650_000, 700_000].map(Millis) {
        time.store(until.0, Ordering::Relaxed);
        field.advance(until);
        virtual_field.advance(until);
        for id in (0..4).map(ControllerId) {
            let mut aspects = Vec::new();
            assert!(field.copy_aspects(id, &mut aspects));
            assert_eq!(aspects, virtual_field.emulator(id).unwrap().aspects(), "{id:?} at {until:?}");
        }
    }
    field.shutdown().await;
}

#[tokio::test]
async fn the_host_presses_and_switches() {
    let (time, clock) = held_clock();
    let options = FieldOptions { clock: Some(clock), ..FieldOptions::default() };
    let field = Field::start(&corridor(4), &FACES, options).await.unwrap();
    field.set_physical(ControllerId(0), RowId(0), true);
    field.set_mode(ControllerId(1), Mode::Flash);
    field.refuse_arming(ControllerId(2), ArmingFault::BackupTimerOff);
    assert!(field.detector_pulse(ControllerId(3), 1));
    time.store(40_000, Ordering::Relaxed);
    reached(&field, Millis(40_000)).await;
    let status = |id| field.with(ControllerId(id), |e| e.status()).unwrap();
    assert_eq!((status(0).preempt, status(0).greens), (PreemptState::Dwell, GroupSet(0b110)));
    assert_eq!(status(1).greens, GroupSet::EMPTY);
    assert_eq!(field.with(ControllerId(2), |e| e.backup_time()), Some(Millis::ZERO));
    assert_eq!(field.totals().violations(), 0);
    field.shutdown().await;
}

#[tokio::test]
async fn a_taken_port_and_a_wrong_speed_are_said_plainly() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = FieldOptions { base_port: Some(port), ..FieldOptions::default() };
    let error = Field::start(&corridor(1), &[FaceKind::Modbus], options).await.err().unwrap();
    assert!(error.to_string().contains("cannot listen on"), "{error}");
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let options = FieldOptions { speed, ..FieldOptions::default() };
        assert!(matches!(Field::start(&corridor(1), &[], options).await, Err(FieldError::Speed(_))));
    }
    let options = FieldOptions { base_port: Some(65_535), ..FieldOptions::default() };
    assert!(matches!(Field::start(&corridor(2), &[], options).await, Err(FieldError::Ports(65_535))));
}

#[tokio::test]
async fn the_own_clock_runs_at_its_speed() {
    let options = FieldOptions { speed: 100.0, ..FieldOptions::default() };
    let field = Field::start(&corridor(4), &[], options).await.unwrap();
    reached(&field, Millis(20_000)).await;
    assert!(field.now() >= Millis(20_000));
    field.shutdown().await;
}
