//! The adapter: sites connect to a hub, the hub makes a conversation of each connection, a link asks
//! the conversation of its site. Every outgoing message passes the egress guard.
//!
//! A conversation goes on by itself between the keeper's asks: it acknowledges, sends watchdogs and
//! takes what the site tells. Who asks writes at once, without another task in between.

mod alarms;
mod conversation;
mod hub;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use clearway_contract::actor::{self, Link, Surroundings};
use clearway_contract::{Answer, Ask, Site};
use clearway_egress::RsmpAllow;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant as Deadline, timeout_at};

use crate::binding::{Binding, Means};
use crate::naming;
use crate::priority::named;
use crate::session::OF_PRIMARY;
use crate::version::Sxl;
pub use alarms::{AlarmDone, AlarmError};
use conversation::Conversation;
use hub::Slot;
pub use hub::{Hub, ListenOptions, WallClock};

/// A site that is not there is waited for this long; what is then not there, is down.
const CONNECT_WITHIN: Duration = Duration::from_millis(4_500);

pub use crate::pace::PACE;

/// A connection, in clear or by TLS.
pub type Stream = Box<dyn Duplex>;

/// What a connection can do.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// How to speak to one controller.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its names, and what was proved of it.
    pub binding: Binding,
    /// SHA-256 of the certificate that the site must show; none where the certificate's issuer is
    /// enough.
    pub certificate_sha256: Option<[u8; 32]>,
    /// The version of the list that it must have; any that we know where none is given.
    pub sxl: Option<Sxl>,
    /// An ask that is not answered within this time failed. It is never repeated by itself.
    pub answer_within: Duration,
}

impl Options {
    /// For a binding, with an answer within a second.
    #[must_use]
    pub fn new(binding: Binding) -> Self {
        Self { binding, certificate_sha256: None, sxl: None, answer_within: Duration::from_secs(1) }
    }
}

/// Start the adapter of one controller, which connects to `hub`. It ends, with everything of ours
/// released, when the surroundings' shutdown is cancelled or their command channel is closed.
pub fn spawn(hub: &Hub, site: Site, options: Options, surroundings: Surroundings) -> JoinHandle<()> {
    let slot = hub.register(site.clone(), &options, Arc::clone(&surroundings.clock));
    let kept = Arc::clone(&slot);
    let link = move || SiteLink {
        slot: Arc::clone(&slot),
        answer_within: options.answer_within,
        conversation: None,
    };
    let actor = actor::spawn(site, PACE, link, surroundings);
    let (hub, site_id) = (hub.clone(), options.binding.site_id);
    // The connection outlives a panic of the actor: whoever releases after it needs it.
    tokio::spawn(async move {
        let ended = actor.await;
        hub.forget(&site_id, &kept);
        if let Err(panic) = ended.map_err(tokio::task::JoinError::try_into_panic)
            && let Ok(panic) = panic
        {
            std::panic::resume_unwind(panic);
        }
    })
}

/// What the egress guard lets out to a site: priority requests of own rows, and what a waiver
/// allows.
#[must_use]
pub fn allow_list(site: &Site, binding: &Binding) -> RsmpAllow {
    let mut allow = RsmpAllow {
        component: binding.main.clone(),
        request_prefix: naming::REQUEST_PREFIX.into(),
        commands: if binding.rights.primary { OF_PRIMARY.to_vec() } else { Vec::new() },
        ..RsmpAllow::default()
    };
    for row in site.own_rows().iter() {
        match binding.means_of(site, row) {
            Some(Means::Priority(reference)) => {
                allow.references.extend(named(&reference).map(|(name, value)| (name.to_owned(), value)));
            }
            Some(Means::EmergencyRoute(number)) if binding.rights.check("M0005").is_ok() => {
                allow.routes.push(number);
            }
            Some(Means::Input(number)) if binding.rights.check("M0006").is_ok() => {
                allow.inputs.push(number);
            }
            _ => {}
        }
    }
    allow
}

struct SiteLink {
    slot: Arc<Slot>,
    answer_within: Duration,
    conversation: Option<Arc<Conversation>>,
}

impl Link for SiteLink {
    async fn perform(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Connect => self.connect().await,
            _ => match &self.conversation {
                Some(conversation) => {
                    let until = Deadline::now() + self.answer_within;
                    conversation.ask(ask, until).await
                }
                None => Answer::Failed("not connected".into()),
            },
        }
    }
}

impl SiteLink {
    /// Take the connection that the site made, or wait for one. One that was used before is dropped:
    /// who asks for a connection has given it up.
    async fn connect(&mut self) -> Answer {
        if let Some(used) = self.conversation.take() {
            used.give_up("given up after failures");
        }
        let until = Deadline::now() + CONNECT_WITHIN;
        let Ok(conversation) = timeout_at(until, self.slot.arrival()).await else {
            return Answer::Failed("the site has not connected".into());
        };
        let answer = conversation.ask(&Ask::Connect, until).await;
        self.conversation = Some(conversation);
        answer
    }
}

#[cfg(test)]
mod tests;
