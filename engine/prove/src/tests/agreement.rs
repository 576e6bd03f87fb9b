//! The proof agrees with the certificate's bound and with the exact time to green.

use clearway_certify::worst_case_entry;
use clearway_signals::time_to_green::{Shows, time_to_green};
use clearway_signals::{GroupId, Millis};

use super::{QUICK, controller, proved, site};
use crate::display::Aspect;
use crate::explore::{Bounds, Explored};
use crate::junction::Junction;
use crate::sequencer::{Event, Service, State};
use crate::{Rules, Site};

#[test]
fn the_certificates_bound_is_never_below_the_proven_entry() {
    for name in QUICK {
        let controller = controller(name);
        let junction = controller.junction();
        for entry in &proved(name, 1_000_000).entries {
            let row = junction.row(entry.row).expect("the row is of this junction");
            let bound = worst_case_entry(&junction, row).expect("a shipped row is bounded");
            assert!(bound >= entry.slowest, "{name}, row {}: {bound:?} < {:?}", entry.number, entry.slowest);
        }
    }
}

/// The heads as the time to green reads them, at time zero.
fn heads(site: &Site, state: &State) -> Vec<Shows> {
    let head = |group: GroupId| {
        let (data, head) = (&site.groups[group.index()], state.heads[group.index()]);
        let ago = |steps: u16| Millis::ZERO - site.time(u32::from(steps));
        match head.aspect {
            Aspect::Green => Shows::Green { since: ago(head.clock) },
            Aspect::RedYellow => Shows::RedYellow { since: ago(head.clock) },
            _ if head.clock >= data.memory => Shows::Red { green_ended: None },
            _ => Shows::Red { green_ended: Some(ago(head.clock)) },
        }
    };
    site.ids().map(head).collect()
}

/// The time until every dwell group of the served row is green, from the data alone.
fn predicted(name: &str) -> impl Fn(&Site, &State) -> Option<Millis> + use<> {
    let controller = controller(name);
    move |site, state| {
        let Service::Entry { row, .. } = state.service else { return None };
        let heads = heads(site, state);
        let dwell = site.preempts[usize::from(row)].dwell;
        time_to_green(&controller.junction(), |group| heads[group.index()], dwell, Millis::ZERO)
    }
}

#[test]
fn the_time_to_green_falls_by_each_step_of_every_entry_and_ends_at_zero() {
    for name in ["tram", "rail"] {
        let (site, predicted) = (site(name), predicted(name));
        let junction = Junction::new(&site, Rules::default());
        let mut checked = 0u32;
        Explored::explore(&junction, Bounds::default(), |transition| {
            if transition.event != Event::Time || !transition.is_new {
                return;
            }
            let Some(before) = predicted(&site, &transition.before.0) else { return };
            let after = match transition.after.0.service {
                Service::Entry { .. } => predicted(&site, &transition.after.0),
                Service::Dwell { .. } => Some(Millis::ZERO),
                _ => return,
            };
            assert_eq!(
                Some(before),
                after.map(|after| after + site.step),
                "{name}, {:?}",
                transition.before.0.service
            );
            checked += 1;
        });
        assert!(checked > 1_000, "{name}: {checked}");
    }
}
