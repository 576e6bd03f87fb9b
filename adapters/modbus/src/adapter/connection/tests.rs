use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_modbus::Slave;
use tokio_modbus::client::{rtu, tcp};

use super::*;

const READ: Request = Request::Read(Span { first: 0, count: 1 });
const TIMING: Timing =
    Timing { device: Duration::from_millis(100), byte: Duration::ZERO, silence: Duration::ZERO };

/// A connection to a device that answers request n (from 0) with `script(n, request)`.
fn scripted(
    framing: clearway_egress::Framing,
    script: impl Fn(u64, &[u8]) -> Vec<u8> + Send + 'static,
) -> (Connection, Arc<AtomicU64>) {
    let (near, far) = duplex(4096);
    let asked = Arc::new(AtomicU64::new(0));
    tokio::spawn(device(far, Arc::clone(&asked), script));
    let context = match framing {
        clearway_egress::Framing::Tcp => tcp::attach_slave(near, Slave(1)),
        clearway_egress::Framing::Rtu => rtu::attach_slave(near, Slave(1)),
    };
    (Connection::new(context, TIMING), asked)
}

async fn device(mut far: DuplexStream, asked: Arc<AtomicU64>, script: impl Fn(u64, &[u8]) -> Vec<u8> + Send) {
    let mut request = [0; 300];
    while let Ok(length @ 1..) = far.read(&mut request).await {
        let answer = script(asked.fetch_add(1, Ordering::Relaxed), &request[..length]);
        if far.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// A Modbus TCP answer with the transaction of the request.
fn answer(request: &[u8], pdu: &[u8]) -> Vec<u8> {
    let length = u8::try_from(pdu.len() + 1).expect("short");
    [&request[..2], &[0, 0, 0, length, 1], pdu].concat()
}

#[tokio::test(start_paused = true)]
async fn a_right_answer_keeps_the_connection() {
    let framing = clearway_egress::Framing::Tcp;
    let (mut connection, _) = scripted(framing, |_, request| answer(request, &[4, 2, 0, 7]));
    for _ in 0..3 {
        assert_eq!(connection.request(&READ).await, Ok(Reply::Values(vec![7])));
    }
    assert!(connection.stands());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_the_connection() {
    let framing = clearway_egress::Framing::Tcp;
    let (mut connection, _) = scripted(framing, |_, request| answer(request, &[0x84, 2]));
    assert_eq!(connection.request(&READ).await, Ok(Reply::Refused(ExceptionCode::IllegalDataAddress)));
    assert!(connection.stands());
}

/// Each answer that is wrong in its own way ends the connection, so that no later one can be off by one.
#[tokio::test(start_paused = true)]
async fn a_wrong_answer_ends_the_connection() {
    type Script = fn(u64, &[u8]) -> Vec<u8>;
    let scripts: [(&str, Script); 8] = [
        ("silence", |_, _| Vec::new()),
        ("another transaction", |_, _| vec![0xff, 0xfe, 0, 0, 0, 5, 1, 4, 2, 0, 7]),
        ("another function", |_, request| answer(request, &[3, 2, 0, 7])),
        ("another length", |_, request| answer(request, &[4, 4, 0, 7, 0, 8])),
        ("function 0x80", |_, request| answer(request, &[0x80, 1])),
        ("another protocol", |_, _| vec![0, 0, 9, 9, 0, 5, 1, 4, 2, 0, 7]),
        ("another unit", |_, request| [&answer(request, &[4, 2, 0, 7])[..6], &[2, 4, 2, 0, 7]].concat()),
        ("half a frame", |_, request| answer(request, &[4, 2, 0])[..8].to_vec()),
    ];
    for (what, script) in scripts {
        let (mut connection, asked) = scripted(clearway_egress::Framing::Tcp, script);
        assert!(connection.request(&READ).await.is_err(), "{what}");
        assert!(!connection.stands(), "{what}");
        assert_eq!(connection.request(&READ).await, Err("not connected".into()));
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{what}: asked again over a spoiled connection");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_ends_the_connection() {
    let (mut connection, asked) = scripted(clearway_egress::Framing::Tcp, |_, _| Vec::new());
    let cancelled = timeout(Duration::from_millis(10), connection.request(&READ)).await;
    assert!(cancelled.is_err() && !connection.stands());
    assert!(connection.request(&READ).await.is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn x9_the_echo_of_a_write_must_be_what_was_written() {
    let echoes: [(Request, &[u8], bool); 7] = [
        (Request::WriteCoil(2, true), &[5, 0, 2, 0xff, 0], true),
        (Request::WriteCoil(2, true), &[5, 0, 3, 0xff, 0], false),
        (Request::WriteCoil(2, true), &[5, 0, 2, 0, 0], false),
        (Request::WriteRegister(7, 9), &[6, 0, 7, 0, 9], true),
        (Request::WriteRegister(7, 9), &[6, 0, 7, 0, 8], false),
        (Request::Write([0; 9]), &[16, 0, 0, 0, 9], true),
        (Request::Write([0; 9]), &[16, 0, 0, 0, 8], false),
    ];
    for (request, echo, right) in echoes {
        let echo = echo.to_vec();
        let (mut connection, _) =
            scripted(clearway_egress::Framing::Tcp, move |_, request| answer(request, &echo));
        assert_eq!(connection.request(&request).await.is_ok(), right, "{request:?}");
        assert_eq!(connection.stands(), right);
    }
}

#[tokio::test(start_paused = true)]
async fn bits_come_in_whole_bytes_and_no_more() {
    let coils = Request::ReadCoils(Span { first: 0, count: 10 });
    for (pdu, expected) in [
        (&[1, 2, 0b1000_0001, 0b1111_1110][..], Ok(vec![1, 0, 0, 0, 0, 0, 0, 1, 0, 1])),
        (&[1, 1, 0xff], Err(())),
        (&[1, 3, 0xff, 0xff, 0xff], Err(())),
    ] {
        let pdu = pdu.to_vec();
        let (mut connection, _) =
            scripted(clearway_egress::Framing::Tcp, move |_, request| answer(request, &pdu));
        let read = connection.request(&coils).await;
        assert_eq!(read.map_err(|_| ()), expected.map(Reply::Values));
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_serial_answer_is_no_answer() {
    let (mut connection, _) = scripted(clearway_egress::Framing::Rtu, |_, _| vec![1, 4, 2, 0, 7, 0xde, 0xad]);
    assert!(connection.request(&READ).await.is_err());
    assert!(!connection.stands());
}

#[tokio::test(start_paused = true)]
async fn serial_frames_keep_their_distance() {
    let (near, far) = duplex(4096);
    let crc = [0xf8, 0xf2];
    tokio::spawn(device(far, Arc::default(), move |_, _| [&[1, 4, 2, 0, 7][..], &crc].concat()));
    let silence = Duration::from_millis(4);
    let timing = Timing { device: Duration::from_millis(150), byte: Duration::from_millis(1), silence };
    let mut connection = Connection::new(rtu::attach_slave(near, Slave(1)), timing);
    let started = Instant::now();
    for _ in 0..5 {
        assert_eq!(connection.request(&READ).await, Ok(Reply::Values(vec![7])));
    }
    assert!(started.elapsed() >= silence * 5);
    assert_eq!(connection.patience(&READ), Duration::from_millis(150 + 15));
}
