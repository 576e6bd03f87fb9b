//! Scratch figures.
use clearway_prove::*;
use clearway_prove::{explore::*, junction::*};
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let only = std::env::args().nth(2);
    let loaded = clearway_format::load(std::path::Path::new(&dir)).unwrap();
    for c in &loaded.network.controllers {
        if only.as_ref().is_some_and(|o| *o != c.name) {
            continue;
        }
        let t = std::time::Instant::now();
        let site = Site::new(c, &Assumptions::default()).unwrap();
        let j = Junction::new(&site, sequencer::Rules::default());
        let f = prove(&j, Bounds { states_max: 3_000_000, ..Bounds::default() });
        println!(
            "{} groups {} stages {:?} step {:?} states {} trans {} {:?} {:.1}s entries {:?} longest {:?}",
            c.name,
            site.groups.len(),
            site.stages.iter().map(|s| s.choices.len()).collect::<Vec<_>>(),
            site.step,
            f.explored.len(),
            f.explored.transitions,
            f.explored.outcome,
            t.elapsed().as_secs_f32(),
            f.entries.iter().map(|e| e.steps).collect::<Vec<_>>(),
            f.longest.iter().map(|l| l.map(|l| (l.steps, l.endless))).collect::<Vec<_>>()
        );
    }
}
