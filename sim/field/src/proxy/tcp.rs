//! Connections through the proxy.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Wire;
use super::fault::{Dice, Fate, Fault, Speech};

/// Connections at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 256;
/// Bytes of one piece.
const PIECE_MAX: usize = 16 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A peer that reads nothing for so long is given up.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Wait after a failure to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

type Writer = Arc<Mutex<OwnedWriteHalf>>;

pub(super) async fn serve(listener: TcpListener, target: String, wire: Wire, seed: u64) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut number = 0u64;
    loop {
        tokio::select! {
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => {
                let Ok((front, _)) = accepted else {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                number += 1;
                let (target, wire, seed) = (target.clone(), wire.clone(), seed ^ number << 8);
                connections.spawn(async move {
                    connection(front, &target, wire, seed).await;
                    drop(place);
                });
            }
        }
    }
}

async fn connection(front: TcpStream, target: &str, wire: Wire, seed: u64) {
    let Ok(Ok(back)) = timeout(CONNECT_WITHIN, TcpStream::connect(target)).await else { return };
    // Only slower without it.
    let _ = (front.set_nodelay(true), back.set_nodelay(true));
    let (front_read, front_write) = front.into_split();
    let (back_read, back_write) = back.into_split();
    let (front_write, back_write) = (Arc::new(Mutex::new(front_write)), Arc::new(Mutex::new(back_write)));
    // Whoever connected is the centre, but for RSMP, where the controller connects.
    let centre_in_front = wire.speech != Speech::Rsmp;
    let there = Pump {
        from_centre: centre_in_front,
        to: Arc::clone(&back_write),
        back: Arc::clone(&front_write),
        wire: wire.clone(),
        dice: Dice::new(seed),
        behind: None,
    };
    let here = Pump {
        from_centre: !centre_in_front,
        to: front_write,
        back: back_write,
        wire,
        dice: Dice::new(seed ^ 1),
        behind: None,
    };
    tokio::select! {
        () = there.run(front_read) => {}
        () = here.run(back_read) => {}
    }
}

/// One direction of a connection.
struct Pump {
    from_centre: bool,
    to: Writer,
    /// The other direction, for lies.
    back: Writer,
    wire: Wire,
    dice: Dice,
    behind: Option<Vec<u8>>,
}

impl Pump {
    /// Until either end closes, or the connection is reset.
    async fn run(mut self, mut from: OwnedReadHalf) {
        let mut buffer = vec![0; PIECE_MAX];
        loop {
            let read = from.read(&mut buffer).await;
            let Ok(length @ 1..) = read else {
                if self.wire.fault() == Fault::HalfOpen {
                    // The other end is never told, as long as the fault lasts.
                    let mut fault = self.wire.fault.clone();
                    let _ = fault.wait_for(|fault| *fault != Fault::HalfOpen).await;
                }
                return;
            };
            if !self.pass(buffer[..length].to_vec()).await {
                return;
            }
        }
    }

    /// Lead a piece on; `false` when the connection is over.
    async fn pass(&mut self, mut piece: Vec<u8>) -> bool {
        if self.from_centre {
            self.wire.tap(&piece);
            if let Some(lie) = self.wire.lie(&piece) {
                return write(&self.back, &lie).await;
            }
        } else {
            piece = self.wire.answer(piece, &mut self.dice);
        }
        let earlier = self.behind.take();
        let passed = match self.dice.fate(self.wire.fault(), !self.from_centre, true, piece) {
            Fate::Pass(later, piece) => {
                tokio::time::sleep(later).await;
                write(&self.to, &piece).await
            }
            Fate::Twice(piece) => write(&self.to, &piece).await && write(&self.to, &piece).await,
            Fate::Behind(piece) => {
                self.behind = Some(piece);
                true
            }
            Fate::Drop => true,
            Fate::Reset => {
                // Without it the system would close in order.
                let _ = (reset(&self.to).await, reset(&self.back).await);
                false
            }
        };
        match earlier {
            Some(earlier) if passed => write(&self.to, &earlier).await,
            _ => passed,
        }
    }
}

async fn write(to: &Writer, piece: &[u8]) -> bool {
    let mut writer = to.lock().await;
    matches!(timeout(WRITE_WITHIN, writer.write_all(piece)).await, Ok(Ok(())))
}

/// Let the connection end by a reset.
async fn reset(end: &Writer) -> std::io::Result<()> {
    end.lock().await.as_ref().set_zero_linger()
}
