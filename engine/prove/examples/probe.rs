//! Scratch figures.
use clearway_prove::*;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let only = std::env::args().nth(2);
    let loaded = clearway_format::load(std::path::Path::new(&dir)).unwrap();
    for c in &loaded.network.controllers {
        if only.as_ref().is_some_and(|o| *o != c.name) {
            continue;
        }
        let t = std::time::Instant::now();
        let p =
            prove(c, &Assumptions::default(), Bounds { states_max: 1_000_000, ..Bounds::default() }).unwrap();
        println!(
            "{} {:?} states {} trans {} holds {} {:?} {:.1}s",
            p.name,
            p.method,
            p.states,
            p.transitions,
            p.holds(),
            p.unproved,
            t.elapsed().as_secs_f32()
        );
        if let Some(x) = &p.counterexample {
            println!("{:?} {}\n{}", x.violation, x.part, x.timeline.to_text());
        }
        if only.is_some() {
            for e in &p.entries {
                println!(
                    "{} {:?}\n{}",
                    e.number,
                    e.slowest,
                    e.witness.as_ref().map_or(String::new(), |w| w.to_text())
                );
            }
            println!("{:?}", p.reds);
        }
    }
}
