//! Links that cannot be passed for a time: an incident, works, a street full of hoses.

use clearway_network::{LinkId, Network};
use clearway_signals::Millis;

/// Until when each link is closed.
#[derive(Clone, Debug, Default)]
pub struct Closures {
    until: Vec<Millis>,
    latest: Millis,
}

impl Closures {
    /// Every link of the network open.
    #[must_use]
    pub fn none(network: &Network) -> Self {
        Self { until: vec![Millis::ZERO; network.links.len()], latest: Millis::ZERO }
    }

    /// Close a link until then; a time that is over opens it. Says whether anything changed.
    pub fn close(&mut self, link: LinkId, until: Millis) -> bool {
        let Some(known) = self.until.get_mut(link.index()) else { return false };
        let changed = *known != until;
        *known = until;
        self.latest = self.until.iter().copied().max().unwrap_or_default();
        changed
    }

    /// How long who comes at `at` waits for the link to open: zero when it is open.
    ///
    /// Who comes later never passes earlier (FIFO).
    #[must_use]
    pub fn wait(&self, link: LinkId, at: Millis) -> Millis {
        self.until.get(link.index()).map_or(Millis::ZERO, |until| until.since(at))
    }

    /// Whether the link is closed at that time.
    #[must_use]
    pub fn is_closed(&self, link: LinkId, at: Millis) -> bool {
        self.wait(link, at) > Millis::ZERO
    }

    /// Whether any link is closed at that time.
    #[must_use]
    pub fn any(&self, at: Millis) -> bool {
        at < self.latest
    }

    /// The links that are closed at that time.
    pub fn closed(&self, at: Millis) -> impl Iterator<Item = LinkId> {
        let links = (0u32..).map(LinkId).zip(&self.until);
        links.filter(move |(_, until)| at < **until).map(|(link, _)| link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    #[test]
    fn a_link_is_closed_until_its_time_or_until_it_is_opened() {
        let mut closures = Closures::none(&corridor(1));
        assert!(closures.close(LinkId(1), Millis(5_000)) && !closures.any(Millis(5_000)));
        assert_eq!(closures.wait(LinkId(1), Millis(2_000)), Millis(3_000));
        assert_eq!(closures.closed(Millis(4_999)).collect::<Vec<_>>(), [LinkId(1)]);
        assert!(closures.close(LinkId(1), Millis::ZERO) && !closures.any(Millis::ZERO));
        assert!(!closures.close(LinkId(1), Millis::ZERO), "it is open already");
        assert!(!closures.close(LinkId(9_999), Millis(5)), "there is no such link");
    }
}
