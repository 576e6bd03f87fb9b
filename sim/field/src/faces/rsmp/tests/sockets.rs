//! The face on real sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use clearway_signals::ControllerId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::{FaceKind, Field, FieldOptions};

/// The next message on a stream.
async fn next(stream: &mut TcpStream, splitter: &mut Splitter, ready: &mut Vec<Value>) -> Value {
    let mut buffer = [0; 4096];
    while ready.is_empty() {
        let count =
            timeout(Duration::from_secs(20), stream.read(&mut buffer)).await.expect("in time").expect("open");
        assert!(count > 0, "the site closed");
        let whole = splitter.push(&buffer[..count]).expect("short");
        ready.extend(whole.iter().map(|bytes| serde_json::from_slice::<Value>(bytes).expect("JSON")));
    }
    ready.remove(0)
}

async fn send(stream: &mut TcpStream, message: Value) {
    stream.write_all((message.to_string() + "\x0c").as_bytes()).await.expect("open");
}

#[tokio::test]
async fn a_site_connects_starts_up_and_comes_back_after_an_outage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = FieldOptions::default();
    options.rsmp.supervisors = vec![listener.local_addr().unwrap().to_string()];
    options.rsmp.timing.reconnect = Millis(50);
    options.rsmp.site_ids = BTreeMap::from([("c0".into(), "KK+AG0503=001TC000".into())]);
    let field = Field::start(&corridor(2), &[FaceKind::Rsmp], options).await.unwrap();
    assert_eq!((field.face(ControllerId(0)), field.address(ControllerId(0))), (FaceKind::Rsmp, None));
    let mut ids = Ids::new(9);
    for _ in 0..2 {
        let (mut stream, _) = timeout(Duration::from_secs(20), listener.accept()).await.unwrap().unwrap();
        let (mut splitter, mut ready) = (Splitter::default(), Vec::new());
        let version = next(&mut stream, &mut splitter, &mut ready).await;
        assert_eq!(version["siteId"][0]["sId"], "KK+AG0503=001TC000");
        let ack = |message: &Value| json!({"mType": "rSMsg", "type": "MessageAck", "oMId": message["mId"]});
        send(&mut stream, ack(&version)).await;
        send(
            &mut stream,
            json!({"mType": "rSMsg", "type": "Version", "mId": ids.make(), "SXL": version["SXL"],
                                 "siteId": version["siteId"], "RSMP": [{"vers": "3.2.2"}]}),
        )
        .await;
        let mut seen = Vec::new();
        while seen.last().is_none_or(|kind| kind != "AggregatedStatus") {
            let message = next(&mut stream, &mut splitter, &mut ready).await;
            if message["mId"].is_string() {
                send(&mut stream, ack(&message)).await;
            }
            if message["type"] == "Watchdog" {
                let watchdog =
                    json!({"mType": "rSMsg", "type": "Watchdog", "mId": ids.make(), "wTs": message["wTs"]});
                send(&mut stream, watchdog).await;
            }
            seen.push(message["type"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(seen, ["MessageAck", "Watchdog", "MessageAck", "AggregatedStatus"]);
    }
    assert_eq!(field.totals().violations(), 0);
    field.shutdown().await;
}

#[tokio::test]
async fn a_field_stops_although_no_supervisor_is_there() {
    let mut options = FieldOptions::default();
    // Port 1 of the loopback: nobody listens there.
    options.rsmp.supervisors = vec!["127.0.0.1:1".into(), "no host at all:1".into()];
    let field = Field::start(&corridor(1), &[FaceKind::Rsmp], options).await.unwrap();
    timeout(Duration::from_secs(20), field.shutdown()).await.expect("stops");
}
