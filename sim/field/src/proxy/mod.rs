//! A proxy between a centre and a controller that does to their traffic what networks and devices do:
//! TCP and UDP, on real sockets, the draws from a seed.

mod fault;
mod lie;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::JoinSet;

use fault::Dice;
pub use fault::{Fault, Speech};

/// Pieces that are remembered; older ones are forgotten.
const TAPPED_MAX: usize = 4_096;

/// A piece on its way from whoever connected, as it came.
pub type Tapped = (Instant, Vec<u8>);

/// What both directions of all connections share.
#[derive(Clone, Debug)]
struct Wire {
    fault: watch::Receiver<Fault>,
    speech: Speech,
    tapped: Arc<Mutex<Vec<Tapped>>>,
}

impl Wire {
    fn fault(&self) -> Fault {
        *self.fault.borrow()
    }

    /// Remember a piece that came from whoever connected.
    fn tap(&self, piece: &[u8]) {
        let mut tapped = self.tapped.lock().unwrap_or_else(PoisonError::into_inner);
        if tapped.len() == TAPPED_MAX {
            tapped.remove(0);
        }
        tapped.push((Instant::now(), piece.to_vec()));
    }

    /// What a liar answers to a piece that goes to the controller.
    fn lie(&self, piece: &[u8]) -> Option<Vec<u8>> {
        if self.fault() == Fault::Liar { lie::lie(self.speech, piece) } else { None }
    }

    /// What becomes of the sense of an answer.
    fn answer(&self, piece: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
        if self.fault() == Fault::Nonsense { lie::nonsense(self.speech, piece, dice) } else { piece }
    }
}

/// A running proxy. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    tapped: Arc<Mutex<Vec<Tapped>>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Datagrams that come to `bind` go to `device` and back.
    ///
    /// # Errors
    /// A socket cannot be bound.
    pub async fn udp(bind: SocketAddr, device: SocketAddr, seed: u64) -> io::Result<Self> {
        let (front, back) = udp::sockets(bind, device).await?;
        let address = front.local_addr()?;
        let (fault, wire, tapped) = shared(Speech::Snmp);
        let mut tasks = JoinSet::new();
        udp::serve(front, back, &wire, seed, &mut tasks);
        Ok(Self { address, fault, tapped, _tasks: tasks })
    }

    /// Connections to `bind` are led on to `target`. With [`Speech::Rsmp`] it is the controller that
    /// connects.
    ///
    /// # Errors
    /// The socket cannot be bound.
    pub async fn tcp(bind: SocketAddr, target: String, speech: Speech, seed: u64) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let (fault, wire, tapped) = shared(speech);
        let mut tasks = JoinSet::new();
        tasks.spawn(tcp::serve(listener, target, wire, seed));
        Ok(Self { address, fault, tapped, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this happens to what passes.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// What the centre sent so far, as it came.
    #[must_use]
    pub fn tapped(&self) -> Vec<Tapped> {
        self.tapped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn shared(speech: Speech) -> (watch::Sender<Fault>, Wire, Arc<Mutex<Vec<Tapped>>>) {
    let (fault, seen) = watch::channel(Fault::None);
    let tapped = Arc::default();
    let wire = Wire { fault: seen, speech, tapped: Arc::clone(&tapped) };
    (fault, wire, tapped)
}
