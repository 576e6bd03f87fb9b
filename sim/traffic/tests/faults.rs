//! The fault simulation: seeds hold every invariant, repeat themselves, and find planted bugs.

use std::sync::{Arc, OnceLock};

use clearway_contract::Protocol;
use clearway_network::testing::corridor;
use clearway_signals::Millis;
use clearway_traffic::faults::{Outcome, Planted, Scenario, Settings, run};

/// Seeds that a planted bug may take to be found.
const SEEDS_MAX: u32 = 40;

/// The corridor of `cargo xtask dst --network corridor`.
fn scenario() -> Scenario {
    use Protocol::{Modbus, Ntcip, Rsmp};
    let protocols = [Ntcip, Ntcip, Modbus, Modbus, Rsmp, Rsmp];
    Scenario::new(Arc::new(corridor(12)), &protocols).expect("the corridor has ways")
}

/// As `--minutes 12`.
fn short(seed: u64) -> Settings {
    Settings { duration: Millis::from_s(12 * 60), ..Settings::new(seed) }
}

fn explained(seed: u64, outcome: &Outcome) -> String {
    let breaches = outcome.breaches.iter().map(|b| format!("{:.3} {}: {}", b.at.as_s(), b.rule, b.what));
    format!("seed {seed}: {}", breaches.collect::<Vec<_>>().join("; "))
}

#[test]
fn seeds_hold_every_invariant() {
    let scenario = scenario();
    for seed in 1..=2 {
        let outcome = run(&scenario, short(seed));
        assert_eq!(outcome.count, 0, "{}", explained(seed, &outcome));
    }
}

#[test]
fn a_seed_repeats_itself_byte_for_byte() {
    let scenario = scenario();
    let brief = Settings { trace: true, duration: Millis::from_s(240), ..Settings::new(9) };
    assert_eq!(run(&scenario, brief), run(&scenario, brief));
}

#[test]
fn s16_a_wrong_wall_clock_changes_no_command() {
    let scenario = scenario();
    let brief = Settings { duration: Millis::from_s(300), ..Settings::new(2) };
    let right = run(&scenario, Settings { true_clock: true, ..brief });
    assert_eq!(run(&scenario, brief).commands_hash, right.commands_hash);
}

#[test]
fn s18_in_the_shadow_nothing_is_written() {
    let scenario = scenario();
    let brief = Settings { shadow: true, duration: Millis::from_s(300), ..Settings::new(3) };
    let outcome = run(&scenario, brief);
    assert_eq!(outcome.count, 0, "{}", explained(3, &outcome));
}

/// Whether a seed is clean without any bug; run once for all tests of this process.
fn is_clean(scenario: &Scenario, settings: Settings) -> bool {
    static KNOWN: [OnceLock<bool>; SEEDS_MAX as usize + 1] =
        [const { OnceLock::new() }; SEEDS_MAX as usize + 1];
    let place = usize::try_from(settings.seed).expect("seeds are few");
    *KNOWN[place].get_or_init(|| run(scenario, settings).count == 0)
}

/// The seed that finds the bug, and the invariant that it breaks first. A seed that breaks without
/// the bug too shows nothing.
fn found(planted: Planted) -> Option<(u64, &'static str)> {
    let scenario = scenario();
    (1..=SEEDS_MAX).find_map(|seed| {
        let seed = u64::from(seed);
        let settings = Settings { shadow: false, ..short(seed) };
        let outcome = run(&scenario, Settings { planted: Some(planted), ..settings });
        let breach = outcome.breaches.first()?;
        is_clean(&scenario, settings).then_some((seed, breach.rule))
    })
}

/// One test for each bug: some seed finds it.
macro_rules! planted {
    ($($name:ident: $bug:ident,)+) => {
        $(
            #[test]
            #[ignore = "long: the tier `simulation` runs it, optimised"]
            fn $name() {
                let found = found(Planted::$bug);
                println!("{}: {found:?}", Planted::$bug.word());
                assert!(found.is_some(), "no seed up to {SEEDS_MAX} finds it");
            }
        )+

        #[test]
        fn every_bug_has_its_test() {
            assert_eq!([$(Planted::$bug),+], Planted::ALL);
        }
    };
}

planted! {
    a_journal_that_skips_its_sync_is_found: SkipSync,
    an_acknowledgement_before_durability_is_found: AckBeforeDurable,
    a_takeover_under_the_old_epoch_is_found: OldEpoch,
    a_deadline_by_the_wall_clock_is_found: WallClock,
    an_entry_yellow_of_zero_is_found: YellowZero,
    positions_in_the_order_of_arrival_are_found: FifoPositions,
    a_call_sent_again_after_its_lease_is_found: RetryAfterDeadline,
    a_connection_adopted_without_reading_is_found: AdoptWithoutReading,
    a_missing_guard_of_the_lease_is_found: NoLeaseGuard,
    a_write_to_a_row_of_others_is_found: ForeignRow,
    a_transit_request_on_an_emergency_row_is_found: TransitAsEmergency,
    a_dead_man_timer_that_is_off_is_found: NoDeadMan,
    a_forgotten_release_is_found: ForgottenRelease,
    a_reckoned_position_taken_for_a_fresh_one_is_found: ReckonedPosition,
    a_grant_without_reading_back_is_found: BelievedWrite,
}
