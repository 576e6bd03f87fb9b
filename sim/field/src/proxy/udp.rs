//! Datagrams through the proxy. One centre at a time: answers go to whoever spoke last.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::Wire;
use super::fault::{Dice, Fate};

/// The largest datagram.
const DATAGRAM_MAX: usize = 65_535;
/// Datagrams that are under way later than at once; more are lost.
const UNDER_WAY_MAX: usize = 256;

pub(super) async fn sockets(bind: SocketAddr, device: SocketAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    let front = UdpSocket::bind(bind).await?;
    let any = if device.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let back = UdpSocket::bind(any).await?;
    back.connect(device).await?;
    Ok((front, back))
}

pub(super) fn serve(front: UdpSocket, back: UdpSocket, wire: &Wire, seed: u64, tasks: &mut JoinSet<()>) {
    let (front, back) = (Arc::new(front), Arc::new(back));
    let (client, last) = watch::channel(None);
    tasks.spawn(towards_device(Arc::clone(&front), Arc::clone(&back), client, wire.clone(), seed));
    tasks.spawn(towards_centre(front, back, last, wire.clone(), seed ^ 1));
}

async fn towards_device(
    front: Arc<UdpSocket>,
    back: Arc<UdpSocket>,
    client: watch::Sender<Option<SocketAddr>>,
    wire: Wire,
    seed: u64,
) {
    let mut sender = Sender::new(back, seed);
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        // An error tells of an earlier datagram that found nobody.
        let Ok((length, from)) = front.recv_from(&mut buffer).await else { continue };
        client.send_replace(Some(from));
        let datagram = &buffer[..length];
        wire.tap(datagram);
        if let Some(lie) = wire.lie(datagram) {
            let _ = front.send_to(&lie, from).await;
            continue;
        }
        sender.pass(&wire, false, datagram, None).await;
    }
}

async fn towards_centre(
    front: Arc<UdpSocket>,
    back: Arc<UdpSocket>,
    client: watch::Receiver<Option<SocketAddr>>,
    wire: Wire,
    seed: u64,
) {
    let mut sender = Sender::new(front, seed);
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        let Ok(length) = back.recv(&mut buffer).await else {
            // The device is not there: not so fast again.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let to = *client.borrow();
        let answer = wire.answer(buffer[..length].to_vec(), &mut sender.dice);
        sender.pass(&wire, true, &answer, to).await;
    }
}

struct Sender {
    socket: Arc<UdpSocket>,
    dice: Dice,
    behind: Option<Vec<u8>>,
    places: Arc<Semaphore>,
}

impl Sender {
    fn new(socket: Arc<UdpSocket>, seed: u64) -> Self {
        Self { socket, dice: Dice::new(seed), behind: None, places: Arc::new(Semaphore::new(UNDER_WAY_MAX)) }
    }

    async fn pass(&mut self, wire: &Wire, answers: bool, datagram: &[u8], to: Option<SocketAddr>) {
        let earlier = self.behind.take();
        match self.dice.fate(wire.fault(), answers, false, datagram.to_vec()) {
            Fate::Pass(Duration::ZERO, piece) => send(&self.socket, &piece, to).await,
            Fate::Pass(later, piece) => self.later(later, piece, to),
            Fate::Twice(piece) => {
                send(&self.socket, &piece, to).await;
                send(&self.socket, &piece, to).await;
            }
            Fate::Behind(piece) => self.behind = Some(piece),
            Fate::Drop | Fate::Reset => {}
        }
        if let Some(earlier) = earlier {
            send(&self.socket, &earlier, to).await;
        }
    }

    fn later(&self, later: Duration, piece: Vec<u8>, to: Option<SocketAddr>) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let socket = Arc::clone(&self.socket);
        tokio::spawn(async move {
            tokio::time::sleep(later).await;
            send(&socket, &piece, to).await;
            drop(place);
        });
    }
}

/// A datagram that cannot be sent is a datagram lost.
async fn send(socket: &UdpSocket, piece: &[u8], to: Option<SocketAddr>) {
    let _ = match to {
        Some(to) => socket.send_to(piece, to).await,
        None => socket.send(piece).await,
    };
}
