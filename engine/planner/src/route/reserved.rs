//! Windows of time in which a controller serves somebody who goes first.

use clearway_signals::{ControllerId, GroupSet, Millis};

use super::roads::Crossing;

/// A controller is another vehicle's in this time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The controller.
    pub controller: ControllerId,
    /// The groups that are green meanwhile: who needs one of these passes.
    pub serves: GroupSet,
    /// From then.
    pub from: Millis,
    /// Until then, the change to other groups included.
    pub until: Millis,
}

/// How long a vehicle that comes to a signal at `at` waits for those who go first. `windows` are sorted by
/// controller.
///
/// FIFO: the vehicle waits for the end of the window that it comes into, and of those that follow without
/// a gap; who comes later waits for the same end or not at all.
#[must_use]
pub fn wait_for(windows: &[Window], crossing: &Crossing, at: Millis) -> Millis {
    let first = windows.partition_point(|window| window.controller < crossing.controller);
    let here = || {
        let of_controller = windows[first..].iter().take_while(|w| w.controller == crossing.controller);
        of_controller.filter(|window| !window.serves.contains(crossing.group))
    };
    let mut free = at;
    // Each round moves behind one more window: no more rounds than windows.
    while let Some(window) = here().find(|window| window.from <= free && free < window.until) {
        free = window.until;
    }
    free - at
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_signals::GroupId;
    use proptest::prelude::*;

    fn window(controller: u16, serves: u64, from: i64, until: i64) -> Window {
        let (from, until) = (Millis(from), Millis(until));
        Window { controller: ControllerId(controller), serves: GroupSet(serves), from, until }
    }

    fn crossing(controller: u16, group: u8) -> Crossing {
        Crossing { controller: ControllerId(controller), group: GroupId(group), has_row: true }
    }

    #[test]
    fn a_vehicle_waits_for_windows_that_follow_each_other_and_not_for_those_that_serve_it() {
        let windows = [window(1, 0b01, 10, 20), window(2, 0b01, 10, 20), window(2, 0b01, 20, 35)];
        let wait = |controller, group, at| wait_for(&windows, &crossing(controller, group), Millis(at)).0;
        assert_eq!((wait(2, 1, 12), wait(2, 0, 12), wait(2, 1, 9)), (23, 0, 0));
        assert_eq!((wait(1, 1, 12), wait(3, 1, 12), wait(0, 1, 12)), (8, 0, 0));
    }

    proptest! {
        #[test]
        fn who_comes_later_never_leaves_earlier(
            spans in prop::collection::vec((0_i64..200, 0_i64..60, 0_u64..4), 0..12),
            at in 0_i64..250, later in 0_i64..100,
        ) {
            let windows: Vec<Window> =
                spans.iter().map(|(from, long, serves)| window(0, *serves, *from, from + long)).collect();
            let leaves = |at| at + wait_for(&windows, &crossing(0, 1), Millis(at)).0;
            prop_assert!(leaves(at) <= leaves(at + later));
        }
    }
}
