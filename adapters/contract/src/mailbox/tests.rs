use clearway_certify::{Ask, Class, Draft, certify};
use clearway_signals::{Epoch, Millis, RequestId, RowId};

use super::{Effect, LEASE_GUARD, Mailbox, RECENT_MAX, Refusal};
use crate::kit::{CROSS, MAIN, TRANSIT, assertion, release, site};
use crate::port::{Dispatch, Protocol};
use crate::site::Site;

const NOW: Millis = Millis(1_000);
const UNTIL: Millis = Millis(21_000);

fn mailbox() -> (Site, Mailbox) {
    let site = site(Protocol::Modbus);
    let mailbox = Mailbox::new(&site);
    (site, mailbox)
}

fn of_epoch(site: &Site, row: RowId, request: u32, epoch: u64) -> Dispatch {
    let wish = Ask {
        controller: site.controller,
        row,
        request: RequestId(request),
        wanted: site.rows[row.index()].dwell,
        assert_at: NOW,
        arrival: UNTIL,
        release_at: UNTIL,
    };
    let draft = Draft { class: Class::Emergency, asks: &[wish] };
    let plan = certify(&draft, Epoch(epoch), |_| Some(site.junction()), |_| None).expect("certified");
    Dispatch { command: plan.assert(0, 1, NOW, UNTIL).expect("in time"), fix_ns: None }
}

#[test]
fn c1_a_command_taken_twice_changes_nothing_the_second_time() {
    let (site, mut mailbox) = mailbox();
    let command = assertion(&site, MAIN, 1, 1, NOW, UNTIL);
    assert_eq!(mailbox.offer(NOW, &command), Ok(Effect::Wanted(None)));
    let lease = mailbox.lease();
    for _ in 0..4 {
        assert_eq!(mailbox.offer(NOW, &command), Ok(Effect::Nothing));
    }
    assert_eq!(mailbox.lease(), lease);
}

#[test]
fn c2_an_older_revision_is_refused_even_after_the_release() {
    let (site, mut mailbox) = mailbox();
    mailbox.offer(NOW, &assertion(&site, MAIN, 1, 5, NOW, UNTIL)).expect("taken");
    mailbox.offer(NOW, &release(&site, MAIN, 1, 6, NOW)).expect("taken");
    let late = mailbox.offer(NOW, &assertion(&site, MAIN, 1, 4, NOW, UNTIL));
    assert_eq!(late, Err(Refusal::StaleRevision));
    assert_eq!(mailbox.lease(), None);
}

#[test]
fn c4_an_engine_that_lost_the_city_is_refused() {
    let (site, mut mailbox) = mailbox();
    mailbox.offer(NOW, &of_epoch(&site, MAIN, 1, 7)).expect("taken");
    assert_eq!(mailbox.offer(NOW, &of_epoch(&site, CROSS, 2, 6)), Err(Refusal::StaleEpoch));
    assert_eq!(mailbox.lease().map(|lease| lease.row), Some(MAIN));
    assert!(matches!(mailbox.offer(NOW, &of_epoch(&site, CROSS, 2, 8)), Ok(Effect::Wanted(Some(_)))));
}

#[test]
fn c5_a_lease_is_given_up_before_it_ends_and_a_late_command_is_refused() {
    let (site, mut mailbox) = mailbox();
    let command = assertion(&site, MAIN, 1, 1, NOW, UNTIL);
    assert_eq!(mailbox.offer(UNTIL - LEASE_GUARD, &command), Err(Refusal::Expired));
    mailbox.offer(NOW, &command).expect("taken");
    assert_eq!(mailbox.expire(UNTIL - LEASE_GUARD - Millis(1)), None);
    assert!(mailbox.expire(UNTIL - LEASE_GUARD).is_some());
    assert_eq!(mailbox.lease(), None);
}

#[test]
fn s13_emergency_displaces_transit_and_never_the_other_way() {
    let (site, mut mailbox) = mailbox();
    mailbox.offer(NOW, &assertion(&site, TRANSIT, 1, 1, NOW, UNTIL)).expect("taken");
    let taken = mailbox.offer(NOW, &assertion(&site, MAIN, 2, 1, NOW, UNTIL));
    assert!(matches!(taken, Ok(Effect::Wanted(Some(lease))) if lease.request == RequestId(1)));
    let back = mailbox.offer(NOW, &assertion(&site, TRANSIT, 1, 2, NOW, UNTIL));
    assert_eq!(back, Err(Refusal::Outranked));
}

#[test]
fn s14_rows_that_are_not_ours_or_not_carried_are_refused() {
    let (mut site, _) = mailbox();
    let command = assertion(&site, TRANSIT, 1, 1, NOW, UNTIL);
    site.capabilities = clearway_signals::Capabilities::PREEMPT;
    assert_eq!(Mailbox::new(&site).offer(NOW, &command), Err(Refusal::NotOurs));
    let (mut elsewhere, mut mailbox) = (site.clone(), Mailbox::new(&site));
    elsewhere.controller.0 += 1;
    let command = assertion(&elsewhere, MAIN, 1, 1, NOW, UNTIL);
    assert_eq!(mailbox.offer(NOW, &command), Err(Refusal::WrongController));
}

#[test]
fn a_release_never_takes_the_row_from_another_request() {
    let (site, mut mailbox) = mailbox();
    mailbox.offer(NOW, &assertion(&site, MAIN, 1, 1, NOW, UNTIL)).expect("taken");
    mailbox.offer(NOW, &assertion(&site, MAIN, 2, 1, NOW, UNTIL)).expect("taken");
    assert_eq!(mailbox.offer(NOW, &release(&site, MAIN, 1, 2, NOW)), Err(Refusal::Superseded));
    assert_eq!(mailbox.lease().map(|lease| lease.request), Some(RequestId(2)));
}

#[test]
fn memory_of_revisions_is_bounded() {
    let (site, mut mailbox) = mailbox();
    for request in 0..1_000 {
        mailbox.offer(NOW, &release(&site, MAIN, request, 1, NOW)).expect("taken");
        assert!(mailbox.recent.len() <= RECENT_MAX);
    }
}
