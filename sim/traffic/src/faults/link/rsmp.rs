//! The real RSMP session and exchange over a virtual connection that the site makes.

use std::sync::Arc;

use clearway_contract::{Answer, Ask, Site};
use clearway_rsmp::Binding;
use clearway_rsmp::exchange::Exchange;
use clearway_rsmp::session::{CloseReason, Policy, Session};
use clearway_signals::{Millis, RowId};

use crate::faults::packet::Packet;
use crate::faults::wire::Wire;

/// The adapter's patience: with a site that has not connected, and with an answer.
const CONNECT_WITHIN: Millis = Millis(4_500);
const ANSWER_WITHIN: Millis = Millis(1_000);

#[derive(Debug)]
struct Conversation {
    connection: u32,
    exchange: Exchange,
    taken: bool,
}

/// One controller by RSMP.
#[derive(Debug)]
pub(crate) struct RsmpLink {
    site: Site,
    binding: Binding,
    policy: Arc<Policy>,
    seed: u64,
    conversation: Option<Conversation>,
    asking: Option<(Ask, Millis)>,
}

impl RsmpLink {
    pub fn new(site: Site, binding: Binding, seed: u64) -> Self {
        let policy = Arc::new(Policy::default());
        Self { site, binding, policy, seed, conversation: None, asking: None }
    }

    pub fn begin(&mut self, ask: &Ask, wire: &mut Wire<'_>) -> Option<Answer> {
        if *ask == Ask::Connect {
            self.asking = Some((*ask, wire.now + CONNECT_WITHIN));
            if self.conversation.as_ref().is_some_and(|conversation| conversation.taken) {
                self.give_up("given up after failures", wire);
            }
            return self.go_on(wire);
        }
        let Some(conversation) = self.conversation.as_mut().filter(|c| c.taken) else {
            return Some(Answer::Failed("not connected".into()));
        };
        conversation.exchange.begin(wire.instant(), ask);
        self.asking = Some((*ask, wire.now + ANSWER_WITHIN));
        self.go_on(wire)
    }

    /// Take the connection where one waits, write what is to be written, and see whether an answer came.
    fn go_on(&mut self, wire: &mut Wire<'_>) -> Option<Answer> {
        let connects = self.asking.is_some_and(|(ask, _)| ask == Ask::Connect);
        let conversation = self.conversation.as_mut()?;
        if connects && !conversation.taken {
            conversation.taken = true;
            conversation.exchange.begin(wire.instant(), &Ask::Connect);
        }
        self.flush(wire);
        let conversation = self.conversation.as_mut()?;
        let _ = conversation.exchange.take_notes();
        let answer = conversation.exchange.take_answer().filter(|_| self.asking.is_some());
        if answer.is_some() {
            self.asking = None;
        }
        if self.conversation.as_ref().is_some_and(|c| c.exchange.closed().is_some()) {
            let connection = self.conversation.take().map(|c| c.connection);
            connection.into_iter().for_each(|connection| wire.read(Packet::Close(connection)));
            let waited = answer.is_none() && self.asking.is_some_and(|(ask, _)| ask != Ask::Connect);
            if waited {
                self.asking = None;
                return Some(Answer::Failed("the connection is over".into()));
            }
        }
        answer
    }

    fn flush(&mut self, wire: &mut Wire<'_>) {
        let Some(conversation) = self.conversation.as_mut() else { return };
        let output = conversation.exchange.take_output();
        if output.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&output);
        let writes = text.contains("CommandRequest");
        let calls = self.asking.and_then(|(ask, _)| match ask {
            Ask::Write(write) => write.call().map(|call| call.row),
            _ => None,
        });
        let calls: Option<RowId> = calls.filter(|_| writes);
        conversation.exchange.leaves(wire.stamp_ns());
        let packet = Packet::Bytes(conversation.connection, output);
        if writes { wire.write(packet, calls) } else { wire.read(packet) }
    }

    pub fn receive(&mut self, packet: Packet, wire: &mut Wire<'_>) -> Option<Answer> {
        match packet {
            Packet::Open(connection) => {
                self.give_up("the site has connected anew", wire);
                self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let session = Session::new(Arc::clone(&self.policy), self.seed, wire.instant());
                let nonce = u32::try_from(self.seed >> 32).unwrap_or(0);
                let exchange = Exchange::new(self.site.clone(), self.binding.clone(), session, nonce);
                self.conversation = Some(Conversation { connection, exchange, taken: false });
                wire.read(Packet::Opened(connection));
                self.go_on(wire)
            }
            Packet::Close(connection) => {
                let conversation = self.conversation.as_mut().filter(|c| c.connection == connection)?;
                conversation.exchange.close(CloseReason::Stream("the site closed".into()));
                self.go_on(wire)
            }
            Packet::Bytes(connection, bytes) => {
                let now = wire.instant();
                let conversation = self.conversation.as_mut().filter(|c| c.connection == connection)?;
                conversation.exchange.receive(now, &bytes);
                self.go_on(wire)
            }
            _ => None,
        }
    }

    fn give_up(&mut self, reason: &str, wire: &mut Wire<'_>) {
        let Some(mut conversation) = self.conversation.take() else { return };
        conversation.exchange.close(CloseReason::Stream(reason.into()));
        wire.read(Packet::Close(conversation.connection));
    }

    pub fn wake(&mut self, wire: &mut Wire<'_>) -> Option<Answer> {
        let now = wire.instant();
        if let Some(conversation) = &mut self.conversation
            && conversation.exchange.deadline() <= now.at
        {
            conversation.exchange.advance(now);
        }
        let answer = self.go_on(wire);
        if answer.is_some() {
            return answer;
        }
        self.asking.take_if(|(_, until)| *until <= now.at).map(|(ask, _)| {
            let connects = ask == Ask::Connect;
            Answer::Failed(if connects { "the site has not connected" } else { "no answer in time" }.into())
        })
    }

    pub fn deadline(&self) -> Millis {
        let own = self.asking.map_or(Millis::NEVER, |(_, until)| until);
        self.conversation.as_ref().map_or(own, |c| c.exchange.deadline().min(own))
    }
}
