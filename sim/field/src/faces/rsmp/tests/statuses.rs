//! Every status of every version of the list can be read, and is what the schemas say.

use clearway_rsmp::sxl::{STATUSES, Scope, Type};

use super::*;

fn component(scope: Scope) -> &'static str {
    match scope {
        Scope::Controller => "TC",
        Scope::SignalGroup => "SG1",
        Scope::DetectorLogic => "DL1",
    }
}

#[test]
fn every_value_of_every_version_is_read_and_allowed_by_the_list() {
    for sxl in Sxl::ALL {
        for core in [Core::V3_1_2, Core::V3_1_5, Core::V3_2_2] {
            let mut bench = Bench::up(core, sxl);
            bench.run(20_000);
            for status in STATUSES.iter().filter(|status| status.is_in(sxl)) {
                let fits = |argument: &&clearway_rsmp::sxl::Argument| {
                    argument.is_in(sxl) && (core.has_arrays() || argument.value != Type::Array)
                };
                let names: Vec<&str> = status.arguments.iter().filter(fits).map(|a| a.name).collect();
                if names.is_empty() {
                    continue;
                }
                let values = bench.read(component(status.scope), status.code, &names).unwrap();
                for value in values {
                    assert_eq!(value["q"], "recent", "{value}");
                    let value = serde_json::from_value(value).unwrap();
                    clearway_rsmp::sxl::check_status_value(&value, sxl)
                        .unwrap_or_else(|e| panic!("{e}: {value:?}"));
                }
            }
        }
    }
}

#[test]
fn what_a_version_does_not_have_is_refused() {
    for (sxl, code, name) in [
        (Sxl::V1_0_7, "S0022", "status"),
        (Sxl::V1_0_15, "S0014", "source"),
        (Sxl::V1_0_15, "S0033", "status"),
        (Sxl::V1_1, "S0035", "emergencyroutes"),
        (Sxl::V1_1, "S0091", "status"),
        (Sxl::V1_2, "S0018", "number"),
        (Sxl::V1_2, "S0003", "extendedinputstatus"),
    ] {
        assert!(Bench::up(Core::V3_2, sxl).read("TC", code, &[name]).is_err(), "{sxl:?} {code} {name}");
    }
}

#[test]
fn s0001_has_one_letter_for_each_group() {
    let mut bench = Bench::newest(); // offset 7 s
    let at = |bench: &mut Bench, s: i64| {
        bench.run(s * 1000 - bench.now.at.0);
        bench.value("S0001", "signalgroupstatus")
    };
    assert_eq!(at(&mut bench, 66), "0BB");
    assert_eq!(at(&mut bench, 68), "1BB");
    assert_eq!(at(&mut bench, 73), "4BB");
    assert_eq!(at(&mut bench, 93), "NBB");
    assert_eq!(at(&mut bench, 118), "BNN");
    assert_eq!(
        (bench.value("S0001", "cyclecounter"), bench.value("S0001", "stage")),
        ("51".into(), "2".into())
    );
}

#[test]
fn s0025_predicts_the_next_green_and_red_of_the_plan() {
    let mut bench = Bench::newest(); // group 1 green from 67 s to 92 s
    bench.run(60_000);
    let read = |bench: &mut Bench, name: &str| {
        bench.read("SG1", "S0025", &[name]).unwrap()[0]["s"].as_str().unwrap().to_owned()
    };
    let at = |s: i64| clearway_rsmp::time::timestamp(BEGIN_MS + s * 1000);
    assert_eq!(read(&mut bench, "likelyToGEstimate"), at(67));
    assert_eq!(read(&mut bench, "likelyToREstimate"), at(92));
    assert_eq!(
        (read(&mut bench, "ToGConfidence"), read(&mut bench, "ToRConfidence")),
        ("100".into(), "100".into())
    );
    bench.run(10_000);
    assert_eq!(
        (read(&mut bench, "likelyToGEstimate"), read(&mut bench, "likelyToREstimate")),
        (at(127), at(92))
    );
    for name in ["ToG", "ToR"] {
        let [least, likely, most] =
            ["min", "likely", "max"].map(|word| read(&mut bench, &format!("{word}{name}Estimate")));
        assert!(least <= likely && likely <= most, "{name}: {least} {likely} {most}");
    }
}

#[test]
fn counts_begin_anew_when_they_were_sent() {
    let mut bench = Bench::newest();
    for _ in 0..3 {
        bench.station.emulator_mut().detector_pulse(1);
        bench.run(1_000);
    }
    let read = |bench: &mut Bench, component: &str, code: &str, names: &[&str]| -> Vec<String> {
        let values = bench.read(component, code, names).unwrap();
        values.iter().map(|value| value["s"].as_str().unwrap().to_owned()).collect()
    };
    let begin = clearway_rsmp::time::timestamp(BEGIN_MS);
    assert_eq!(read(&mut bench, "TC", "S0205", &["start", "vehicles"]), [begin.as_str(), "3,0"]);
    assert_eq!(read(&mut bench, "DL1", "S0201", &["starttime", "vehicles"]), [begin.as_str(), "3"]);
    // Three vehicles of 0.4 s (four ticks) in 3 s: 6.5 m in 0.4 s.
    assert_eq!(read(&mut bench, "TC", "S0206", &["speed"]), ["58,-1"]);
    assert_eq!(read(&mut bench, "DL1", "S0203", &["occupancy"]), ["40"]);
    assert_eq!(read(&mut bench, "TC", "S0208", &["P", "SP"]), ["3,0", "0,0"]);
    bench.run(10_000);
    let later = clearway_rsmp::time::timestamp(BEGIN_MS + 3_000);
    assert_eq!(read(&mut bench, "TC", "S0205", &["start", "vehicles"]), [later.as_str(), "0,0"]);
    assert_eq!(read(&mut bench, "DL1", "S0204", &["P", "F"]), ["3", "0"], "this one was not sent before");
}

#[test]
fn s0097_is_the_sha256_of_s0098_where_the_list_is_followed_to_the_letter() {
    let mut bench = Bench::up_with(Core::V3_2, Sxl::V1_1, |s| s.controller.checksum = Checksum::Sha256);
    let before = bench.value("S0097", "checksum");
    assert_eq!(before.len(), 64);
    bench.order("M0018", "setCycleTime", &[("status", "65"), ("plan", "1")]).unwrap();
    assert_ne!(bench.value("S0097", "checksum"), before);
    let hash = bench.network.controllers[1].junction().configuration_hash();
    let mut bench = Bench::up(Core::V3_2, Sxl::V1_1);
    let shown = bench.value("S0097", "checksum");
    assert_eq!(clearway_rsmp::naming::configuration_hash(&shown), Some(hash));
}
