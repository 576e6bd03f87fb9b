//! Mutated plans: each is refused, or an independent controller that answers in every way its data allow
//! shows that it is safe. As many as `PROPTEST_CASES` says, times twenty: 400 000 in the long tier.

mod draw;
mod heads;
mod mutate;
mod oracle;
mod sites;

use std::collections::BTreeMap;

use clearway_certify::{CertifiedPlan, Draft, Finding, certify, service};
use clearway_signals::limits::LEASE_MAX;
use clearway_signals::{ControllerId, Epoch, Millis};

use draw::Draw;
use oracle::Call;
use sites::{Case, Site, sites, sound};

/// Mutants of one case of `PROPTEST_CASES`, and cases without it.
const MUTANTS_PER_CASE: u64 = 20;
const CASES: u64 = 200;
/// Ways in which the controller answers each plan.
const RESPONSES: usize = 6;

fn check(case: &Case) -> Result<CertifiedPlan, Finding> {
    let site = |id: ControllerId| case.sites.iter().find(|site| site.id == id).map(Site::junction);
    let held = |id| case.held.filter(|(controller, _)| *controller == id).map(|(_, held)| held);
    certify(&Draft { class: case.class, asks: &case.asks }, Epoch(1), site, held)
}

/// The calls that will stand at one controller if the plan is carried out.
fn calls(case: &Case, site: &Site) -> Vec<Call> {
    let claim = |row: usize, from: i64, until: i64| {
        let row = site.rows.get(row)?;
        service(&site.junction(), row, Millis(from), Millis(until))
    };
    let of_plan = case.asks.iter().filter(|ask| ask.controller == site.id).map(|ask| {
        let (row, mut from, until) = (ask.row.index(), ask.assert_at.0, ask.release_at.0);
        if let Some((_, held)) = case.held.filter(|(controller, _)| *controller == site.id)
            && (held.request, held.row) == (ask.request, ask.row)
        {
            from = from.min(held.from.0);
        }
        (ask, Call { row, wanted: ask.wanted.0, from, until, claim: claim(row, from, until) })
    });
    let mut calls: Vec<Call> = Vec::new();
    let mut refreshes = false;
    for (ask, call) in of_plan {
        let is_held = |held: clearway_certify::Held| (held.request, held.row) == (ask.request, ask.row);
        refreshes |= case.held.is_some_and(|(controller, held)| controller == site.id && is_held(held));
        calls.push(call);
    }
    if let Some((_, held)) = case.held.filter(|(controller, _)| *controller == site.id && !refreshes) {
        let (row, from, until) = (held.row.index(), held.from.0, held.until.0);
        calls.push(Call { row, wanted: 0, from, until, claim: claim(row, from, until) });
    }
    calls
}

/// Whether the plan is safe, by the oracle alone.
fn judge(case: &Case, responses: usize, draw: &mut Draw) -> Result<(), String> {
    for ask in &case.asks {
        let site = case.sites.iter().find(|site| site.id == ask.controller);
        let Some(site) = site else { return Err(format!("unknown controller: {ask:?}")) };
        if ask.wanted.is_empty() || ask.arrival < ask.assert_at || ask.release_at <= ask.assert_at {
            return Err(format!("senseless: {ask:?}"));
        }
        oracle::judge(site, case.class, &calls(case, site), responses, draw)?;
    }
    Ok(())
}

/// C5, S7: what a certified plan gives is never early, late, or longer than what was certified.
fn leases_are_bounded(plan: &CertifiedPlan, draw: &mut Draw) {
    for (index, ask) in plan.asks().iter().enumerate() {
        let now = Millis(draw.between(ask.assert_at.0 - 30_000, ask.release_at.0 + 30_000));
        let evidence_end = now + Millis(draw.between(-10_000, 200_000));
        let lease_end = draw.of(&[Millis::NEVER, evidence_end]);
        if let Some(command) = plan.assert(index, 1, now, lease_end) {
            assert!(now >= ask.assert_at && now < ask.release_at, "{ask:?} at {now:?}");
            assert!(command.expires() > now && command.expires() <= ask.release_at.min(lease_end));
            assert!(command.expires() - now <= LEASE_MAX);
            assert_eq!((command.controller(), command.row()), (ask.controller, ask.row));
        }
    }
    assert!(plan.assert(plan.asks().len(), 1, Millis(50_000), Millis::NEVER).is_none());
}

#[derive(Default, Debug)]
struct Counts {
    accepted: u64,
    refused: u64,
    refused_and_unsafe: u64,
    /// By the kind of finding: refused, and of these shown unsafe.
    by_finding: BTreeMap<String, (u64, u64)>,
}

fn kind(finding: Finding) -> String {
    format!("{finding:?}").split('(').next().unwrap_or_default().to_owned()
}

fn run(mutants: u64) -> Counts {
    let (sites, mut counts) = (sites(), Counts::default());
    for seed in 0..mutants {
        let draw = &mut Draw::new(seed);
        let mut case = sound(&sites, draw);
        mutate::mutate(&mut case, draw);
        match check(&case) {
            Ok(plan) => {
                counts.accepted += 1;
                leases_are_bounded(&plan, draw);
                if let Err(fault) = judge(&case, RESPONSES, draw) {
                    panic!(
                        "mutant {seed} was certified and is unsafe: {fault}\n{:?}\n{:?}",
                        case.asks, case.held
                    );
                }
            }
            Err(finding) => {
                counts.refused += 1;
                let is_unsafe = u64::from(judge(&case, 1, draw).is_err());
                counts.refused_and_unsafe += is_unsafe;
                let (refused, shown) = counts.by_finding.entry(kind(finding)).or_default();
                (*refused, *shown) = (*refused + 1, *shown + is_unsafe);
            }
        }
    }
    counts
}

#[test]
fn each_mutated_plan_is_refused_or_shown_safe_under_every_response() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let mutants = cases * MUTANTS_PER_CASE;
    let counts = run(mutants);
    println!(
        "{mutants} mutants: {} certified, all safe under {RESPONSES} responses each; {} refused, {} of them \
         shown unsafe by one response",
        counts.accepted, counts.refused, counts.refused_and_unsafe
    );
    for (finding, (refused, shown)) in &counts.by_finding {
        println!("  {finding}: {refused} refused, {shown} shown unsafe");
    }
    assert!(counts.accepted > mutants / 10 && counts.refused > mutants / 10, "{counts:?}");
    // The oracle is not blind: most of what is refused it condemns too.
    assert!(counts.refused_and_unsafe > counts.refused / 2, "{counts:?}");
}

#[test]
fn sound_plans_of_every_kind_of_junction_are_mostly_certified() {
    let (sites, mut passed) = (sites(), 0);
    for seed in 0..600 {
        let draw = &mut Draw::new(seed + 1_000_000_000);
        let case = sound(&sites, draw);
        if check(&case).is_ok() {
            passed += 1;
            assert_eq!(judge(&case, 2, draw), Ok(()), "sound plan {seed}: {:?}", case.asks);
        }
    }
    assert!(passed > 400, "{passed} of 600");
}
