//! Why a message was refused, and how often: one table for parsers, metrics, page and documents.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use clearway_signals::Millis;

macro_rules! reasons {
    ($($name:ident $word:literal $meaning:literal $cure:literal;)+) => {
        /// Why a message, or one element of it, was refused.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Reject {
            $(#[doc = $meaning] $name,)+
        }

        impl Reject {
            /// Every reason, in the order of [`Reject::index`].
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable word of metrics and API.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// What is wrong, for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }

            /// How the sender or the operator mends it.
            #[must_use]
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$name => $cure,)+ }
            }
        }
    };
}

reasons! {
    TooLong "too_long" "The message is longer than the limit." "Send smaller messages; the limit is 64 KiB.";
    TooMany "too_many" "The message holds more elements than the limit." "Split it into several messages.";
    NotText "not_text" "The message is not UTF-8 text." "Encode it as UTF-8.";
    Malformed "malformed" "The message does not follow its syntax." "Compare it with docs/feeds.md.";
    Unsupported "unsupported" "The kind of message is well formed and not taken." "Send one of the kinds of docs/feeds.md.";
    Unauthorized "unauthorized" "The sender did not show the feed's token." "Send `Authorization: Bearer` with the token of the feed's token_file.";
    MissingField "missing_field" "A field that must be there is absent." "Add the field.";
    WrongType "wrong_type" "A value has another type than the format says." "Compare its type with the format.";
    UnknownField "unknown_field" "The format has no field of this name here." "Remove the field or correct its name.";
    UnknownWord "unknown_word" "A word is not one of its list." "Use a word of the format's list.";
    BadId "bad_id" "An identifier does not follow its pattern." "Correct the identifier.";
    UnsupportedVersion "unsupported_version" "The topic has no version, or one that is not taken." "Publish HFP version 2.";
    TopicShape "topic_shape" "The topic has the wrong number of levels." "Publish on topics of HFP version 2.";
    UnknownJourneyType "unknown_journey_type" "The topic's journey type is not known." "Use journey, deadrun or signoff.";
    UnknownTemporalType "unknown_temporal_type" "The topic's temporal type is not known." "Use ongoing or upcoming.";
    UnknownEvent "unknown_event" "The topic's event is not one of HFP version 2." "Use an event of HFP version 2.";
    UnknownMode "unknown_mode" "The topic's transport mode is not known." "Use a mode of HFP version 2.";
    BadVehicleNumber "bad_vehicle_number" "Operator or vehicle of the topic is not a number." "Use digits only.";
    NotOneEvent "not_one_event" "The payload holds no event, or several." "Send exactly one event a message.";
    EventMismatch "event_mismatch" "The payload's event is not the topic's." "Publish each event on its own topic.";
    GeohashMismatch "geohash_mismatch" "The topic's place is not the payload's." "Build the topic from the payload's position, by truncation.";
    BadTime "bad_time" "The time is missing, has no zone or does not follow its pattern." "Send the time as the format says, with its zone.";
    TimeMismatch "time_mismatch" "The message's two times disagree." "Derive both from the same instant.";
    Future "future" "The time lies in the future." "Set the sender's clock.";
    Stale "stale" "The message is too old." "Send without delay; set the sender's clock.";
    Expired "expired" "The message's own expiry has passed." "Send it before it expires.";
    Backwards "backwards" "The time is before the vehicle's last." "Send in order.";
    Duplicate "duplicate" "The same message came before." "Nothing to mend: some brokers deliver more than once.";
    WeekRollover "week_rollover" "The date is off by 1024 weeks: the receiver's week counter rolled over." "Update the receiver's firmware.";
    HalfPosition "half_position" "Only one of latitude and longitude is there." "Send both or none.";
    OffGlobe "off_globe" "Latitude or longitude is beyond the globe." "Send degrees, latitude first where the format says so.";
    NullIsland "null_island" "The position is 0/0: the receiver has no fix." "Send only with a fix.";
    OutsideNetwork "outside_network" "The position lies outside the network." "Check for swapped coordinates; else the vehicle is elsewhere.";
    BadSpeed "bad_speed" "The speed is negative or not a number." "Send the speed in the format's unit.";
    BadHeading "bad_heading" "The heading is not within 0 to 360 degrees." "Send degrees clockwise from north.";
    TooFast "too_fast" "The speed is above the maximum of the vehicle's class." "Check the unit of the speed.";
    Jump "jump" "The vehicle cannot have come here since its last position." "Check the receiver; check that no two vehicles share an identity.";
    NoFix "no_fix" "The receiver says that it has no valid fix." "Wait for a fix.";
    FixSource "fix_source" "The fix does not come from satellites or dead reckoning." "Switch off the receiver's manual or simulator mode.";
    Checksum "checksum" "The checksum is wrong." "Check the line; check the feed's checksum convention.";
    ChecksumMissing "checksum_missing" "The message has no checksum." "Switch the sender's checksum on.";
    UnknownVehicle "unknown_vehicle" "The vehicle is not in the registry." "Add the identity to a [[vehicle]] of the configuration.";
    ClassMismatch "class_mismatch" "The feed cannot speak for a vehicle of this class." "Correct the class in the registry, or the feed.";
    RequestIdRange "request_id_range" "The request id is not within 0 to 255." "Send an id of one byte.";
    NotActionable "not_actionable" "The priority request lacks junction, id or level." "Send sid, tlp-requestid and tlp-prioritylevel.";
    JunctionMismatch "junction_mismatch" "The topic's junction is not the payload's." "Publish on the junction's topic.";
    NoOpenRequest "no_open_request" "The answer belongs to no open request." "Nothing to mend: the request was lost or not ours.";
    UnknownPoint "unknown_point" "The reporting point is not configured." "Add the point to the feed in the configuration.";
    NotSignedOn "not_signed_on" "The vehicle signs off where it has not signed on." "Nothing to mend: its registration was lost, or is long ago.";
    Helicopter "helicopter" "The position is an aircraft's." "Nothing to mend: aircraft are not taken.";
    Exercise "exercise" "The message is not an actual one." "Send status Actual for real missions.";
}

