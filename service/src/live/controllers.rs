//! The controllers' side of the process: threads of their own, with every socket to a controller and a
//! door for release-all on them. Whatever hangs elsewhere (the engine's loop, the page, a feed) does
//! not keep a release from its controller (S19).

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};
use tokio::task::JoinError;

use super::release::Release;
use crate::api::server::release_router;

/// Threads: one may be busy with a handshake while the other writes.
const THREADS: usize = 2;

/// Why the controllers' side cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ControllersError {
    /// No threads.
    #[error("the controllers' threads could not be started: {0}")]
    Threads(std::io::Error),
    /// The door's socket.
    #[error("release-all cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// A task ended before its time.
    #[error("a task of the controllers' side died: {0}")]
    Died(#[from] JoinError),
}

/// The threads. What runs on them ends when this is dropped.
pub struct Controllers {
    handle: Handle,
    /// Taken when it is dropped alone.
    runtime: Option<Runtime>,
}

impl Controllers {
    /// Start the threads.
    ///
    /// # Errors
    /// When there are none.
    pub fn start() -> Result<Self, ControllersError> {
        let mut threads = Builder::new_multi_thread();
        let runtime = threads.worker_threads(THREADS).thread_name("controllers").enable_all().build();
        let runtime = runtime.map_err(ControllersError::Threads)?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// What is spawned while this lives runs on the threads.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// To spawn on the threads later.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Carry something out on the threads.
    ///
    /// # Errors
    /// When it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ControllersError> {
        Ok(self.handle.spawn(task).await?)
    }

    /// Open the door for release-all; gives where it is.
    ///
    /// # Errors
    /// When its address cannot be had.
    pub async fn open_door(
        &self,
        listen: SocketAddr,
        release: Arc<Release>,
    ) -> Result<SocketAddr, ControllersError> {
        let refused = move |error| ControllersError::Listen(listen, error);
        let opening = async move {
            let listener = TcpListener::bind(listen).await.map_err(refused)?;
            let bound = listener.local_addr().map_err(refused)?;
            tokio::spawn(async move {
                if let Err(error) = axum::serve(listener, release_router(release, bound)).await {
                    tracing::error!(%error, "the door for release-all is closed");
                }
            });
            Ok(bound)
        };
        self.run(opening).await?
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        // Waiting for the threads is not allowed where this may be dropped.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
