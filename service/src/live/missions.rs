//! Missions by their names outside and their numbers inside.

use std::collections::BTreeMap;

use clearway_feeds::MissionKey;
use clearway_planner::{DutyId, Mission};
use clearway_signals::limits::MISSIONS_MAX;
use clearway_signals::{GeoPoint, MissionId, VehicleId};

/// What is known of a mission.
#[derive(Clone, Debug, PartialEq)]
pub struct MissionCard {
    /// Its name outside.
    pub key: MissionKey,
    /// Who drives.
    pub vehicle: VehicleId,
    /// The duty, for people.
    pub duty: String,
    /// Where to; `None` while nobody has said. The engine does not know of it until then.
    pub destination: Option<GeoPoint>,
    /// How urgent: 0 the most, 3 the least.
    pub priority: u8,
    /// The duty, among those that the policy names.
    pub known_duty: Option<DutyId>,
}

impl MissionCard {
    /// What the engine is told; `None` without a destination.
    #[must_use]
    pub fn mission(&self, id: MissionId) -> Option<Mission> {
        let &Self { vehicle, destination, priority, known_duty: duty, .. } = self;
        Some(Mission { priority, duty, ..Mission::new(id, vehicle, destination?) })
    }
}

/// The missions under way.
#[derive(Debug, Default)]
pub struct Missions {
    ids: BTreeMap<MissionKey, MissionId>,
    cards: BTreeMap<u32, MissionCard>,
    next: u32,
}

impl Missions {
    /// The number of a mission, a new one for a new name, and what the engine is told. A destination
    /// that was known stays while the new word has none. `None` when there are too many.
    pub fn open(&mut self, card: MissionCard) -> Option<(MissionId, Option<Mission>)> {
        if !self.ids.contains_key(&card.key) && self.ids.len() >= MISSIONS_MAX {
            return None;
        }
        let next = &mut self.next;
        let id = *self.ids.entry(card.key.clone()).or_insert_with(|| {
            *next += 1;
            MissionId(*next)
        });
        let before = self.cards.get(&id.0).and_then(|known| known.destination);
        let card = MissionCard { destination: card.destination.or(before), ..card };
        let mission = card.mission(id);
        self.cards.insert(id.0, card);
        Some((id, mission))
    }

    /// Forget a mission; gives its number.
    pub fn close(&mut self, key: &MissionKey) -> Option<MissionId> {
        let id = self.ids.remove(key)?;
        self.cards.remove(&id.0);
        Some(id)
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = (MissionId, &MissionCard)> {
        self.cards.iter().map(|(id, card)| (MissionId(*id), card))
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

    fn card(n: usize, destination: Option<GeoPoint>) -> MissionCard {
        let key = MissionKey { case: format!("case-{n}"), resource: "engine".into() };
        let (priority, known_duty) = (Mission::PRIORITY, None);
        MissionCard { key, vehicle: VehicleId(0), duty: "fire".into(), destination, priority, known_duty }
    }

    #[test]
    fn a_mission_keeps_its_number_until_it_is_closed_and_their_count_is_bounded() {
        let mut missions = Missions::default();
        let mut open = |n| missions.open(card(n, None)).map(|(id, _)| id);
        let first = open(0).unwrap();
        assert_eq!(open(0), Some(first));
        for n in 1..MISSIONS_MAX {
            assert!(open(n).is_some());
        }
        assert_eq!(open(MISSIONS_MAX), None);
        assert_eq!(missions.close(&card(0, None).key), Some(first));
        assert_ne!(missions.open(card(0, None)).unwrap().0, first);
    }

    #[test]
    fn without_a_destination_the_engine_is_told_nothing_and_one_that_is_known_stays() {
        let mut missions = Missions::default();
        let place = GeoPoint::from_degrees(60.17, 24.94);
        let (id, told) = missions.open(card(0, None)).unwrap();
        assert_eq!(told, None);
        let (_, told) = missions.open(card(0, place)).unwrap();
        assert_eq!(told.map(|mission| (mission.id, mission.destination)), place.map(|place| (id, place)));
        assert_eq!(missions.open(card(0, None)).unwrap().1, told);
        assert_eq!(missions.all().count(), 1);
    }
}
