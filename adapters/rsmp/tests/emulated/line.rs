//! A line between site and supervisor that can be cut: nothing passes any more, and nobody is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Line {
    /// Where the site connects to.
    pub address: SocketAddr,
    is_cut: Arc<AtomicBool>,
}

impl Line {
    /// A line to a supervisor.
    pub async fn to(supervisor: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds on loopback");
        let address = listener.local_addr().expect("an address");
        let is_cut = Arc::new(AtomicBool::new(false));
        let cut = Arc::clone(&is_cut);
        tokio::spawn(async move {
            while let Ok((site, _)) = listener.accept().await {
                let Ok(supervisor) = TcpStream::connect(supervisor).await else { continue };
                let (from_site, to_site) = site.into_split();
                let (from_supervisor, to_supervisor) = supervisor.into_split();
                tokio::spawn(carry(from_site, to_supervisor, Arc::clone(&cut)));
                tokio::spawn(carry(from_supervisor, to_site, Arc::clone(&cut)));
            }
        });
        Self { address, is_cut }
    }

    /// Cut it, for good.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, cut: Arc<AtomicBool>) {
    let mut octets = [0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut octets).await {
        if cut.load(Ordering::SeqCst) {
            // The connection stays as it is.
            std::future::pending::<()>().await;
        }
        if to.write_all(&octets[..length]).await.is_err() {
            return;
        }
    }
}
