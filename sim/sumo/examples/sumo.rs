//! Drives a scenario: `sumo CFG none|local|clearway [ROUTES]`.
use clearway_sumo::drive::{Control, Options, run};
fn main() {
    let mut args = std::env::args().skip(1);
    let config = args.next().unwrap().into();
    let control = match args.next().as_deref() {
        Some("none") => Control::None,
        Some("local") => Control::Local,
        _ => Control::Clearway,
    };
    let emergency = args.next().map(Into::into);
    let tripinfo = std::env::temp_dir().join(format!("tripinfo-{}.xml", std::process::id()));
    let options = Options { sumo: None, config, emergency, control, seed: Some(1), tripinfo };
    println!("{:#?}", run(&options, |_| ()));
}
