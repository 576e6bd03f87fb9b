//! The steer protocol alone, with settings from a JSON argument: for calibration.
fn main() {
    let settings =
        std::env::args().nth(1).map_or_else(Default::default, |t| serde_json::from_str(&t).unwrap());
    let _ =
        clearway_sumo::dialect::serve(std::io::stdin().lock(), std::io::stdout().lock(), settings, |n, f| {
            eprintln!("line {n}: {f}");
        });
}