impl Reject {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The reason as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What a feed took and refused: bounded, lock-free, shared by its adapter and whoever shows it.
#[derive(Debug)]
pub struct Tally {
    accepted: AtomicU64,
    rejected: [AtomicU64; Reject::COUNT],
    /// Monotonic milliseconds of the last accepted message; negative before the first.
    last_at_ms: AtomicI64,
}

/// Before the first message.
const NEVER_MS: i64 = i64::MIN;

impl Default for Tally {
    fn default() -> Self {
        Self {
            accepted: AtomicU64::new(0),
            rejected: std::array::from_fn(|_| AtomicU64::new(0)),
            last_at_ms: AtomicI64::new(NEVER_MS),
        }
    }
}

impl Tally {
    /// Counts one accepted message or element.
    pub fn accept(&self, received: Millis) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.last_at_ms.fetch_max(received.0, Ordering::Relaxed);
    }

    /// Counts one refusal.
    pub fn reject(&self, reason: Reject) {
        self.rejected[reason.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Accepted messages and elements.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Refusals of one reason.
    #[must_use]
    pub fn rejected_for(&self, reason: Reject) -> u64 {
        self.rejected[reason.index()].load(Ordering::Relaxed)
    }

    /// All refusals.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        Reject::ALL.iter().map(|reason| self.rejected_for(*reason)).sum()
    }

    /// When something was last accepted.
    #[must_use]
    pub fn last_at(&self) -> Option<Millis> {
        let at = self.last_at_ms.load(Ordering::Relaxed);
        (at != NEVER_MS).then_some(Millis(at))
    }

    /// The reasons that occurred, with their counts.
    pub fn reasons(&self) -> impl Iterator<Item = (Reject, u64)> + '_ {
        Reject::ALL.iter().map(|reason| (*reason, self.rejected_for(*reason))).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_reason_has_its_own_snake_case_word_and_its_own_counter() {
        let words: HashSet<_> = Reject::ALL.iter().map(|reason| reason.word()).collect();
        assert_eq!(words.len(), Reject::COUNT);
        for (index, reason) in Reject::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert!(reason.word().chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            assert!(reason.meaning().ends_with('.') && reason.cure().ends_with('.'));
        }
    }

    #[test]
    fn the_document_lists_every_reason_as_it_stands_here() {
        let document = include_str!("../../../docs/feeds.md");
        for reason in Reject::ALL {
            let row = format!("| `{}` | {} | {} |", reason.word(), reason.meaning(), reason.cure());
            assert!(document.contains(&row), "docs/feeds.md lacks: {row}");
        }
    }

    #[test]
    fn a_tally_counts_by_reason() {
        let tally = Tally::default();
        assert_eq!(tally.last_at(), None);
        tally.accept(Millis(7));
        tally.reject(Reject::Stale);
        tally.reject(Reject::Stale);
        assert_eq!((tally.accepted(), tally.rejected(), tally.last_at()), (1, 2, Some(Millis(7))));
        assert_eq!(tally.reasons().collect::<Vec<_>>(), [(Reject::Stale, 2)]);
    }
}
