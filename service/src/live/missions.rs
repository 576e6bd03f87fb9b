//! Missions by their names outside and their numbers inside.

use std::collections::BTreeMap;

use clearway_feeds::MissionKey;
use clearway_signals::limits::MISSIONS_MAX;
use clearway_signals::{MissionId, VehicleId};

/// What people want to know of a mission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissionCard {
    /// Its name outside.
    pub key: MissionKey,
    /// Who drives.
    pub vehicle: VehicleId,
    /// The duty.
    pub duty: String,
}

/// The missions under way.
#[derive(Debug, Default)]
pub struct Missions {
    ids: BTreeMap<MissionKey, MissionId>,
    cards: BTreeMap<u32, MissionCard>,
    next: u32,
}

impl Missions {
    /// The number of a mission; a new one for a new name. `None` when there are too many.
    pub fn open(&mut self, key: &MissionKey, vehicle: VehicleId, duty: &str) -> Option<MissionId> {
        if !self.ids.contains_key(key) && self.ids.len() >= MISSIONS_MAX {
            return None;
        }
        let next = &mut self.next;
        let id = *self.ids.entry(key.clone()).or_insert_with(|| {
            *next += 1;
            MissionId(*next)
        });
        let card = MissionCard { key: key.clone(), vehicle, duty: duty.to_owned() };
        self.cards.insert(id.0, card);
        Some(id)
    }

    /// Forget a mission; gives its number.
    pub fn close(&mut self, key: &MissionKey) -> Option<MissionId> {
        let id = self.ids.remove(key)?;
        self.cards.remove(&id.0);
        Some(id)
    }

    /// What is known of a mission.
    #[must_use]
    pub fn card(&self, id: MissionId) -> Option<&MissionCard> {
        self.cards.get(&id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mission_keeps_its_number_until_it_is_closed_and_their_count_is_bounded() {
        let mut missions = Missions::default();
        let key = |n: usize| MissionKey { case: format!("case-{n}"), resource: "engine".into() };
        let first = missions.open(&key(0), VehicleId(0), "fire").unwrap();
        assert_eq!(missions.open(&key(0), VehicleId(0), "fire"), Some(first));
        for n in 1..MISSIONS_MAX {
            assert!(missions.open(&key(n), VehicleId(0), "fire").is_some());
        }
        assert_eq!(missions.open(&key(MISSIONS_MAX), VehicleId(0), "fire"), None);
        assert_eq!(missions.close(&key(0)), Some(first));
        assert_ne!(missions.open(&key(0), VehicleId(0), "fire"), Some(first));
    }
}
