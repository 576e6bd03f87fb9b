//! What becomes of arbitrary bytes in each decoder of Modbus. The fuzz targets call these functions,
//! and so does the stable test `tests/corpora.rs` for every file of the corpora.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use clearway_contract::kit::site;
use clearway_contract::{Answer, Ask, Protocol};
use clearway_egress::{AllowList, Crossing, Framing, Numbers, Passed, Point, Rules, Writes, check_frame};
use clearway_field::faces::modbus::pdu;
use clearway_modbus::points::profile::REMOTE_IO;
use clearway_modbus::{Dialog, Map, Profile, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_modbus::Slave;
use tokio_modbus::client::{Client, rtu, tcp};

/// A decoder.
pub type Decoder = fn(&[u8]);

/// Every decoder, by the name of its target and corpus.
pub const DECODERS: [(&str, Decoder); 5] = [
    ("answer", decode_answer),
    ("guard", decode_guard),
    ("profile", decode_profile),
    ("registers", decode_registers),
    ("request", decode_request),
];

/// A device that says these bytes, whatever it is asked, and then nothing more.
#[derive(Debug)]
struct Says(Vec<u8>);

impl AsyncRead for Says {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let now = self.0.len().min(into.remaining());
        into.put_slice(&self.0[..now]);
        self.0.drain(..now);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Says {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A device's answer to each kind of request, through the client library's codecs.
pub fn decode_answer(bytes: &[u8]) {
    use tokio_modbus::Request as Pdu;
    for request in [Pdu::ReadInputRegisters(0, 26), Pdu::ReadCoils(0, 10), Pdu::WriteSingleCoil(2, true)] {
        let unit = Slave(1);
        for mut client in
            [tcp::attach_slave(Says(bytes.to_vec()), unit), rtu::attach_slave(Says(bytes.to_vec()), unit)]
        {
            let mut call = std::pin::pin!(client.call(request.clone()));
            let mut context = Context::from_waker(Waker::noop());
            // The device never waits: the answer is there at once, or the end of the stream is.
            assert!(call.as_mut().poll(&mut context).is_ready(), "the codec waits for a stream that ended");
        }
    }
}

/// The egress guard: nothing that it lets out writes anything but own points.
pub fn decode_guard(bytes: &[u8]) {
    let numbers = Numbers::NONE.with(3).with(4);
    let list = AllowList { preempt_rows: numbers, priority_rows: Numbers::NONE, time_to_live_max_ds: 50 };
    let points = vec![Point::Coil(2), Point::Register { address: 7, values: [0, 1] }, Point::Heartbeat(9)];
    for framing in [Framing::Tcp, Framing::Rtu] {
        for writes in [Writes::Map(list), Writes::Points(points.clone())] {
            let rules = Rules { framing, unit: 1, writes };
            let whole = check_frame(bytes, &rules);
            let mut cleared = Vec::new();
            let streamed = Crossing::default().push(bytes, &rules, &mut cleared);
            assert!(cleared.len() <= bytes.len());
            if whole == Ok(Passed::Write) {
                assert_eq!(streamed, Ok(Some(Passed::Write)), "one by one and as a stream differ");
            }
        }
    }
}

/// Register values of a device, by the map and by a profile.
pub fn decode_registers(bytes: &[u8]) {
    let mut words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        rest => rest.first().copied().unwrap_or(0).into(),
    });
    let profile = Profile::parse(REMOTE_IO).expect("the shipped profile is sound");
    for map in [Map::Clearway, Map::Points { profile: Box::new(profile), commissioned: None }] {
        let mut dialog = Dialog::new(site(Protocol::Modbus), &map);
        for ask in [Ask::Status, Ask::Gate, Ask::Counts, Ask::Status] {
            let mut values = Vec::new();
            for request in dialog.requests(&ask) {
                let (Request::Read(span)
                | Request::ReadHoldings(span)
                | Request::ReadCoils(span)
                | Request::ReadDiscretes(span)) = request
                else {
                    panic!("a reading writes nothing")
                };
                values.push((0..span.count).map(|_| words.next().unwrap_or(0)).collect::<Vec<u16>>());
            }
            assert!(!matches!(dialog.answer(&ask, &values), Answer::Failed(_)));
            values.pop();
            let _ = dialog.answer(&ask, &values);
        }
    }
}

/// A profile.
pub fn decode_profile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(profile) = Profile::parse(text) else { return };
    let mut dialog =
        Dialog::new(site(Protocol::Modbus), &Map::Points { profile: Box::new(profile), commissioned: None });
    for ask in [Ask::Gate, Ask::Status, Ask::Counts] {
        let requests = dialog.requests(&ask);
        assert!(requests.len() < 1_000 && requests.iter().all(|request| !request.is_write()));
    }
}

/// A request to the emulated device.
pub fn decode_request(bytes: &[u8]) {
    let decoded = pdu::decode(bytes);
    let answer = decoded.map(|request| match request {
        pdu::Request::Read { count, .. } => pdu::Served::Values(vec![1; count.into()]),
        _ => pdu::Served::Written,
    });
    let said = pdu::encode(bytes, &answer);
    assert!((2..=253).contains(&said.len()), "an answer of {} bytes", said.len());
}
