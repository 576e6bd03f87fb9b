//! What the adapter adds to the SNMP library behind it: from a command handed over until its
//! read-back is complete, against the library's own write and read of the same objects, taken in
//! turns in the same run, before net-snmp's snmpd on loopback.
//!
//!   cargo bench -p clearway-ntcip --bench ratio [-- --samples N]
//!
//! Prints both medians and their ratio for version 1 and version 3; fails when a ratio is above 1.3.

#[path = "../tests/peers/mod.rs"]
mod peers;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use async_snmp::{Auth, AuthProtocol, Client, Oid, PrivProtocol, Retry, UsmConfig, Value};
use clearway_contract::Ask;
use clearway_contract::kit::MAIN;
use clearway_contract::kit::rig::Rig;
use clearway_ntcip::adapter::Credentials;
use clearway_ntcip::{Exchange, Name, Profile, Request, frame};
use peers::{COMMUNITY, Peer, site, user};

/// The bar.
const RATIO_MAX: f64 = 1.3;
/// Pairs of a call and its release, each a sample.
const PAIRS: u32 = 150;
/// Not counted: caches, the first session.
const WARM_UP: u32 = 10;

fn main() -> ExitCode {
    let pairs = samples().map_or(PAIRS, |samples| samples.div_ceil(2).max(1));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let library_user = || -> Auth {
        let usm = UsmConfig::new("engine");
        let (hash, cipher) = (AuthProtocol::Sha256, PrivProtocol::Aes128);
        usm.auth_priv(hash, "authentication", cipher, "encryption").expect("a user").into()
    };
    let versions: [(&str, Credentials, Auth); 2] = [
        ("version 1", Credentials::V1(COMMUNITY.into()), Auth::v1(COMMUNITY)),
        ("version 3, SHA-256 and AES-128", user("engine", "sha256", Some("aes128")), library_user()),
    ];
    let mut holds = true;
    println!("write and read-back before snmpd, p50 (p99) in microseconds, {} samples", 2 * pairs);
    for (name, credentials, auth) in versions {
        let (library, ours) = runtime.block_on(measure(credentials, auth, pairs));
        let ratio = median_us(&ours) / median_us(&library);
        holds &= ratio <= RATIO_MAX;
        println!(
            "{name}: library {:.0} ({:.0}), adapter {:.0} ({:.0}), ratio {ratio:.2} (at most {RATIO_MAX})",
            median_us(&library),
            percentile_us(&library, 99),
            median_us(&ours),
            percentile_us(&ours, 99),
        );
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn samples() -> Option<u32> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--samples").skip(1);
    arguments.next()?.parse().ok()
}

/// Sorted times of the library and of the adapter.
async fn measure(credentials: Credentials, auth: Auth, pairs: u32) -> (Vec<Duration>, Vec<Duration>) {
    let folder = tempfile::tempdir().expect("a folder");
    let peer = Peer::snmpd(folder.path(), credentials);
    let (host, port) = peer.address.rsplit_once(':').expect("host:port");
    let target = (host.to_owned(), port.parse::<u16>().expect("a port"));
    let client = Client::builder(target, auth).retry(Retry::none()).max_oids_per_request(40).connect().await;
    let client = client.expect("connects");
    let read: Vec<Oid> = status_names().iter().map(|name| Oid::from_slice(name.arcs())).collect();
    let call = Oid::from_slice(frame::PREEMPT_CALL.of(3).arcs());
    let mut rig = Rig::start(&peer, |_| {});
    let (mut library, mut ours) = (Vec::new(), Vec::new());
    for pair in 0..WARM_UP + pairs {
        for on in [true, false] {
            let started = Instant::now();
            if on {
                rig.call(MAIN, pair).await;
            } else {
                rig.release(MAIN, pair).await;
            }
            rig.confirmed(pair, on).await;
            let by_adapter = started.elapsed();
            let started = Instant::now();
            // The same write once more: it changes nothing, and costs the peer the same.
            client.set(&call, Value::Integer(on.into())).await.expect("is written");
            client.get_many(&read).await.expect("is read");
            if pair >= WARM_UP {
                ours.push(by_adapter);
                library.push(started.elapsed());
            }
        }
    }
    rig.stop().await;
    library.sort_unstable();
    ours.sort_unstable();
    (library, ours)
}

fn status_names() -> Vec<Name> {
    let mut exchange = Exchange::new(site(""), Profile::STANDARD);
    let requests = exchange.requests(&Ask::Status).into_iter();
    let names = requests.map(|request| match request {
        Request::Get(names) => names,
        Request::Set(_) | Request::Select { .. } => Vec::new(),
    });
    names.flatten().collect()
}

fn percentile_us(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

fn median_us(sorted: &[Duration]) -> f64 {
    percentile_us(sorted, 50)
}
