//! The eight-phase reference site is what the dual ring generates, and its full stage graph is proved, too.

use clearway_signals::nema::{Crossing, DualRing, Phase};
use clearway_signals::{GroupId, GroupSet, Millis, Relation};

use super::{check_holds, controller, site};
use crate::prove::prove_site;
use crate::site::Stage;
use crate::{Bounds, Rules, Site};

fn phases() -> [Phase; 8] {
    [1u8, 2, 3, 4, 5, 6, 7, 8].map(|number| {
        let is_turn = number % 2 == 1;
        let walk = Crossing { walk: Millis(7_000), clearance: Millis(11_000), buffer: Millis(2_000) };
        Phase {
            number,
            ring: if number <= 4 { 1 } else { 2 },
            barrier: if [1, 2, 5, 6].contains(&number) { 1 } else { 2 },
            position: if is_turn { 1 } else { 2 },
            min_green: Millis(if is_turn { 5_000 } else { 8_000 }),
            yellow: Millis(if is_turn { 3_000 } else { 4_000 }),
            red_clearance: Millis(if is_turn { 1_000 } else { 2_000 }),
            crossing: (!is_turn).then_some(walk),
        }
    })
}

#[test]
fn the_reference_site_is_what_the_dual_ring_generates() {
    let (phases, controller) = (phases(), controller("nema"));
    let ring = DualRing::new(&phases, &[]).expect("a dual ring");
    let n = u8::try_from(ring.len()).expect("few groups");
    assert_eq!(controller.groups.len(), ring.len());
    for a in (0..n).map(GroupId) {
        assert_eq!(Some(controller.groups[a.index()]), ring.group(a));
        for b in (0..n).map(GroupId).filter(|b| *b != a) {
            let (model, made) = (controller.junction().relation(a, b), ring.relation(a, b));
            assert_eq!(model, made, "{a:?} {b:?}");
            assert_eq!(controller.junction().conflicts(a, b), matches!(made, Relation::Conflict(_)));
        }
    }
    let stages: Vec<GroupSet> = ring.stages().collect();
    for stage in &site("nema").stages {
        assert!(stages.iter().any(|made| stage.groups.is_subset(*made)), "{:?}", stage.groups);
    }
}

/// The site under the whole stage graph of its rings, each ring going on by itself, crossings left out.
fn free_rings() -> Site {
    let site = site("nema");
    let set = |a: u8, b: u8| GroupSet::EMPTY.with(GroupId(a - 1)).with(GroupId(b - 1));
    let stage = |a: u8, b: u8, next: &[u8]| Stage {
        groups: set(a, b),
        choices: vec![set(a, b)],
        length: 20,
        next: next.to_vec(),
    };
    let stages = vec![
        stage(1, 5, &[1, 2, 3]),
        stage(2, 5, &[3]),
        stage(1, 6, &[3]),
        stage(2, 6, &[4]),
        stage(3, 7, &[5, 6, 7]),
        stage(4, 7, &[7]),
        stage(3, 8, &[7]),
        stage(4, 8, &[0]),
    ];
    Site { stages, reference: Some(GroupId(1)), ..site }
}

#[test]
#[ignore = "the full tier: a million states"]
fn the_whole_stage_graph_of_the_dual_ring_holds() {
    let proof = prove_site(&free_rings(), Rules::default(), Bounds::default());
    check_holds(&proof);
}
