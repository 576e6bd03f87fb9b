//! Every bound of the engine, with the relations between them asserted at compile time.

use crate::units::Millis;

/// Signal groups of one controller.
pub const GROUPS_MAX: usize = 64;
/// Request rows of one controller (NTCIP knows 255; ours are the ones that the model binds).
pub const ROWS_MAX: usize = 32;
/// Controllers of one network.
pub const CONTROLLERS_MAX: usize = 16_384;
/// Vehicles in the registry.
pub const VEHICLES_MAX: usize = 16_384;
/// Missions active at once.
pub const MISSIONS_MAX: usize = 64;
/// Links of one route.
pub const ROUTE_LINKS_MAX: usize = 1024;
/// Controllers on one route.
pub const ROUTE_SIGNALS_MAX: usize = 64;
/// Movements of one vehicle through one controller.
pub const PATH_MOVEMENTS_MAX: usize = 8;
/// Commands that one event may cause.
pub const COMMANDS_PER_EVENT_MAX: usize = 256;

/// Rules of a policy.
pub const POLICY_RULES_MAX: usize = 256;
/// Quotas of a policy.
pub const POLICY_QUOTAS_MAX: usize = 32;
/// Duties, lines or controllers that one rule or zone lists.
pub const POLICY_LIST_MAX: usize = CONTROLLERS_MAX;

/// A lease never outlives this, whatever the site allows (invariant S7).
pub const LEASE_MAX: Millis = Millis::from_s(120);
/// A request row must give up by itself no later than this (arming gate).
pub const MAX_PRESENCE_MAX: Millis = Millis::from_s(240);
/// The controller's own dead-man timer must be no longer than this, where no site value is given.
pub const BACKUP_TIME_MAX: Millis = Millis::from_s(60);
/// The longest dead-man timer that a site value may allow.
pub const BACKUP_TIME_SITE_MAX: Millis = Millis::from_s(300);
/// A release must be written within this time after check-out or cancel (invariant S10).
pub const RELEASE_WRITTEN_MAX: Millis = Millis::from_s(1);
/// A release must be read back within this time (invariant S10).
pub const RELEASE_CONFIRMED_MAX: Millis = Millis::from_s(5);
/// Without position for this long, at least, before a release for silence (invariant S15).
pub const SILENCE_MIN: Millis = Millis::from_s(5);
/// Without position for this long, at most, before a release for silence (invariant S15).
pub const SILENCE_MAX: Millis = Millis::from_s(30);
/// An arming check older than this no longer arms (invariant S6).
pub const ARMING_AGE_MAX: Millis = Millis::from_s(24 * 3600);

const _: () = assert!(GROUPS_MAX <= 64, "a GroupSet is 64 bits");
const _: () = assert!(ROWS_MAX <= 32, "a RowSet is 32 bits");
const _: () = assert!(COMMANDS_PER_EVENT_MAX >= 2 * ROUTE_SIGNALS_MAX, "release and assert all");
const _: () = assert!(ROUTE_SIGNALS_MAX <= ROUTE_LINKS_MAX);
const _: () = assert!(ROUTE_SIGNALS_MAX <= 64, "signals of a way are a set of 64 bits");
const _: () = assert!(POLICY_RULES_MAX + POLICY_QUOTAS_MAX <= 65_535, "a RuleId is 16 bits");
const _: () = assert!(SILENCE_MIN.0 <= SILENCE_MAX.0 && SILENCE_MAX.0 <= LEASE_MAX.0);
const _: () = assert!(LEASE_MAX.0 <= MAX_PRESENCE_MAX.0);
const _: () = assert!(RELEASE_WRITTEN_MAX.0 <= RELEASE_CONFIRMED_MAX.0);
const _: () = assert!(BACKUP_TIME_MAX.0 <= BACKUP_TIME_SITE_MAX.0);
