//! One connection with one site, kept up by its own task and asked by the site's link.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clearway_contract::actor::Clock;
use clearway_contract::{Answer, Ask};
use clearway_egress::{Refused, RsmpAllow, check_packet};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Mutex as Turn, Notify};
use tokio::time::{Instant as Deadline, timeout, timeout_at};

use super::Stream;
use super::hub::Clocks;
use crate::exchange::Exchange;
use crate::session::{CloseReason, Instant};

/// A write that takes longer ends the connection: the site reads no more.
const WRITE_WITHIN: Duration = Duration::from_secs(2);
/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;
const FORM_FEED: u8 = 0x0c;

/// The conversation. The exchange is behind a lock that is never held over an await; the writer's
/// turn keeps the messages in the order in which the exchange made them.
pub(super) struct Conversation {
    exchange: Mutex<Exchange>,
    writer: Turn<WriteHalf<Stream>>,
    clocks: Clocks,
    /// Stamps what leaves, in the time of the site's adapter.
    stamps: Clock,
    allow: RsmpAllow,
    /// An answer came, or none will.
    answered: Notify,
    /// Deadlines changed, or it is over.
    changed: Notify,
    /// Something came of the site, or nothing will.
    heard: Notify,
}

impl Conversation {
    /// Over a connection whose handshake is under way; the other half is for [`Conversation::serve`].
    pub(super) fn new(
        exchange: Exchange,
        stream: Stream,
        clocks: Clocks,
        stamps: Clock,
        allow: RsmpAllow,
    ) -> (Arc<Self>, ReadHalf<Stream>) {
        let (reader, writer) = tokio::io::split(stream);
        let conversation = Self {
            exchange: Mutex::new(exchange),
            writer: Turn::new(writer),
            clocks,
            stamps,
            allow,
            answered: Notify::new(),
            changed: Notify::new(),
            heard: Notify::new(),
        };
        (Arc::new(conversation), reader)
    }

    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        // A panic elsewhere leaves at worst a half-noted message; the connection goes on or times out.
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.exchange().closed().is_some()
    }

    /// End it.
    pub(super) fn give_up(&self, reason: &str) {
        self.exchange().close(CloseReason::Stream(reason.into()));
        self.changed.notify_one();
        self.answered.notify_one();
        self.heard.notify_waiters();
    }

    /// Look at the exchange, or ask something beside the keeper; the output leaves at once.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Exchange, Instant) -> R) -> R {
        let result = act(&mut self.exchange(), self.clocks.now());
        self.changed.notify_one();
        result
    }

    /// What `look` finds once the site said something; nothing when it is over or `limit` has passed.
    pub(super) async fn until<R>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&mut Exchange) -> Option<R>,
    ) -> Option<R> {
        let waiting = async {
            loop {
                let heard = self.heard.notified();
                tokio::pin!(heard);
                // What comes between the look and the wait must not be missed.
                heard.as_mut().enable();
                let found = look(&mut self.exchange());
                if found.is_some() || self.is_over() {
                    return found;
                }
                heard.await;
            }
        };
        timeout(limit, waiting).await.ok().flatten()
    }

    fn log(&self, site: &str) {
        for note in self.exchange().take_notes() {
            tracing::warn!(site, note, "the site does not speak as the standard has it");
        }
    }

    /// Keep it up until it is over.
    pub(super) async fn serve(self: Arc<Self>, mut reader: ReadHalf<Stream>) {
        let mut chunk = vec![0; CHUNK];
        let site = self.exchange().site().name.clone();
        loop {
            self.flush().await;
            let deadline = {
                let exchange = self.exchange();
                if exchange.closed().is_some() {
                    break;
                }
                exchange.deadline()
            };
            let rest = self.clocks.until(deadline);
            tokio::select! {
                read = reader.read(&mut chunk) => match read {
                    Ok(0) => self.give_up("the site closed the connection"),
                    Err(error) => self.give_up(&error.to_string()),
                    Ok(count) => self.exchange().receive(self.clocks.now(), &chunk[..count]),
                },
                () = tokio::time::sleep(rest) => self.exchange().advance(self.clocks.now()),
                () = self.changed.notified() => {}
            }
            if self.exchange().has_answer() {
                self.answered.notify_one();
            }
            self.heard.notify_waiters();
            self.log(&site);
        }
        let reason = self.exchange().closed().map(ToString::to_string).unwrap_or_default();
        tracing::info!(site, reason, "the connection is over");
        self.flush().await;
        self.answered.notify_one();
        self.heard.notify_waiters();
        let mut writer = self.writer.lock().await;
        // The connection is over, whatever this says.
        let _ = timeout(WRITE_WITHIN, writer.shutdown()).await;
    }

    /// Carry out an ask until `until`. One at a time.
    pub(super) async fn ask(&self, ask: &Ask, until: Deadline) -> Answer {
        self.exchange().begin(self.clocks.now(), ask);
        let answer = timeout_at(until, async {
            self.flush().await;
            self.changed.notify_one();
            loop {
                if let Some(answer) = self.exchange().take_answer() {
                    return answer;
                }
                self.answered.notified().await;
            }
        });
        answer.await.unwrap_or_else(|_| Answer::Failed("no answer in time".into()))
    }

    /// Write what the exchange has to say. Nothing leaves that the guard does not know.
    async fn flush(&self) {
        let mut writer = self.writer.lock().await;
        loop {
            let output = self.exchange().take_output();
            if output.is_empty() {
                return;
            }
            if let Err(refused) = self.check(&output) {
                tracing::error!(%refused, "the egress guard holds a message back");
                return self.give_up(&format!("egress guard: {refused}"));
            }
            let since = (self.stamps)().1;
            self.exchange().leaves(since);
            match timeout(WRITE_WITHIN, writer.write_all(&output)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return self.give_up(&error.to_string()),
                Err(_) => return self.give_up("the site reads no more"),
            }
            self.exchange().left(since, (self.stamps)().1);
        }
    }

    fn check(&self, output: &[u8]) -> Result<(), Refused> {
        let mut packets = output.split(|byte| *byte == FORM_FEED).filter(|packet| !packet.is_empty());
        packets.try_for_each(|packet| check_packet(packet, &self.allow).map(|_| ()))
    }
}
